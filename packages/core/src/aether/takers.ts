/** The pulling side of a resonance: iterators, batches and `receive` take waves when they are ready for them. */

import type { Clock } from "../clock.ts";
import { expected } from "../errors.ts";
import type { Reader } from "../wave/channel.ts";
import type { Wave } from "../wave/wave.ts";
import type { Consumer } from "./consumer.ts";
import type { Deadlines } from "./deadlines.ts";
import type { Delivery } from "./delivery.ts";

/** Everything the takers of one resonance work with. */
export interface TakersParts<Out> {
  readonly delivery: Delivery;
  readonly read: Reader<Out>;
  readonly reject: (wave: Wave, error: unknown) => void;
  /** Tells the vibrator that `receive` may find a wave here. */
  readonly available: () => void;
  readonly deadlines: Deadlines;
  readonly clock: Clock;
}

const DONE: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined });
const MOST_IN_A_BATCH = 1024;

/** Somebody who waits for waves. */
interface Waiter<Out> {
  give(wave: Wave<Out>): void;
  end(): void;
}

/** Hands the waves of one inbox to those who ask. */
export class Takers<Out> implements Consumer {
  readonly #parts: TakersParts<Out>;
  readonly #delivery: Delivery;
  #waiters: Waiter<Out>[] = [];
  /** Iterators that have begun and not ended: `receive` leaves the inbox to them. */
  #iterators = 0;
  #paused = false;
  #ended = false;
  /** Whether a wave's schema is taking its time, and the wave after that. */
  #reading = false;
  #late: { readonly wave: Wave; readonly ready: Wave<Out> } | undefined;
  #idle: (() => void) | undefined;

  constructor(parts: TakersParts<Out>) {
    this.#parts = parts;
    this.#delivery = parts.delivery;
  }

  get iterated(): boolean {
    return this.#iterators > 0;
  }

  wake(): void {
    while (this.#waiters.length > 0) {
      const wave = this.#take();
      if (wave === undefined) {
        return;
      }
      this.#waiters.shift()?.give(wave);
    }
    if (this.#iterators === 0 && !this.#isIdle) {
      this.#parts.available();
    }
  }

  receiveRun(waves: readonly Wave[], from: number, to: number): void {
    this.#delivery.arrive(to - from);
    for (let at = from; at < to; at++) {
      const wave = waves[at];
      if (wave !== undefined) {
        this.#delivery.enqueue(wave);
      }
    }
    this.wake();
  }

  /** A wave that nobody waited for before; for `receive`. */
  takeOne(): Wave<Out> | undefined {
    return this.#iterators === 0 ? this.#take() : undefined;
  }

  #take(): Wave<Out> | undefined {
    const late = this.#paused ? undefined : this.#late;
    if (late !== undefined) {
      this.#late = undefined;
      this.#delivery.unhold();
      this.#taken(late.wave);
      return late.ready;
    }
    while (!this.#paused && !this.#reading) {
      const wave = this.#delivery.take(this.#parts.clock.monotonic());
      if (wave === undefined) {
        this.#tellIdle();
        return undefined;
      }
      const ready = this.#ready(wave);
      if (ready !== undefined) {
        return ready;
      }
    }
    return undefined;
  }

  /** `wave` as the one who takes it may rely on; `undefined` when it is malformed, or not ready yet. */
  #ready(wave: Wave): Wave<Out> | undefined {
    try {
      const ready = this.#parts.read(wave);
      if (!(ready instanceof Promise)) {
        this.#taken(wave);
        return ready;
      }
      void this.#readLate(wave, ready);
    } catch (error) {
      this.#malformed(wave, error);
    }
    return undefined;
  }

  /** Waits for a schema that takes its time; the waves behind it keep their order. */
  async #readLate(wave: Wave, reading: Promise<Wave<Out>>): Promise<void> {
    this.#delivery.hold();
    this.#reading = true;
    try {
      this.#late = { wave, ready: await reading };
    } catch (error) {
      this.#delivery.unhold();
      this.#malformed(wave, error);
    }
    this.#reading = false;
    this.wake();
    this.#tellIdle();
  }

  #malformed(wave: Wave, error: unknown): void {
    this.#delivery.malformed(wave);
    this.#parts.reject(wave, error);
  }

  #taken(wave: Wave): void {
    this.#delivery.delivered(wave);
    // It is in the taker's hands: there is no answer, and the next of its key may come.
    wave.exchange?.silent(this.#delivery.teller);
    this.#delivery.release(wave);
  }

  /** Iterates one wave at a time. */
  iterate(): AsyncIterableIterator<Wave<Out>> {
    return this.#iterator((wave) => wave);
  }

  /** Iterates everything that has come since the last step, at most `most` waves at a time. */
  batches(most: number = MOST_IN_A_BATCH): AsyncIterableIterator<Wave<Out>[]> {
    if (!Number.isInteger(most) || most < 1) {
      throw expected("most", "a whole number of at least 1", most);
    }
    return this.#iterator((first) => {
      const batch = [first];
      while (batch.length < most) {
        const wave = this.#take();
        if (wave === undefined) {
          break;
        }
        batch.push(wave);
      }
      return batch;
    });
  }

  /** An iterator written by hand: a step that finds a wave costs one promise. */
  #iterator<Step>(step: (wave: Wave<Out>) => Step): AsyncIterableIterator<Step> {
    let open = true;
    this.#iterators++;
    const finish = (): void => {
      if (open) {
        open = false;
        this.#iterators--;
      }
    };
    const iterator: AsyncIterableIterator<Step> = {
      next: () => {
        const wave = open ? this.#take() : undefined;
        if (wave !== undefined) {
          return Promise.resolve({ done: false, value: step(wave) });
        }
        if (!open || this.#ended) {
          finish();
          return Promise.resolve(DONE);
        }
        return new Promise((resolve) => {
          this.#waiters.push({
            give: (given) => resolve({ done: false, value: step(given) }),
            end: () => {
              finish();
              resolve(DONE);
            },
          });
        });
      },
      return: () => {
        finish();
        return Promise.resolve(DONE);
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.wake();
  }

  get #isIdle(): boolean {
    return this.#delivery.size === 0 && !this.#reading && this.#late === undefined;
  }

  #tellIdle(): void {
    if (this.#idle !== undefined && this.#isIdle) {
      this.#idle();
    }
  }

  async drain(deadlineMs: number): Promise<void> {
    this.#delivery.clear("requests");
    if (this.#iterators > 0 && !this.#paused && !this.#isIdle) {
      await new Promise<void>((resolve) => {
        const undo = this.#parts.deadlines.after(deadlineMs, resolve);
        this.#idle = () => {
          undo();
          resolve();
        };
      });
      this.#idle = undefined;
    }
    this.#ended = true;
    this.#paused = true;
    if (this.#late !== undefined) {
      this.#delivery.unhold();
      this.#delivery.absorb(this.#late.wave, "closed");
      this.#late = undefined;
    }
    this.#delivery.clear("all");
    for (const waiter of this.#waiters.splice(0)) {
      waiter.end();
    }
  }
}
