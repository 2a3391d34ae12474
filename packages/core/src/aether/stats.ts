/** Counts of what became of waves. They balance at every moment: nothing leaves the street uncounted. */

/** Why a wave was dropped: every drop has exactly one reason. */
export const ABSORB_REASONS = [
  "floor",
  "evicted",
  "expired",
  "hops",
  "loop",
  "echo",
  "closed",
  "duplicate",
  "polarised",
  "malformed",
  "unauthorised",
  "noKey",
] as const;

export type AbsorbReason = (typeof ABSORB_REASONS)[number];

/**
 * Counts of waves. At every moment
 * `received = delivered + coalesced + annihilated + queued + the sum of absorbed`. docs/physics.md §0
 */
export interface Stats {
  /** Waves that passed admission, whatever became of them. */
  readonly emitted: number;
  readonly received: number;
  /** Waves whose handler has started or that an iterator has taken. */
  readonly delivered: number;
  readonly queued: number;
  /** Waves that interference merged into others. */
  readonly coalesced: number;
  /** Waves that interference cancelled. */
  readonly annihilated: number;
  readonly absorbed: Readonly<Record<AbsorbReason, number>>;
  /** Delivered waves whose handling failed for good. */
  readonly failed: number;
  /** Handlers at work. */
  readonly running: number;
}

/** Counts of a whole aether. */
export interface AetherStats extends Stats {
  /** Emitted waves that were too quiet to cross. */
  readonly faded: number;
  /** Emitted waves that were over the hop limit. */
  readonly exhausted: number;
  /** Emits that were refused with an error before they became waves. */
  readonly refused: number;
}

function noAbsorbed(): Record<AbsorbReason, number> {
  return {
    floor: 0,
    evicted: 0,
    expired: 0,
    hops: 0,
    loop: 0,
    echo: 0,
    closed: 0,
    duplicate: 0,
    polarised: 0,
    malformed: 0,
    unauthorised: 0,
    noKey: 0,
  };
}

/** The counters of one resonance, or the sum of several. Idle ones hold no table of reasons. */
export class Tally {
  received = 0;
  delivered = 0;
  queued = 0;
  failed = 0;
  running = 0;
  #absorbed: Record<AbsorbReason, number> | undefined;

  absorb(reason: AbsorbReason): void {
    this.#absorbed ??= noAbsorbed();
    this.#absorbed[reason]++;
  }

  add(other: Tally): void {
    this.received += other.received;
    this.delivered += other.delivered;
    this.queued += other.queued;
    this.failed += other.failed;
    this.running += other.running;
    if (other.#absorbed !== undefined) {
      this.#absorbed ??= noAbsorbed();
      for (const reason of ABSORB_REASONS) {
        this.#absorbed[reason] += other.#absorbed[reason];
      }
    }
  }

  stats(emitted: number): Stats {
    return {
      emitted,
      received: this.received,
      delivered: this.delivered,
      queued: this.queued,
      coalesced: 0,
      annihilated: 0,
      absorbed: { ...(this.#absorbed ?? noAbsorbed()) },
      failed: this.failed,
      running: this.running,
    };
  }
}
