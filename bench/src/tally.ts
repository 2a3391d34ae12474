/** Counts handler calls, and waits until all that were promised have happened. */

import { setImmediate as turn } from "node:timers/promises";

const PATIENCE_MS = 20_000;

export class Tally {
  #count = 0;
  #expected = 0;

  /** A new handler, as every listener has its own. */
  syncHandler(): () => void {
    return () => {
      this.#count++;
    };
  }

  asyncHandler(): () => Promise<void> {
    return async () => {
      this.#count++;
    };
  }

  add(deliveries: number): void {
    this.#count += deliveries;
  }

  /** Resolves when `deliveries` more have been counted. */
  async reach(deliveries: number): Promise<void> {
    this.#expected += deliveries;
    if (this.#count >= this.#expected) return;
    const deadline = performance.now() + PATIENCE_MS;
    while (this.#count < this.#expected) {
      if (performance.now() > deadline) this.verify();
      await turn();
    }
  }

  /** Throws unless exactly the expected deliveries were counted. */
  verify(): void {
    if (this.#count !== this.#expected) {
      throw new Error(`Expected ${this.#expected} deliveries, counted ${this.#count}`);
    }
  }
}
