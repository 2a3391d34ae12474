/** The pushing side of a resonance: it takes waves out of the inbox and runs the handler on them. */

import { AetherError, UnrecoverableError } from "../errors.ts";
import { asItIs, type Channel, type Reader } from "../wave/channel.ts";
import type { Exchange } from "../wave/exchange.ts";
import type { Random } from "../wave/ids.ts";
import type { Wave } from "../wave/wave.ts";
import type { Causality } from "./causality.ts";
import type { Consumer } from "./consumer.ts";
import type { Deadlines } from "./deadlines.ts";
import type { Delivery } from "./delivery.ts";
import { type Emitting, type HandlerContext, Handling } from "./handling.ts";
import type { Interceptors } from "./interceptors.ts";
import type { Observers } from "./observers.ts";
import type { Late, Pump, Runnable } from "./pump.ts";
import { Runs } from "./runs.ts";
import type { TickTime } from "./tick-time.ts";

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
  /** Runs that may fail before a wave is given up. */
  readonly maxAttempts: number;
  readonly backoffMs: { readonly base: number; readonly max: number };
}

/** What goes back to emitters. */
export interface Replies {
  /** What a handler returned to a query, as it goes back, at once or later. Throws or rejects when it does not fit. */
  answer(contract: Channel | undefined, value: unknown): unknown;
  /** Sends a wave back whose payload breaks the schema. */
  reject(wave: Wave, error: unknown): void;
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

/** A wave whose schema takes its time, and what came of it. */
interface Read {
  readonly wave: Wave;
  ready: Wave | undefined;
  error: unknown;
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
  /** Whether the drain has ended: what fails now is not tried again. */
  #drained = false;
  #idle: (() => void) | undefined;
  /** Waves whose schema takes its time, and those behind them. */
  #reads: Read[] | undefined;
  readonly #read: Reader<unknown>;
  readonly #contract: Channel | undefined;
  readonly #settings: HandlerSettings;
  /** Handlers that take their time. */
  #running: Runs | undefined;
  /** Waves that wait for their next attempt, with the undo of that. */
  #retrying: Map<Wave, () => void> | undefined;
  /** Attempts of waves that failed before. */
  #attempts: WeakMap<Wave, number> | undefined;

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
    this.#run = waves;
    this.#runNext = from;
    this.#runEnd = to;
    if (mayHandle && this.#delivery.size === 0) {
      this.#handleRun(waves, to);
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

  /**
   * Handles the waves of the run in place, as long as it has slots, nothing else came between, and others need not
   * wait for long. The clock is read less and less often while handlers are quick. The short way is for handlers that
   * nothing stands around; it is written out here, for this is what every wave of a wide fan-out goes through.
   */
  #handleRun(waves: readonly Wave[], to: number): void {
    const { causality, emitting, interceptors, observers } = this.#shared;
    const delivery = this.#delivery;
    const handler = this.#handler;
    const isShort = this.#asTheyAre && !interceptors.handles && !observers.delivered.listens;
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
      if (!isShort) {
        this.#begin(wave);
        continue;
      }
      const handling = new Handling(wave, emitting);
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

  /** Gives a wave that was taken the payload that its handler may rely on, and starts the handler. */
  #begin(wave: Wave): void {
    let ready: Wave | Promise<Wave>;
    try {
      ready = this.#read(wave);
    } catch (error) {
      this.#malformed(wave, error);
      return;
    }
    if (ready instanceof Promise) {
      this.#beginLater(wave, ready);
    } else if (this.#reads === undefined || this.#reads.length === 0) {
      this.#start(ready, wave);
    } else {
      this.#queueRead({ wave, ready, error: undefined });
    }
  }

  /** Waits for a schema that takes its time; waves behind it wait too, so that handlers start in order. */
  #beginLater(wave: Wave, reading: Promise<Wave>): void {
    const read: Read = { wave, ready: undefined, error: undefined };
    this.#queueRead(read);
    const settle = (): void => {
      const reads = this.#reads ?? [];
      for (let [first] = reads; first?.ready !== undefined || first?.error !== undefined; [first] = reads) {
        reads.shift();
        this.#active--;
        this.#delivery.unhold();
        if (first.ready !== undefined) {
          this.#start(first.ready, first.wave);
        } else {
          this.#malformed(first.wave, first.error);
        }
      }
      this.wake();
      this.#tellIdle();
    };
    reading.then(
      (ready) => {
        read.ready = ready;
        settle();
      },
      (error: unknown) => {
        read.error = error ?? new AetherError("AETHER_BAD_PAYLOAD", "The schema rejected without a reason");
        settle();
      },
    );
  }

  #queueRead(read: Read): void {
    this.#reads ??= [];
    this.#reads.push(read);
    this.#active++;
    this.#delivery.hold();
  }

  #malformed(wave: Wave, error: unknown): void {
    this.#delivery.malformed(wave);
    this.#shared.replies.reject(wave, error);
  }

  /** Starts the handler on `wave`, which came as `original`. */
  #start(wave: Wave, original: Wave): void {
    const { causality, interceptors, emitting, observers } = this.#shared;
    const handling = new Handling(original, emitting);
    const attempt = this.#attempts?.get(original);
    if (attempt !== undefined) {
      handling.again(attempt);
    }
    this.#delivery.delivered++;
    this.#active++;
    causality?.enter(handling);
    if (observers.delivered.listens) {
      this.#delivery.tellDelivered(original);
    }
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
    if (result instanceof Promise) {
      this.#watch(handling, result);
    } else if (typeof result === "object" && result !== null && "then" in result) {
      // A promise of somebody's own making may throw wherever it is touched: a real one is put around it.
      this.#watch(handling, Promise.resolve(result));
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
      const ready = this.#read(passed);
      return ready instanceof Promise
        ? ready.then((late) => this.#handler(late, handling))
        : this.#handler(ready, handling);
    });
  }

  /** Waits for a handler that takes its time, as long as it may. */
  #watch(handling: Handling, result: Promise<unknown>): void {
    if (this.#running === undefined) {
      const { deadlines, time } = this.#shared;
      this.#running = new Runs(this.#settings.timeoutMs, deadlines, time, {
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
    const run = this.#running.follow(handling, result);
    const { exchange } = handling.wave;
    if (exchange !== undefined) {
      // When nobody waits any more the handler is told, and its slot goes to another wave.
      handling.onOver(exchange, (reason) => {
        if (this.#running?.giveUp(run, handling) === true) {
          handling.abort(reason);
          this.#failed(handling, reason);
          this.wake();
        }
      });
    }
  }

  #late(handling: Handling): void {
    const { wave } = handling;
    const { timeoutMs } = this.#settings;
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
      if (this.#drained) {
        this.#delivery.undeliver();
        this.#delivery.unhold();
        this.#delivery.absorb(wave, "closed");
        this.#finished(wave);
      } else {
        this.#retry(handling, retryMs, handling.attempt);
      }
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
      const payload = this.#shared.replies.answer(this.#contract, value);
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
    const { teller } = this.#delivery;
    wave.exchange?.reflected({ code: "rejected", error: "AETHER_BAD_PAYLOAD", message, retryable: false, ...teller });
  }

  #failed(handling: Handling, error: unknown): void {
    const { wave, attempt, retryMs } = handling;
    this.#end(handling);
    const { maxAttempts, backoffMs } = this.#settings;
    if (retryMs !== undefined && !this.#drained) {
      this.#retry(handling, retryMs, attempt);
      return;
    }
    const isHopeless = error instanceof UnrecoverableError || this.#drained || wave.exchange?.over === true;
    const final = attempt >= maxAttempts || isHopeless;
    this.#delivery.failed(wave, error, attempt, final);
    if (!final) {
      const longest = Math.min(backoffMs.max, backoffMs.base * 2 ** (attempt - 1));
      this.#retry(handling, this.#shared.random() * longest, attempt + 1);
      return;
    }
    const retryable = error instanceof AetherError ? error.retryable : !(error instanceof UnrecoverableError);
    wave.exchange?.reflected({
      code: "error",
      error: error instanceof AetherError ? error.code : "AETHER_HANDLER_FAILED",
      message: messageOf(error),
      retryable,
      ...this.#delivery.teller,
    });
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
    this.#attempts ??= new WeakMap();
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
    return this.#active - (this.#reads?.length ?? 0);
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
    return (
      this.#active === 0 && this.#run === undefined && this.#delivery.size === 0 && (this.#retrying?.size ?? 0) === 0
    );
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
    this.#drained = true;
    this.#giveUp();
    const reason = new AetherError("AETHER_DRAINING", "The handler was still running at the deadline of the drain");
    for (const handling of this.#running ?? []) {
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
        this.#delivery.release(wave);
        this.#delivery.absorb(wave, "closed");
      }
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
