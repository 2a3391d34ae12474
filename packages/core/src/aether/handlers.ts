/** The pushing side of a resonance: it takes waves out of the inbox and runs the handler on them. */

import type { Clock } from "../clock.ts";
import { AetherError, UnrecoverableError } from "../errors.ts";
import type { Random } from "../wave/ids.ts";
import type { Reader } from "../wave/channel.ts";
import type { Wave } from "../wave/wave.ts";
import type { Causality } from "./causality.ts";
import type { Consumer } from "./consumer.ts";
import type { Deadline, Deadlines } from "./deadlines.ts";
import type { Delivery } from "./delivery.ts";
import { type Emitting, Handling, type HandlerContext } from "./handling.ts";
import type { Interceptors } from "./interceptors.ts";
import type { Late, Pump, Runnable } from "./pump.ts";

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

/** Everything the handlers of one resonance work with. */
export interface HandlersParts<Out> {
  readonly delivery: Delivery;
  readonly settings: HandlerSettings;
  readonly handler: Handler<Out>;
  readonly read: Reader<Out>;
  /** Checks and encodes what the handler returned to a query. */
  readonly answer: (value: unknown) => unknown;
  /** Sends a wave back whose payload breaks the schema. */
  readonly reject: (wave: Wave, error: unknown) => void;
  readonly emitting: Emitting;
  readonly causality: Causality<Handling> | undefined;
  readonly interceptors: Interceptors;
  readonly pump: Pump;
  readonly deadlines: Deadlines;
  readonly clock: Clock;
  readonly random: Random;
}

/** How many waves are handled between two looks at the clock. */
const STRIDE = 16;
/** How long one run may hold the event loop. */
const LONGEST_RUN_MS = 10;

/** Runs one handler for the waves of one inbox, a bounded number at a time. */
export class Handlers<Out> implements Runnable, Consumer {
  readonly #parts: HandlersParts<Out>;
  readonly #delivery: Delivery;
  readonly #handler: Handler<Out>;
  readonly #concurrency: number;
  /** Runs that have a slot: those of handlers, and of schemas that take their time. */
  #active = 0;
  #paused = false;
  #scheduled = false;
  /** The run of waves that is being handled right now, and what of it is left. */
  #run: readonly Wave[] | undefined;
  #runNext = 0;
  #runEnd = 0;
  /** Runs that have not settled yet, of handlers that take their time. */
  readonly #running = new Set<Handling>();
  /** Waves that wait for their next attempt, with the undo of that. */
  #retrying: Map<Wave, () => void> | undefined;
  /** Attempts of waves that failed before. */
  #attempts: Map<Wave, number> | undefined;
  #idle: (() => void) | undefined;

  constructor(parts: HandlersParts<Out>) {
    this.#parts = parts;
    this.#delivery = parts.delivery;
    this.#handler = parts.handler;
    this.#concurrency = parts.settings.concurrency;
  }

  wake(): void {
    if (this.#run !== undefined) {
      this.#spill();
    }
    if (!this.#scheduled && !this.#paused && this.#active < this.#concurrency && this.#delivery.size > 0) {
      this.#scheduled = true;
      this.#parts.pump.schedule(this);
    }
  }

  receiveRun(waves: readonly Wave[], from: number, to: number, mayHandle: boolean): void {
    if (this.#run !== undefined) {
      this.#spill();
    }
    const delivery = this.#delivery;
    delivery.arrive(to - from);
    this.#run = waves;
    this.#runNext = from;
    this.#runEnd = to;
    if (mayHandle && delivery.size === 0 && !this.#paused) {
      this.#handleRun();
    }
    this.wake();
    this.#tellIdle();
  }

  /**
   * Handles the waves of the run in place, as long as it has slots, nothing else came between, and others need not
   * wait for long. The clock is read less and less often while handlers are quick.
   */
  #handleRun(): void {
    const { clock } = this.#parts;
    const waves = this.#run;
    let startedAt = 0;
    let stride = STRIDE;
    let left = stride;
    while (this.#run !== undefined && this.#runNext < this.#runEnd && this.#active < this.#concurrency) {
      const wave = waves?.[this.#runNext++];
      if (wave !== undefined) {
        this.#delivery.unhold();
        this.#begin(wave);
      }
      if (--left === 0) {
        const now = clock.monotonic();
        startedAt ||= now;
        if (now - startedAt > LONGEST_RUN_MS) {
          return;
        }
        stride *= now - startedAt < 1 ? 2 : 1;
        left = stride;
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
    let ready: Wave<Out> | Promise<Wave<Out>>;
    try {
      ready = read(wave);
    } catch (error) {
      this.#malformed(wave, error);
      return;
    }
    if (ready instanceof Promise) {
      this.#delivery.hold();
      this.#active++;
      ready.then(
        (late) => {
          this.#active--;
          this.#delivery.unhold();
          this.#start(late, wave);
          this.wake();
        },
        (error: unknown) => {
          this.#active--;
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
  #start(wave: Wave<Out>, original: Wave): void {
    const { causality, interceptors } = this.#parts;
    const delivery = this.#delivery;
    const attempt = this.#attempts?.get(original) ?? 1;
    const handling = new Handling(original, attempt, this.#parts.emitting);
    delivery.delivered(original);
    delivery.started();
    this.#active++;
    causality?.enter(handling);
    let result: unknown;
    try {
      result = interceptors.handles ? this.#intercepted(wave, handling) : this.#handler(wave, handling);
    } catch (error) {
      this.#failed(handling, error);
      return;
    }
    if (result === undefined) {
      this.#done(handling, undefined);
    } else if (isThenable(result)) {
      this.#watch(handling, result);
    } else {
      this.#done(handling, result);
    }
  }

  #intercepted(wave: Wave<Out>, handling: Handling): Promise<unknown> {
    return this.#parts.interceptors.handle(wave, handling, (passed) => {
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
    const { deadlines, settings, clock } = this.#parts;
    const now = clock.monotonic();
    const left = (handling.wave.exchange?.deadline ?? Number.POSITIVE_INFINITY) - now;
    const watch = handling.watch(this.#onTimeout);
    deadlines.add(watch, Math.min(settings.timeoutMs, left), now);
    this.#running.add(handling);
    result.then(
      (value) => {
        if (this.#settled(handling, watch)) {
          this.#done(handling, value);
          this.wake();
        }
      },
      (error: unknown) => {
        if (this.#settled(handling, watch)) {
          this.#failed(handling, error);
          this.wake();
        }
      },
    );
  }

  /** False when the handler was given up before. */
  #settled(handling: Handling, watch: Deadline): boolean {
    this.#parts.deadlines.remove(watch);
    this.#running.delete(handling);
    return !handling.settled;
  }

  readonly #onTimeout = (handling: Handling): void => {
    this.#running.delete(handling);
    const { wave } = handling;
    const error = new AetherError(
      "AETHER_HANDLER_TIMEOUT",
      `The handler of ${this.#delivery.presence.vibrator} on "${wave.channel}" did not settle in its time`,
      { details: { id: wave.id, channel: wave.channel, timeoutMs: this.#parts.settings.timeoutMs } },
    );
    handling.timeOut(error);
    this.#failed(handling, error);
    this.wake();
  };

  #done(handling: Handling, value: unknown): void {
    const { wave, retryMs } = handling;
    this.#end(handling);
    if (retryMs !== undefined) {
      this.#retry(handling, retryMs, handling.attempt);
      return;
    }
    const { exchange } = wave;
    if (exchange !== undefined) {
      this.#answer(handling, value);
    }
    this.#finished(wave);
  }

  #answer(handling: Handling, value: unknown): void {
    const { exchange } = handling.wave;
    const delivery = this.#delivery;
    if (value === undefined || handling.wave.kind !== "query") {
      exchange?.silent(delivery.teller);
      return;
    }
    const give = (payload: unknown): void => exchange?.answered({ payload, ...delivery.teller });
    const refuse = (error: unknown): void => {
      delivery.failed(handling.wave, error, handling.attempt, true);
      exchange?.reflected({ code: "rejected", message: messageOf(error), retryable: false, ...delivery.teller });
    };
    try {
      const payload = this.#parts.answer(value);
      if (payload instanceof Promise) {
        payload.then(give, refuse);
      } else {
        give(payload);
      }
    } catch (error) {
      refuse(error);
    }
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
      this.#retry(handling, this.#parts.random() * longest, attempt + 1);
      return;
    }
    const retryable = error instanceof AetherError ? error.retryable : !(error instanceof UnrecoverableError);
    wave.exchange?.reflected({ code: "error", message: messageOf(error), retryable, ...this.#delivery.teller });
    this.#finished(wave);
  }

  #end(handling: Handling): void {
    handling.settle();
    this.#active--;
    this.#delivery.ended();
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
    const undo = this.#parts.deadlines.after(delayMs, () => {
      this.#retrying?.delete(wave);
      this.#delivery.putBack(wave);
      this.wake();
    });
    this.#retrying.set(wave, undo);
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
        const undo = this.#parts.deadlines.after(deadlineMs, resolve);
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
    for (const handling of this.#running) {
      handling.abort(reason);
    }
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
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
