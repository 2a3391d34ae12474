/** The pushing side of a resonance: it takes waves out of the inbox and runs the handler on them. */

import { AetherError, expected, UnrecoverableError } from "../../errors.ts";
import { asItIs, type Channel, type Reader } from "../../wave/channel.ts";
import type { Random } from "../../wave/ids.ts";
import type { Wave } from "../../wave/wave.ts";
import type { Causality } from "../causality.ts";
import type { Deadlines } from "../deadlines.ts";
import { buried } from "../failures/buried.ts";
import type { Handle, Interceptor, Interceptors } from "../interceptors.ts";
import type { Observers } from "../observers.ts";
import type { TickTime } from "../tick-time.ts";
import { Answers, failureOf, type Replies } from "./answers.ts";
import type { Consumer } from "./consumer.ts";
import type { Delivery } from "./delivery.ts";
import { type Emitting, type HandlerContext, Handling } from "./handling.ts";
import type { Late, Pump, Runnable } from "./pump.ts";
import { Reads } from "./reads.ts";
import { type Again, type Backoff, jitteredMs, Retries } from "./retries.ts";
import { Runs } from "./runs.ts";

/** Handles one wave. What it returns answers a query; `undefined` is no answer. */
// biome-ignore-start lint/suspicious/noConfusingVoidType: a handler that returns nothing is typed as returning void
export type Handler<Out = unknown, Reply = unknown> = (
  wave: Wave<Out>,
  ctx: HandlerContext,
) => Reply | undefined | void | Promise<Reply | undefined | void>;
// biome-ignore-end lint/suspicious/noConfusingVoidType: as above

/** How a resonance runs its handler. */
export interface HandlerSettings {
  /** Most runs at a time. */
  readonly concurrency: number;
  readonly timeoutMs: number;
  /** Runs that may fail before a wave is given up. Default: 10 for recorded waves, 1 for others. */
  readonly maxAttempts: number | undefined;
  readonly backoffMs: Backoff;
}

/** What the handlers of one vibrator share. */
export interface HandlersShared {
  readonly emitting: Emitting;
  readonly replies: Replies;
  readonly causality: Causality<Handling> | undefined;
  readonly interceptors: Interceptors;
  readonly observers: Observers;
  readonly pump: Pump;
  readonly deadlines: Deadlines;
  readonly time: TickTime;
  readonly random: Random;
}

const FIRST: Again = { attempt: 1, postponed: 0, kept: 1 };
const ATTEMPTS = { recorded: 10, ephemeral: 1 };

/** How many waves are handled between two looks at the clock. */
const STRIDE = 16;
/** How long one run may hold the event loop. */
const LONGEST_RUN_MS = 10;

/** Runs one handler for the waves of one inbox, a bounded number at a time. */
export class Handlers implements Runnable, Consumer {
  // What every wave touches stands first, and so close together.
  readonly #delivery: Delivery;
  readonly #handler: Handler;
  readonly #shared: HandlersShared;
  /** The run of waves that is being handled right now, and what of it is left. */
  #run: readonly Wave[] | undefined;
  #runNext = 0;
  #runEnd = 0;
  /** Runs that have a slot: those of handlers, and of schemas that take their time. */
  #active = 0;
  readonly #concurrency: number;
  readonly #isRecorded: boolean;
  /** Whether the handler takes waves as they are. */
  readonly #asTheyAre: boolean;
  #paused = false;
  #scheduled = false;
  /** Whether the drain has ended: what fails now is not tried again. */
  #drained = false;
  #idle: (() => void) | undefined;
  /** Waves whose schema takes its time, and those behind them. */
  #reads: Reads | undefined;
  readonly #read: Reader<unknown>;
  readonly #contract: Channel | undefined;
  readonly #settings: HandlerSettings;
  #closer: Handling | undefined;
  /** Handlers that take their time. */
  #running: Runs | undefined;
  /** Waves that wait for their next attempt. */
  #retries: Retries | undefined;
  #answers: Answers | undefined;
  /** The handler with everything around it, and what that was made for. */
  #wrapped: Handle | undefined;
  #wrappedFor: readonly Interceptor[] | undefined;

  constructor(
    delivery: Delivery,
    handler: Handler,
    read: Reader<unknown>,
    contract: Channel | undefined,
    settings: HandlerSettings,
    shared: HandlersShared,
  ) {
    this.#delivery = delivery;
    this.#handler = handler;
    this.#shared = shared;
    this.#concurrency = settings.concurrency;
    this.#asTheyAre = read === asItIs;
    this.#isRecorded = delivery.isRecorded;
    this.#read = read;
    this.#contract = contract;
    this.#settings = settings;
  }

  wake(): void {
    if (this.#run !== undefined) {
      this.#spill();
    }
    if (!this.#scheduled && !this.#paused && this.#active < this.#concurrency && this.#delivery.size > 0) {
      this.#scheduled = true;
      this.#shared.pump.schedule(this);
    }
  }

  receiveRun(waves: readonly Wave[], from: number, to: number, mayHandle: boolean): void {
    if (this.#run !== undefined) {
      this.#spill();
    }
    const isFree = mayHandle && this.#delivery.size === 0;
    const only = to - from === 1 ? waves[from] : undefined;
    if (isFree && only !== undefined && this.#active < this.#concurrency && !this.#paused) {
      this.#handleOnly(only);
      return;
    }
    this.#run = waves;
    this.#runNext = from;
    this.#runEnd = to;
    if (isFree) {
      try {
        this.#handleRun(waves, to);
      } finally {
        this.#shared.causality?.leave();
      }
    }
    if (this.#runNext < this.#runEnd) {
      this.wake();
      return;
    }
    this.#run = undefined;
    if (this.#idle !== undefined) {
      this.#tellIdle();
    }
  }

  /** A run of one wave leaves nothing to remember: on a thousand channels that saves as many writes a tick. */
  #handleOnly(wave: Wave): void {
    const { causality } = this.#shared;
    try {
      if (this.#isShort) {
        this.#handleShortly(wave, this.#handling);
      } else {
        this.#begin(wave);
      }
    } finally {
      causality?.leave();
    }
    if (this.#idle !== undefined) {
      this.#tellIdle();
    }
  }

  /** Whether waves go to the handler as they are, and nobody is told. */
  get #isShort(): boolean {
    return this.#asTheyAre && !this.#shared.observers.delivered.listens;
  }

  /** The handler, with what stands around it. */
  get #handling(): Handle {
    return this.#shared.interceptors.handles ? this.#wrap() : this.#handler;
  }

  #wrap(): Handle {
    const { interceptors } = this.#shared;
    if (this.#wrapped === undefined || this.#wrappedFor !== interceptors.handling) {
      this.#wrappedFor = interceptors.handling;
      this.#wrapped = interceptors.wrapped((wave, ctx) => this.#handleInside(wave, ctx), this.#delivery.presence);
    }
    return this.#wrapped;
  }

  /** As {@link #begin}, the short way. */
  #handleShortly(wave: Wave, handle: Handle): void {
    const { causality, emitting } = this.#shared;
    const handling = new Handling(wave, emitting);
    this.#delivery.delivered++;
    this.#active++;
    causality?.enter(handling);
    let result: unknown;
    try {
      result = handle(wave, handling);
    } catch (error) {
      this.#failed(handling, error);
      return;
    }
    if (result === undefined && handling.retryMs === undefined) {
      handling.settle();
      this.#active--;
    } else {
      this.#ended(handling, result);
    }
  }

  /**
   * Handles the waves of the run in place, as long as it has slots, nothing else came between, and others need not
   * wait for long. The clock is read less and less often while handlers are quick. The short way is what every wave of a
   * wide fan-out goes through.
   */
  #handleRun(waves: readonly Wave[], to: number): void {
    const isShort = this.#isShort;
    const handle = this.#handling;
    let startedAt = 0;
    let stride = STRIDE;
    let left = stride;
    while (this.#run === waves && this.#runNext < to && this.#active < this.#concurrency && !this.#paused) {
      if (left-- === 0) {
        const now = this.#shared.time.refresh();
        startedAt ||= now;
        if (now - startedAt > LONGEST_RUN_MS) {
          return;
        }
        stride *= now - startedAt < 1 ? 2 : 1;
        left = stride;
      }
      const wave = waves[this.#runNext++];
      if (wave === undefined) {
        continue;
      }
      if (isShort) {
        this.#handleShortly(wave, handle);
      } else {
        this.#begin(wave);
      }
    }
  }

  /** Puts what is left of the run into the inbox: something else must come after it, or there is no slot. */
  #spill(): void {
    const waves = this.#run;
    this.#run = undefined;
    for (let at = this.#runNext; at < this.#runEnd; at++) {
      const wave = waves?.[at];
      if (wave !== undefined) {
        this.#delivery.enqueue(wave);
      }
    }
    this.#runNext = this.#runEnd;
  }

  run(late: Late): boolean {
    let left = STRIDE;
    while (!this.#paused && this.#active < this.#concurrency) {
      const wave = this.#delivery.take(late.now);
      if (wave === undefined) {
        break;
      }
      this.#begin(wave);
      if (--left === 0) {
        left = STRIDE;
        if (late.isLate() && this.#delivery.size > 0) {
          return true;
        }
      }
    }
    this.#scheduled = false;
    this.#tellIdle();
    return false;
  }

  /** Gives a wave that was taken the payload that its handler may rely on, and starts the handler. */
  #begin(wave: Wave): void {
    let ready: Wave | Promise<Wave>;
    try {
      wave.open();
      ready = this.#read(wave);
    } catch (error) {
      this.#malformed(wave, error);
      return;
    }
    if (ready instanceof Promise || (this.#reads !== undefined && this.#reads.size > 0)) {
      this.#beginLater(wave, ready);
    } else {
      this.#start(ready, wave);
    }
  }

  /** Lets a wave wait for its schema, or for those of the waves before it. It has a slot while it does. */
  #beginLater(wave: Wave, ready: Wave | Promise<Wave>): void {
    this.#reads ??= new Reads(this.#delivery, {
      ready: (late, original) => {
        this.#active--;
        this.#start(late, original);
      },
      malformed: (original, error) => {
        this.#active--;
        this.#malformed(original, error);
      },
      advanced: () => {
        this.wake();
        this.#tellIdle();
      },
    });
    this.#active++;
    this.#reads.add(wave, ready);
  }

  #malformed(wave: Wave, error: unknown): void {
    this.#delivery.unreadable(wave, error);
    this.#shared.replies.reject(wave, error);
  }

  /** Starts the handler on `wave`, which came as `original`. */
  #start(wave: Wave, original: Wave): void {
    const { causality, emitting, observers, interceptors } = this.#shared;
    const handling = new Handling(original, emitting);
    const { attempt, postponed, kept } = this.#retries?.of(original) ?? FIRST;
    const attempts = Math.max(attempt, this.#delivery.attemptOf(original) ?? 1);
    if (attempts > 1 || postponed > 0) {
      handling.again(attempts, postponed);
    }
    const given = kept < 1 ? wave.weakened(kept) : wave;
    if (kept < 1 || (interceptors.handles && given !== original)) {
      handling.give(given);
    }
    this.#delivery.delivered++;
    this.#active++;
    causality?.enter(handling);
    try {
      if (observers.delivered.listens) {
        this.#delivery.tellDelivered(original);
      }
      this.#handle(given, handling);
    } finally {
      causality?.leave();
    }
  }

  #handle(wave: Wave, handling: Handling): void {
    let result: unknown;
    try {
      result = this.#handling(wave, handling);
    } catch (error) {
      this.#failed(handling, error);
      return;
    }
    this.#ended(handling, result);
  }

  /** The handler has returned: with a promise, or for good. */
  #ended(handling: Handling, result: unknown): void {
    if (result instanceof Promise) {
      this.#watch(handling, result);
    } else if (typeof result === "object" && result !== null && "then" in result) {
      // A promise of somebody's own making may throw wherever it is touched: a real one is put around it.
      this.#watch(handling, Promise.resolve(result));
    } else {
      this.#done(handling, result);
    }
  }

  /** The handler inside of what stands around it, which hears of it when a run is given up. */
  #handleInside(wave: Wave, ctx: HandlerContext): unknown {
    if (!(ctx instanceof Handling)) {
      throw expected("ctx", "what the interceptor was given, passed on", ctx);
    }
    // If an interceptor changed the wave, its payload must fit what the handler relies on.
    const ready = this.#asTheyAre || wave === ctx.given ? wave : this.#read(wave);
    const handler = this.#handler;
    const result = ready instanceof Promise ? ready.then((late) => handler(late, ctx)) : handler(ready, ctx);
    if (typeof result === "object" && result !== null && (result instanceof Promise || "then" in result)) {
      return ctx.untilGivenUp(result instanceof Promise ? result : Promise.resolve(result));
    }
    return result;
  }

  /** Waits for a handler that takes its time, as long as it may. */
  #watch(handling: Handling, result: Promise<unknown>): void {
    if (this.#running === undefined) {
      const { deadlines, time } = this.#shared;
      this.#running = new Runs(this.#settings.timeoutMs, deadlines, time, {
        done: (settled, value) => {
          this.#done(settled, value);
          if (this.#run !== undefined || this.#delivery.size > 0) {
            this.wake();
          }
        },
        failed: (settled, error) => {
          this.#failed(settled, error);
          this.wake();
        },
        late: (hung) => this.#late(hung),
      });
    }
    const run = this.#running.follow(handling, result);
    const { exchange } = handling.wave;
    if (exchange !== undefined) {
      // When nobody waits any more the handler is told, and its slot goes to another wave.
      handling.onOver(exchange, (reason) => {
        if (handling.giveUp(reason)) {
          handling.abort(reason);
        } else if (this.#running?.giveUp(run, handling) === true) {
          handling.abort(reason);
          this.#failed(handling, reason);
          this.wake();
        }
      });
    }
  }

  #late(handling: Handling): boolean {
    const { wave } = handling;
    const { timeoutMs } = this.#settings;
    const error = new AetherError(
      "AETHER_HANDLER_TIMEOUT",
      `The handler of ${this.#delivery.presence.vibrator} on "${wave.channel}" did not settle in ${timeoutMs} ms`,
      { details: { id: wave.id, channel: wave.channel, timeoutMs } },
    );
    handling.abort(error);
    if (handling.giveUp(error)) {
      return true;
    }
    this.#failed(handling, error);
    this.wake();
    return false;
  }

  #done(handling: Handling, value: unknown): void {
    const { wave, retryMs } = handling;
    this.#end(handling);
    if (retryMs !== undefined) {
      const isOver = this.#isOver(wave);
      if (!isOver && !this.#fades(handling, retryMs)) {
        this.#postpone(handling, retryMs);
        return;
      }
      if (!this.#delivery.gaveBack(wave)) {
        this.#delivery.undeliver(wave);
        this.#delivery.unhold();
        this.#delivery.absorb(wave, isOver ? "closed" : "expired");
      }
      this.#finished(wave);
      return;
    }
    const { exchange } = wave;
    if (exchange !== undefined) {
      this.#answers ??= new Answers(this.#delivery, this.#shared.replies, this.#contract);
      this.#answers.give(handling, exchange, value);
    }
    if (this.#isRecorded) {
      void this.#delivery.settle(wave, true);
    }
    this.#finished(wave);
  }

  #failed(handling: Handling, error: unknown): void {
    const { wave, attempt, retryMs } = handling;
    this.#end(handling);
    const { backoffMs } = this.#settings;
    const isOver = this.#isOver(wave);
    if (retryMs !== undefined && !isOver && !this.#fades(handling, retryMs)) {
      this.#delivery.failed(wave, error, attempt, false);
      this.#postpone(handling, retryMs);
      return;
    }
    if (isOver && this.#delivery.gaveBack(wave)) {
      this.#delivery.failed(wave, error, attempt, false);
      this.#finished(wave);
      return;
    }
    const isHopeless = isUnrecoverable(error) || isOver || wave.exchange?.over === true;
    const final = attempt >= this.#maxAttempts || isHopeless;
    this.#delivery.failed(wave, error, attempt, final);
    if (!final) {
      const known = this.#retries?.of(wave) ?? FIRST;
      this.#retry(wave, jitteredMs(attempt, backoffMs, this.#shared.random), { ...known, attempt: attempt + 1 });
      return;
    }
    const { exchange } = wave;
    if (exchange !== undefined) {
      exchange.reflected(failureOf(error, this.#delivery.teller));
    } else if (wave.reflects) {
      this.#delivery.comeBack(wave, failureOf(error, this.#delivery.teller));
    }
    const stored = this.#delivery.settle(wave, false);
    if (stored === undefined) {
      this.#finished(wave);
    } else {
      // The next of its key waits: should this one come again, it must come first.
      void stored.then(() => {
        this.#finished(wave);
        this.wake();
      });
    }
  }

  /** Whether nothing more can become of `wave` here. */
  #isOver(wave: Wave): boolean {
    return this.#drained && !this.#delivery.answersFor(wave);
  }

  get #maxAttempts(): number {
    return this.#settings.maxAttempts ?? (this.#delivery.isRecorded ? ATTEMPTS.recorded : ATTEMPTS.ephemeral);
  }

  #end(handling: Handling): void {
    handling.settle();
    this.#active--;
    if (this.#delivery.adaptive !== undefined && this.#delivery.size > 0) {
      this.#delivery.adaptive.completed();
    }
  }

  #finished(wave: Wave): void {
    this.#retries?.forget(wave);
    this.#delivery.release(wave);
    if (this.#idle !== undefined) {
      this.#tellIdle();
    }
  }

  /** Lets the wave of a run come again that was put off. */
  #postpone({ wave, nextAttempt, postponed, keeps }: Handling, delayMs: number): void {
    const { kept } = this.#retries?.of(wave) ?? FIRST;
    const left = this.#delivery.isRecorded ? 1 : kept * keeps;
    this.#retry(wave, delayMs, { attempt: nextAttempt, postponed: postponed + 1, kept: left });
  }

  /** Whether nothing audible is left of a wave when it comes again after `delayMs`. */
  #fades({ given, keeps }: Handling, delayMs: number): boolean {
    return (
      keeps < 1 && !this.#delivery.isRecorded && given.weakened(keeps).hasFaded(this.#shared.time.refresh() + delayMs)
    );
  }

  #retry(wave: Wave, delayMs: number, again: Again): void {
    if (this.#delivery.passesOn(wave, delayMs, again.attempt)) {
      this.#finished(wave);
      return;
    }
    this.#retries ??= new Retries(this.#delivery, this.#shared.deadlines, () => this.wake());
    this.#retries.add(wave, delayMs, again);
  }

  /** Waves of the run that are neither handled nor in the inbox. */
  get held(): number {
    return this.#runEnd - this.#runNext;
  }

  get running(): number {
    return this.#active - (this.#reads?.size ?? 0);
  }

  pause(): void {
    this.#paused = true;
    this.#delivery.demands(false);
  }

  resume(): void {
    this.#paused = false;
    this.#delivery.demands(true);
    this.wake();
  }

  /** Whether nothing is queued, running (but for one that closes) or waiting for another attempt. */
  get #isIdle(): boolean {
    return (
      this.#active === (this.#closer === undefined || this.#closer.settled ? 0 : 1) &&
      this.#run === undefined &&
      this.#delivery.size === 0 &&
      (this.#retries?.size ?? 0) === 0
    );
  }

  #tellIdle(): void {
    if (this.#idle !== undefined && this.#isIdle) {
      this.#idle();
    }
  }

  async drain(deadlineMs: number): Promise<void> {
    const startedAt = this.#shared.time.refresh();
    this.#delivery.end();
    this.#delivery.clear("requests");
    this.#retries?.giveUp((wave) => wave.exchange !== undefined || this.#delivery.answersFor(wave));
    if (this.#paused) {
      this.#giveUp();
    }
    this.#closer = this.#ownCloser();
    this.wake();
    if (!this.#isIdle) {
      await this.#shared.deadlines.within(deadlineMs, (done) => {
        this.#idle = done;
      });
      this.#idle = undefined;
    }
    await buried(this.#delivery, this.#shared.deadlines, deadlineMs - (this.#shared.time.refresh() - startedAt));
    this.#paused = true;
    this.#drained = true;
    this.#giveUp();
    this.#delivery.giveBackAll(this.#closer?.wave);
    const reason = new AetherError("AETHER_DRAINING", "The handler was still running at the deadline of the drain");
    for (const handling of this.#running ?? []) {
      if (handling !== this.#closer) {
        handling.abort(reason);
      }
    }
  }

  /** The run that is closing what it runs in, and waits for that: it is not waited for. */
  #ownCloser(): Handling | undefined {
    const current = this.#shared.causality?.current;
    return [...(this.#running ?? [])].find((handling) => handling === current);
  }

  #giveUp(): void {
    this.#retries?.giveUp(() => true);
    this.#delivery.clear("all");
  }
}

function isUnrecoverable(error: unknown): boolean {
  try {
    return error instanceof UnrecoverableError;
  } catch {
    return false; // It throws when it is looked at.
  }
}
