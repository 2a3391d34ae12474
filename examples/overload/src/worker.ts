/** The work: one thing at a time, each for about a millisecond, as a disk or a database would do it. */

import type { Clock } from "@aether/core";

/** A clock that can wake somebody: the platform's, or one of a test. */
export interface Waker extends Clock {
  schedule: NonNullable<Clock["schedule"]>;
}

/** Milliseconds that a piece of work takes on average. */
export const SERVICE_MS = 1;

/**
 * Does one piece of work after the other. A timer that is late costs it nothing: the next piece begins when the last
 * one should have ended, but never before it came. So its capacity does not depend on how busy the machine is.
 */
export class Worker {
  readonly #clock: Waker;
  readonly #random: () => number;
  #freeAt = 0;

  constructor(clock: Waker, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Works on something that came at `arrivedAt` (monotonic ms); resolves when it is done. */
  work(arrivedAt: number): Promise<void> | undefined {
    this.#freeAt = Math.max(this.#freeAt, arrivedAt) - Math.log(1 - this.#random()) * SERVICE_MS;
    const leftMs = this.#freeAt - this.#clock.monotonic();
    return leftMs <= 0 ? undefined : new Promise((resolve) => void this.#clock.schedule(resolve, leftMs));
  }
}
