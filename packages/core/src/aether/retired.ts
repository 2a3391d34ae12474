/** The counters of what has closed: kept for the sums, and followed as long as a handler of theirs still runs. */

import { Tally } from "./stats.ts";

/** Something with counters. */
export interface Counted {
  readonly tally: Tally;
}

/** Sums up what has closed. */
export class Retired implements Counted {
  readonly #sum = new Tally();
  /** Those whose handlers have outlived them. */
  readonly #leaving = new Set<Counted>();

  add(closed: Counted): void {
    this.#leaving.add(closed);
    this.#fold();
  }

  #fold(): void {
    for (const closed of this.#leaving) {
      const { tally } = closed;
      if (tally.running === 0) {
        this.#sum.add(tally);
        this.#leaving.delete(closed);
      }
    }
  }

  get tally(): Tally {
    this.#fold();
    const sum = new Tally();
    sum.add(this.#sum);
    for (const closed of this.#leaving) {
      sum.add(closed.tally);
    }
    return sum;
  }
}
