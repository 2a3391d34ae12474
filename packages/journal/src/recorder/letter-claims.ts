/** Who is emitting which letter again: at most one at a time. A journal has one process, so it is kept in memory. */

import type { Clock } from "@aether/core";

/** How long a claim holds of which nothing is heard: longer than any emit waits. */
const CLAIM_MS = 60_000;

export class LetterClaims {
  readonly #clock: Clock;
  /** Until when, on the monotonic clock. */
  readonly #until = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** False: somebody else has it. */
  claim(id: string): boolean {
    const now = this.#clock.monotonic();
    if ((this.#until.get(id) ?? now) > now) {
      return false;
    }
    this.#until.set(id, now + CLAIM_MS);
    return true;
  }

  release(id: string): void {
    this.#until.delete(id);
  }
}
