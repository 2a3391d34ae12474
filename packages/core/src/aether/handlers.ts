/** The pushing side of a resonance: it takes waves out of the inbox and runs the handler on them. */

import { AetherError, UnrecoverableError } from "../errors.ts";
import type { Exchange } from "../wave/exchange.ts";
import type { Random } from "../wave/ids.ts";
import { asItIs, type Reader } from "../wave/channel.ts";
import type { Wave } from "../wave/wave.ts";
import type { Causality } from "./causality.ts";
import type { Consumer } from "./consumer.ts";
import type { Deadlines } from "./deadlines.ts";
import type { Delivery } from "./delivery.ts";
import { type Emitting, Handling, type HandlerContext } from "./handling.ts";
import type { Interceptors } from "./interceptors.ts";
import type { Observers } from "./observers.ts";
import type { Late, Pump, Runnable } from "./pump.ts";
import { Runs } from "./runs.ts";
import type { TickTime } from "./tick-time.ts";

/** Handles one wave. What it returns answers a query; `undefined` is no answer. */
export type Handler<Out = unknown, Reply = unknown> = (
  wave: Wave<Out>,
  ctx: HandlerContext,
) => Reply | undefined | void | Promise<Reply | undefined | void>;

/** How a resonance runs its handler. */
export interface HandlerSettings {
  /** Most runs at a time. */
  readonly concurrency: number;
  readonly timeoutMs: number;
  /** Runs that may fail before a wave is given up. */
  readonly maxAttempts: number;
  readonly backoffMs: { readonly base: number; readonly max: number };
}

/** What the handlers of one vibrator share. */
export interface HandlersShared {
  readonly emitting: Emitting;
  readonly causality: Causality<Handling> | undefined;
  readonly interceptors: Interceptors;
  readonly observers: Observers;
  readonly pump: Pump;
  readonly deadlines: Deadlines;
  readonly time: TickTime;
  readonly random: Random;
}

/** What the handlers of one resonance have for themselves. */
export interface HandlersParts {
  readonly delivery: Delivery;
  readonly settings: HandlerSettings;
  readonly handler: Handler;
  readonly read: Reader<unknown>;
  /** Checks and encodes what the handler returned to a query. */
  readonly answer: (value: unknown) => unknown;
  /** Sends a wave back whose payload breaks the schema. */
  readonly reject: (wave: Wave, error: unknown) => void;
}

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
  /** Whether the handler takes waves as they are. */
  readonly #asTheyAre: boolean;
  #paused = false;
  #scheduled = false;
  #idle: (() => void) | undefined;
  /** Schemas that take their time. */
  #reading = 0;
  readonly #parts: HandlersParts;
  /** Handlers that take their time. */
  #running: Runs | undefined;
  /** Waves that wait for their next attempt, with the undo of that. */
  #retrying: Map<Wave, () => void> | undefined;
  /** Attempts of waves that failed before. */
  #attempts: Map<Wave, number> | undefined;

  constructor(shared: HandlersShared, parts: HandlersParts) {
    this.#shared = shared;
    this.#parts = parts;
    this.#delivery = parts.delivery;
    this.#handler = parts.handler;
    this.#concurrency = parts.settings.concurrency;
    this.#asTheyAre = parts.read === asItIs;
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
    const delivery = this.#delivery;
    this.#run = waves;
    this.#runNext = from;
    this.#runEnd = to;
    if (mayHandle && delivery.size === 0 && !this.#paused) {
      this.#handleRun(waves, to);
    }
    if (this.#runNext === this.#runEnd) {
      this.#run = undefined;
      if (this.#idle !== undefined) {
        this.#tellIdle();
      }
    } else {
      this.wake();
    }
  }

  /**
   * Handles the waves of the run in place, as long as it has slots, nothing else came between, and others need not
   * wait for long. The clock is read less and less often while handlers are quick.
   */
  #handleRun(waves: readonly Wave[], to: number): void {
    const { time } = this.#shared;
    let startedAt = 0;
    let stride = STRIDE;
    while (this.#run === waves && this.#runNext < to && this.#active < this.#concurrency) {
      if (to - this.#runNext <= STRIDE) {
        this.#handleStride(waves, to);
        return;
      }
      this.#handleStride(waves, Math.min(to, this.#runNext + stride));
      const now = time.refresh();
      startedAt ||= now;
      if (now - startedAt > LONGEST_RUN_MS) {
        return;
      }
      stride *= now - startedAt < 1 ? 2 : 1;
    }
  }

  /** Handles the waves of the run up to `to`. The short way is for handlers that nothing stands around. */
  #handleStride(waves: readonly Wave[], to: number): void {
    const { causality, emitting, interceptors, observers } = this.#shared;
    const delivery = this.#delivery;
    const handler = this.#handler;
    const isShort = this.#asTheyAre && !interceptors.handles && !observers.delivered.listens;
    while (this.#run === waves && this.#runNext < to && this.#active < this.#concurrency) {
      const wave = waves[this.#runNext++];
      if (wave === undefined) {
        continue;
      }
      if (!isShort) {
        this.#begin(wave);
        continue;
      }
      const handling = new Handling(wave, 1, emitting);
      delivery.delivered++;
      this.#active++;
      causality?.enter(handling);
      let result: unknown;
      try {
        result = handler(wave, handling);
      } catch (error) {
        this.#failed(handling, error);
        continue;
      }
      if (result === undefined && handling.retryMs === undefined) {
        handling.settle();
        this.#active--;
      } else {
        this.#ended(handling, result);
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

  /** Gives a wave that was taken the payload that its handler may rely on. */
  #begin(wave: Wave): void {
    const { read } = this.#parts;
    let ready: Wave | Promise<Wave>;
    try {
      ready = read(wave);
    } catch (error) {
      this.#malformed(wave, error);
      return;
    }
    if (ready instanceof Promise) {
      this.#delivery.hold();
      this.#active++;
      this.#reading++;
      ready.then(
        (late) => {
          this.#active--;
          this.#reading--;
          this.#delivery.unhold();
          this.#start(late, wave);
          this.wake();
        },
        (error: unknown) => {
          this.#active--;
          this.#reading--;
          this.#delivery.unhold();
          this.#malformed(wave, error);
          this.wake();
        },
      );
      return;
    }
    this.#start(ready, wave);
  }

  #malformed(wave: Wave, error: unknown): void {
    this.#delivery.malformed(wave);
    this.#parts.reject(wave, error);
  }

  /** Starts the handler on `wave`, which came as `original`. */
  #start(wave: Wave, original: Wave): void {
    const { causality, interceptors, emitting, observers } = this.#shared;
    const handling = new Handling(original, this.#attempts?.get(original) ?? 1, emitting);
    this.#delivery.delivered++;
    if (observers.delivered.listens) {
      this.#delivery.tellDelivered(original);
    }
    this.#active++;
    causality?.enter(handling);
    let result: unknown;
    try {
      result = interceptors.handles ? this.#intercepted(wave, handling) : this.#handler(wave, handling);
    } catch (error) {
      this.#failed(handling, error);
      return;
    }
    this.#ended(handling, result);
  }

  /** The handler has returned: with a promise, or for good. */
  #ended(handling: Handling, result: unknown): void {
    if (isThenable(result)) {
      this.#watch(handling, result);
    } else {
      this.#done(handling, result);
    }
  }

  #intercepted(wave: Wave, handling: Handling): Promise<unknown> {
    return this.#shared.interceptors.handle(wave, handling, (passed) => {
      if (passed === wave) {
        return this.#handler(wave, handling);
      }
      // An interceptor changed the wave: its payload must fit what the handler relies on.
      const ready = this.#parts.read(passed);
      return ready instanceof Promise
        ? ready.then((late) => this.#handler(late, handling))
        : this.#handler(ready, handling);
    });
  }

  /** Waits for a handler that takes its time, as long as it may. */
  #watch(handling: Handling, result: PromiseLike<unknown>): void {
    if (this.#running === undefined) {
      const { deadlines, time } = this.#shared;
      this.#running = new Runs(this.#parts.settings.timeoutMs, deadlines, time, {
        done: (settled, value) => {
          this.#done(settled, value);
          this.wake();
        },
        failed: (settled, error) => {
          this.#failed(settled, error);
          this.wake();
        },
        late: (hung) => this.#late(hung),
      });
    }
    this.#running.follow(handling, result);
  }

  #late(handling: Handling): void {
    const { wave } = handling;
    const { timeoutMs } = this.#parts.settings;
    const error = new AetherError(
      "AETHER_HANDLER_TIMEOUT",
      `The handler of ${this.#delivery.presence.vibrator} on "${wave.channel}" did not settle in ${timeoutMs} ms`,
      { details: { id: wave.id, channel: wave.channel, timeoutMs } },
    );
    handling.abort(error);
    this.#failed(handling, error);
    this.wake();
  }

  #done(handling: Handling, value: unknown): void {
    const { wave, retryMs } = handling;
    this.#end(handling);
    if (retryMs !== undefined) {
      this.#retry(handling, retryMs, handling.attempt);
      return;
    }
    if (!wave.plain) {
      this.#answer(handling, value);
    }
    this.#finished(wave);
  }

  #answer(handling: Handling, value: unknown): void {
    const { wave } = handling;
    const { exchange } = wave;
    if (exchange === undefined) {
      return;
    }
    if (value === undefined || wave.kind !== "query") {
      exchange.silent(this.#delivery.teller);
      return;
    }
    try {
      const payload = this.#parts.answer(value);
      if (payload instanceof Promise) {
        payload.then(
          (late) => this.#give(exchange, late),
          (error: unknown) => this.#keep(handling, error),
        );
      } else {
        this.#give(exchange, payload);
      }
    } catch (error) {
      this.#keep(handling, error);
    }
  }

  #give(exchange: Exchange, payload: unknown): void {
    const { by, byId } = this.#delivery.teller;
    exchange.answered({ payload, by, byId });
  }

  /** An answer that does not fit its contract is not given: the query fails. */
  #keep(handling: Handling, error: unknown): void {
    const { wave, attempt } = handling;
    this.#delivery.failed(wave, error, attempt, true);
    const message = messageOf(error);
    wave.exchange?.reflected({ code: "rejected", message, retryable: false, ...this.#delivery.teller });
  }

  #failed(handling: Handling, error: unknown): void {
    const { wave, attempt, retryMs } = handling;
    this.#end(handling);
    const { maxAttempts, backoffMs } = this.#parts.settings;
    if (retryMs !== undefined) {
      this.#retry(handling, retryMs, attempt);
      return;
    }
    const final = attempt >= maxAttempts || error instanceof UnrecoverableError || wave.exchange?.over === true;
    this.#delivery.failed(wave, error, attempt, final);
    if (!final) {
      const longest = Math.min(backoffMs.max, backoffMs.base * 2 ** (attempt - 1));
      this.#retry(handling, this.#shared.random() * longest, attempt + 1);
      return;
    }
    const retryable = error instanceof AetherError ? error.retryable : !(error instanceof UnrecoverableError);
    wave.exchange?.reflected({ code: "error", message: messageOf(error), retryable, ...this.#delivery.teller });
    this.#finished(wave);
  }

  #end(handling: Handling): void {
    handling.settle();
    this.#active--;
  }

  #finished(wave: Wave): void {
    this.#attempts?.delete(wave);
    this.#delivery.release(wave);
    if (this.#idle !== undefined) {
      this.#tellIdle();
    }
  }

  /** Lets the wave come again after `delayMs`, at the end of its band; its key stays held. */
  #retry(handling: Handling, delayMs: number, attempt: number): void {
    const { wave } = handling;
    this.#attempts ??= new Map();
    this.#attempts.set(wave, attempt);
    this.#retrying ??= new Map();
    this.#delivery.undeliver();
    const undo = this.#shared.deadlines.after(delayMs, () => {
      this.#retrying?.delete(wave);
      this.#delivery.putBack(wave);
      this.wake();
    });
    this.#retrying.set(wave, undo);
  }

  /** Waves of the run that are neither handled nor in the inbox. */
  get held(): number {
    return this.#runEnd - this.#runNext;
  }

  get running(): number {
    return this.#active - this.#reading;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.wake();
  }

  /** Whether nothing is queued, running or waiting for another attempt. */
  get #isIdle(): boolean {
    return this.#active === 0 && this.#run === undefined && this.#delivery.size === 0 && (this.#retrying?.size ?? 0) === 0;
  }

  #tellIdle(): void {
    if (this.#idle !== undefined && this.#isIdle) {
      this.#idle();
    }
  }

  async drain(deadlineMs: number): Promise<void> {
    this.#delivery.clear("requests");
    this.#giveUpRetries((wave) => wave.exchange !== undefined);
    if (this.#paused) {
      this.#giveUp();
    }
    this.wake();
    if (!this.#isIdle) {
      await new Promise<void>((resolve) => {
        const undo = this.#shared.deadlines.after(deadlineMs, resolve);
        this.#idle = () => {
          undo();
          resolve();
        };
      });
      this.#idle = undefined;
    }
    this.#paused = true;
    this.#giveUp();
    const reason = new AetherError("AETHER_DRAINING", "The handler was still running at the deadline of the drain");
    for (const handling of this.#running ?? []) {
      handling.abort(reason);
    }
    this.#running?.close();
  }

  #giveUp(): void {
    this.#giveUpRetries(() => true);
    this.#delivery.clear("all");
  }

  #giveUpRetries(which: (wave: Wave) => boolean): void {
    for (const [wave, undo] of this.#retrying ?? []) {
      if (which(wave)) {
        undo();
        this.#retrying?.delete(wave);
        this.#attempts?.delete(wave);
        this.#delivery.unhold();
        this.#delivery.absorb(wave, "closed");
      }
    }
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (value === undefined || value instanceof Promise) {
    return value !== undefined;
  }
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
