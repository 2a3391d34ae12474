/** The time of this tick: all waves of one tick leave at the same time, and the clock is read once for them. */

import { type Clock, systemClock } from "../clock.ts";

const RESOLVED = Promise.resolve();

/**
 * Reads the platform's clock once a tick, as the event loop itself does for timers. Any other clock is read each
 * time, for it may be moved within a tick.
 */
export class TickTime {
  readonly #clock: Clock;
  readonly #cached: boolean;
  #now = 0;
  #fresh = false;
  readonly #expire = (): void => {
    this.#fresh = false;
  };

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#cached = clock === systemClock;
  }

  /** Monotonic milliseconds. */
  now(): number {
    if (this.#fresh) {
      return this.#now;
    }
    this.#now = this.#clock.monotonic();
    if (this.#cached) {
      this.#fresh = true;
      void RESOLVED.then(this.#expire);
    }
    return this.#now;
  }
}
