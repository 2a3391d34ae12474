/** The circuit of one receiver: it opens when too many runs fail, and one wave finds out when it may close. */

import { hash01 } from "./hash.ts";
import { tunnelling } from "./obstacle.ts";

/** The runs that are looked at, and how many of them must have failed. */
const RUNS = 20;
const FAILURES = RUNS / 2;
/** Milliseconds after which a failure counts no more. */
const MEMORY_MS = 10_000;
/** Milliseconds that it stays open. */
const OPEN_MS = 5000;
/** The loudest wave that may tunnel before the time is over: what matters more is not risked. */
const LOUDEST_TUNNELLER = 0.5;

/** What of a wave decides whether it passes. */
export interface Candidate {
  readonly trace: string;
  /** 0..1, at emission. */
  readonly amplitude: number;
}

/**
 * Opens when half of the last 20 runs have failed, all those failures within 10 seconds. It stays open for 5 seconds;
 * from then on one wave at a time may pass and probe. A run that ends well after the probe has passed closes it, one
 * that fails opens it anew. A probe of which nothing is heard for 5 seconds is followed by another.
 *
 * Successes need not be told: `ended` is how many runs have ended so far, in whatever way, and never falls. `now` is
 * monotonic milliseconds. docs/physics.md §9.
 */
export class Circuit {
  /** A ring of the last failures: which of all ended runs each was, and when. */
  readonly #places = new Float64Array(FAILURES).fill(Number.NEGATIVE_INFINITY);
  readonly #times = new Float64Array(FAILURES).fill(Number.NEGATIVE_INFINITY);
  #next = 0;
  #openedAt: number | undefined;
  /** When the probe passed, and how many runs had ended by then. */
  #probedAt: number | undefined;
  #endedBefore = 0;

  /** Whether it is open, or half open: what passes now is a probe. */
  isOpen(ended: number): boolean {
    if (this.#probedAt !== undefined && ended > this.#endedBefore) {
      this.#close();
    }
    return this.#openedAt !== undefined;
  }

  /** A run has failed; it is one of the `ended` runs. */
  failed(now: number, ended: number): void {
    if (this.isOpen(ended - 1)) {
      if (this.#probedAt !== undefined) {
        this.#open(now);
      }
      return;
    }
    this.#places[this.#next] = ended;
    this.#times[this.#next] = now;
    this.#next = (this.#next + 1) % FAILURES;
    if (ended >= RUNS && this.#recent(now, ended) >= FAILURES) {
      this.#open(now);
    }
  }

  /** The share of the last 20 runs that have failed within 10 seconds, 0..0.5; 0 before there were 20. */
  failureRate(now: number, ended: number): number {
    return ended < RUNS ? 0 : this.#recent(now, ended) / RUNS;
  }

  #recent(now: number, ended: number): number {
    return this.#places.reduce((sum, place, i) => {
      const isRecent = place > ended - RUNS && now - (this.#times[i] ?? 0) <= MEMORY_MS;
      return isRecent ? sum + 1 : sum;
    }, 0);
  }

  /** Whether `wave` passes: always when it is closed, as a probe when it is not. Asking changes nothing. */
  passes(wave: Candidate, now: number, ended: number): boolean {
    if (!this.isOpen(ended) || this.#openedAt === undefined) {
      return true;
    }
    if (this.#probedAt !== undefined) {
      return now - this.#probedAt >= OPEN_MS;
    }
    const leftMs = this.#openedAt + OPEN_MS - now;
    if (leftMs <= 0) {
      return true;
    }
    return wave.amplitude <= LOUDEST_TUNNELLER && hash01(wave.trace) < tunnelling(1, leftMs);
  }

  /** A wave was taken. While it is open that is the probe, unless another one is on its way. */
  took(now: number, ended: number): void {
    const isDue = this.#probedAt === undefined || now - this.#probedAt >= OPEN_MS;
    if (this.isOpen(ended) && isDue) {
      this.#probedAt = now;
      this.#endedBefore = ended;
    }
  }

  #open(now: number): void {
    this.#close();
    this.#openedAt = now;
  }

  #close(): void {
    this.#places.fill(Number.NEGATIVE_INFINITY);
    this.#openedAt = undefined;
    this.#probedAt = undefined;
  }
}
