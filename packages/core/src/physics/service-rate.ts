/** The service rate: how fast a receiver works while it has something to do. docs/physics.md §3. */

/** The part that an observation is kept in the next one. */
const KEPT = 0.9;
/** Busy milliseconds without a completion after which the silence itself says how slow the receiver is. */
const LONG_SILENCE_MS = 200;

/**
 * Completions per millisecond while waves wait, as the quotient of two moving means (0.9 / 0.1 for each observation):
 * ticks in which little was going on weigh little. It is seen from the length of a silence, too, so a receiver that
 * hangs gets slower and slower instead of keeping its last good rate.
 */
export class ServiceRate {
  #completions = 0;
  #busyMs = 0;
  #silentMs = 0;

  /** Adds what happened since the last time: `completions` in the `busyMs` milliseconds in which waves waited. */
  observe(completions: number, busyMs: number): void {
    if (!(busyMs > 0)) {
      return;
    }
    this.#completions = KEPT * this.#completions + (1 - KEPT) * completions;
    this.#busyMs = KEPT * this.#busyMs + (1 - KEPT) * busyMs;
    this.#silentMs = completions > 0 ? 0 : this.#silentMs + busyMs;
  }

  /** Waves per millisecond; 0: nothing is known yet. */
  get perMs(): number {
    if (this.#busyMs === 0) {
      return 0;
    }
    const rate = this.#completions / this.#busyMs;
    const isSilent = this.#silentMs > LONG_SILENCE_MS || rate === 0;
    return isSilent ? Math.max(rate, 1 / this.#silentMs) : rate;
  }
}
