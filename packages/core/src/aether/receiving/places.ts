/** Places: how many resonances one aether may have open at a time. */

import { AetherError } from "../../errors.ts";

export class Places {
  readonly #most: number;
  #taken = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Throws `AETHER_TOO_MANY` when none is left. */
  take(): void {
    if (this.#taken >= this.#most) {
      throw new AetherError(
        "AETHER_TOO_MANY",
        `Expected at most ${this.#most} open resonances, got one more: close some, or raise limits.maxResonances`,
        { details: { limit: this.#most } },
      );
    }
    this.#taken++;
  }

  leave(): void {
    this.#taken--;
  }
}
