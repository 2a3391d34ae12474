/** The pulling side of a resonance: iterators, batches and `receive` take waves when they are ready for them. */

import type { Clock } from "../../clock.ts";
import { expected } from "../../errors.ts";
import { asItIs, type Reader } from "../../wave/channel.ts";
import type { Wave } from "../../wave/wave.ts";
import type { Deadlines } from "../deadlines.ts";
import { buried } from "../failures/buried.ts";
import type { Observers } from "../observers.ts";
import type { Replies } from "./answers.ts";
import type { Consumer } from "./consumer.ts";
import type { Delivery } from "./delivery.ts";

/** Everything the takers of one resonance work with. */
export interface TakersParts {
  readonly delivery: Delivery;
  readonly read: Reader<unknown>;
  readonly replies: Replies;
  /** Tells the vibrator that `receive` may find a wave here. */
  readonly available: () => void;
  readonly deadlines: Deadlines;
  readonly clock: Clock;
  readonly observers: Observers;
}

const DONE: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined });
const MOST_IN_A_BATCH = 1024;

/** Somebody who waits for waves. */
interface Waiter {
  give(wave: Wave): void;
  end(): void;
}

/** Hands the waves of one inbox to those who ask. */
export class Takers implements Consumer {
  readonly #parts: TakersParts;
  readonly #delivery: Delivery;
  /** Whether waves are taken as they are. */
  readonly #asTheyAre: boolean;
  #waiters: Waiter[] = [];
  /** Iterators that have begun and not ended: `receive` leaves the inbox to them. */
  #iterators = 0;
  /** Whether a wave is in hand until the one who took it takes the next. */
  readonly #isRecorded: boolean;
  #paused = false;
  #ended = false;
  /** Whether a wave's schema is taking its time, and the wave after that. */
  #reading = false;
  #late: { readonly wave: Wave; readonly ready: Wave } | undefined;
  #idle: (() => void) | undefined;

  constructor(parts: TakersParts) {
    this.#parts = parts;
    this.#asTheyAre = parts.read === asItIs;
    this.#delivery = parts.delivery;
    this.#isRecorded = parts.delivery.isRecorded;
    this.#demands();
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

  readonly held = 0;
  readonly running = 0;

  receiveRun(waves: readonly Wave[], from: number, to: number): void {
    for (let at = from; at < to; at++) {
      const wave = waves[at];
      if (wave !== undefined) {
        this.#delivery.enqueue(wave);
      }
    }
    this.wake();
  }

  /** A wave that nobody waited for before; for `receive`. */
  takeOne(): Wave | undefined {
    return this.#iterators === 0 ? this.#take() : undefined;
  }

  #take(now: number = this.#parts.clock.monotonic()): Wave | undefined {
    if (this.#late !== undefined || this.#reading || this.#paused) {
      return this.#takeLate();
    }
    for (;;) {
      const wave = this.#delivery.take(now);
      if (wave === undefined) {
        if (this.#idle !== undefined) {
          this.#tellIdle();
        }
        return undefined;
      }
      if (this.#asTheyAre && !wave.encoded) {
        this.#taken(wave);
        return wave;
      }
      const ready = this.#ready(wave);
      if (ready !== undefined || this.#reading) {
        return ready;
      }
    }
  }

  /** The wave whose schema took its time, once it is there. */
  #takeLate(): Wave | undefined {
    const late = this.#paused ? undefined : this.#late;
    if (late === undefined) {
      return undefined;
    }
    this.#late = undefined;
    this.#delivery.unhold();
    this.#taken(late.wave);
    return late.ready;
  }

  /** `wave` as the one who takes it may rely on; `undefined` when it is malformed, or not ready yet. */
  #ready(wave: Wave): Wave | undefined {
    try {
      wave.open();
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
  async #readLate(wave: Wave, reading: Promise<Wave>): Promise<void> {
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
    this.#delivery.unreadable(wave, error);
    // It stays in hand until its letter is stored, and a drain waits for what is in hand.
    void this.#delivery.buried()?.then(() => this.#tellIdle());
    this.#parts.replies.reject(wave, error);
  }

  #taken(wave: Wave): void {
    this.#delivery.delivered++;
    this.#delivery.adaptive?.completed();
    if (this.#parts.observers.delivered.listens) {
      this.#delivery.tellDelivered(wave);
    }
    // It is in the taker's hands: there is no answer, and the next of its key may come.
    wave.exchange?.silent(this.#delivery.teller);
    if (!this.#delivery.answersFor(wave)) {
      this.#delivery.release(wave);
    }
  }

  /** Iterates one wave at a time. */
  iterate(): AsyncIterableIterator<Wave> {
    return this.#iterator((wave) => wave);
  }

  /** Iterates everything that has come since the last step, at most `most` waves at a time. */
  batches(most: number = MOST_IN_A_BATCH): AsyncIterableIterator<Wave[]> {
    if (!Number.isInteger(most) || most < 1) {
      throw expected("most", "a whole number of at least 1", most);
    }
    return this.#iterator((first, taken) => {
      const batch = [first];
      const now = this.#parts.clock.monotonic();
      while (batch.length < most) {
        const wave = this.#take(now);
        if (wave === undefined) {
          break;
        }
        batch.push(wave);
        taken(wave);
      }
      return batch;
    });
  }

  /** An iterator written by hand: a step that finds a wave costs one promise. */
  #iterator<Step>(step: (wave: Wave, taken: (wave: Wave) => void) => Step): AsyncIterableIterator<Step> {
    let open = true;
    this.#iterators++;
    this.#demands();
    /** Recorded waves of the last step: done with when the next is taken. */
    const inHand: Wave[] = [];
    const taken = (wave: Wave): void => {
      if (this.#isRecorded && this.#delivery.answersFor(wave)) {
        inHand.push(wave);
      }
    };
    const give = (wave: Wave): Step => {
      taken(wave);
      return step(wave, taken);
    };
    const own = new Set<Waiter>();
    const finish = (): void => {
      if (open) {
        open = false;
        this.#iterators--;
        this.#waiters = this.#waiters.filter((waiter) => !own.has(waiter));
        for (const waiter of own) {
          waiter.end();
        }
        // What it leaves behind may go to those who wait in `receive`, or to others of its group.
        if (this.#isRecorded && this.#iterators === 0) {
          this.#delivery.demands(false);
          this.#delivery.clear("recorded");
        }
        this.wake();
      }
    };
    const iterator: AsyncIterableIterator<Step> = {
      next: () => {
        if (inHand.length > 0) {
          this.#settle(inHand.splice(0), true);
        }
        const wave = open ? this.#take() : undefined;
        if (wave !== undefined) {
          return Promise.resolve({ done: false, value: give(wave) });
        }
        if (!open || this.#ended) {
          finish();
          return Promise.resolve(DONE);
        }
        return new Promise((resolve) => {
          const waiter: Waiter = {
            give: (given) => {
              own.delete(waiter);
              resolve({ done: false, value: give(given) });
            },
            end: () => {
              own.delete(waiter);
              resolve(DONE);
            },
          };
          own.add(waiter);
          this.#waiters.push(waiter);
        });
      },
      return: () => {
        this.#settle(inHand.splice(0), false);
        finish();
        return Promise.resolve(DONE);
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /** Whoever took `waves` has taken what comes after them; or else has broken off, and others shall have them. */
  #settle(waves: readonly Wave[], well: boolean): void {
    for (const wave of waves) {
      if (well) {
        void this.#delivery.settle(wave, true);
      } else {
        this.#delivery.giveBack(wave);
      }
      this.#delivery.release(wave);
    }
    this.#tellIdle();
  }

  /** Whether somebody iterates: what nobody takes is better off with others of the group. */
  get isIterated(): boolean {
    return this.#iterators > 0;
  }

  #demands(): void {
    this.#delivery.demands(this.isIterated && !this.#paused);
  }

  pause(): void {
    this.#paused = true;
    this.#demands();
  }

  resume(): void {
    this.#paused = false;
    this.#demands();
    this.wake();
  }

  get #isIdle(): boolean {
    return this.#delivery.size === 0 && !this.#reading && this.#late === undefined && this.#delivery.inHand === 0;
  }

  #tellIdle(): void {
    if (this.#idle !== undefined && this.#isIdle) {
      this.#idle();
    }
  }

  async drain(deadlineMs: number): Promise<void> {
    const startedAt = this.#parts.clock.monotonic();
    this.#delivery.end();
    this.#delivery.clear("requests");
    const isTaking = (this.#iterators > 0 && !this.#paused) || this.#delivery.inHand > 0;
    if (isTaking && !this.#isIdle) {
      await this.#parts.deadlines.within(deadlineMs, (done) => {
        this.#idle = done;
      });
      this.#idle = undefined;
    }
    await buried(this.#delivery, this.#parts.deadlines, deadlineMs - (this.#parts.clock.monotonic() - startedAt));
    this.#ended = true;
    this.#paused = true;
    if (this.#late !== undefined) {
      this.#delivery.unhold();
      this.#delivery.absorb(this.#late.wave, "closed");
      this.#late = undefined;
    }
    this.#delivery.clear("all");
    this.#delivery.giveBackAll(undefined);
    for (const waiter of this.#waiters.splice(0)) {
      waiter.end();
    }
  }
}
