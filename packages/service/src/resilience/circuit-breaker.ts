/** The state of one circuit breaker: closed, open, or half open while probes find out. Knows no clock. */

/** When a breaker opens and closes. */
export interface BreakerSettings {
  /** Failures in a row after which it opens. */
  readonly threshold: number;
  /** Milliseconds that it stays open. */
  readonly openMs: number;
  /** Probes in a row that must succeed. */
  readonly successes: number;
}

/** Whether a call may be made: as usual, as a probe, or not before so many milliseconds. */
export type Permit = "pass" | "probe" | { readonly afterMs: number };

/** How long others wait while a probe is on its way. */
const PROBING_MS = 50;

export class CircuitBreaker {
  #failures = 0;
  #openedAt: number | undefined;
  #successes = 0;
  #isProbing = false;

  get isOpen(): boolean {
    return this.#openedAt !== undefined;
  }

  /** Whether nothing has failed since something went well. */
  get isCalm(): boolean {
    return this.#openedAt === undefined && this.#failures === 0;
  }

  /** What may be done at `now`. A probe must be followed by one of what is below. */
  permit(now: number, { openMs }: BreakerSettings): Permit {
    if (this.#openedAt === undefined) {
      return "pass";
    }
    const leftMs = this.#openedAt + openMs - now;
    if (leftMs > 0) {
      return { afterMs: leftMs };
    }
    if (this.#isProbing) {
      return { afterMs: PROBING_MS };
    }
    this.#isProbing = true;
    return "probe";
  }

  /** A call that was permitted has come back well. */
  succeeded(permit: Permit, { successes }: BreakerSettings): void {
    if (permit !== "probe") {
      this.#failures = this.isOpen ? this.#failures : 0;
      return;
    }
    this.#isProbing = false;
    this.#successes++;
    if (this.#successes >= successes) {
      this.#openedAt = undefined;
      this.#failures = 0;
      this.#successes = 0;
    }
  }

  /** Nobody wanted to know any more how it ends: that says nothing. */
  abandoned(permit: Permit): void {
    if (permit === "probe") {
      this.#isProbing = false;
    }
  }

  /** One has failed; gives whether the breaker opens by that. */
  failed(permit: Permit, now: number, { threshold }: BreakerSettings): boolean {
    if (permit === "probe") {
      this.#isProbing = false;
    } else if (this.isOpen) {
      return false;
    } else if (++this.#failures < threshold) {
      return false;
    }
    this.#openedAt = now;
    this.#successes = 0;
    return true;
  }
}
