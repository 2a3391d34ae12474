/** How many waves may be sent back to one emitter: 50 a second, 100 at once. docs/physics.md §7. */

import { Recent } from "../../wave/recent.ts";

const PER_SECOND = 50;
const BURST = 100;
const MOST_EMITTERS = 10_000;

/** A token bucket for each emitter; the table is bounded, the buckets that were used last are kept. */
export class ReflectionLimit {
  readonly #buckets = new Recent<string, { tokens: number; at: number }>(MOST_EMITTERS);

  /** Takes a token of `emitter` at `now` (monotonic milliseconds); false when there is none. */
  allows(emitter: string, now: number): boolean {
    let bucket = this.#buckets.get(emitter);
    if (bucket === undefined) {
      bucket = { tokens: BURST, at: now };
      this.#buckets.set(emitter, bucket);
    }
    bucket.tokens = Math.min(BURST, bucket.tokens + ((now - bucket.at) * PER_SECOND) / 1000);
    bucket.at = now;
    if (bucket.tokens < 1) {
      return false;
    }
    bucket.tokens--;
    return true;
  }
}
