/** Counts of what became of waves. They balance at every moment: nothing leaves the street uncounted. */

import type { DeadLetterStats } from "../medium/dead-letter-store.ts";
import type { ReturnsStats } from "./failures/returns.ts";

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
  readonly absorbed: Readonly<Absorbed>;
  /** Delivered waves whose handling failed for good. */
  readonly failed: number;
  /** Handlers at work. */
  readonly running: number;
  /** Waves that were taken after they went around other members of the group. docs/physics.md §9 */
  readonly diffracted: number;
}

/** How high a noise floor is at one moment, and why. docs/physics.md §3. */
export interface Load {
  /** Amplitude below which the resonance does not listen, 0..1. */
  readonly floor: number;
  /** The share of waves that it sheds to keep up, 0..0.99. */
  readonly shed: number;
  /** Milliseconds that a wave has to wait in the inbox; measured where the floor is adaptive, else 0. */
  readonly delayMs: number;
}

/** Counts of one resonance, and its load. */
export interface ResonanceStats extends Stats, Load {}

/** Counts of a whole aether. */
export interface AetherStats extends Stats {
  /** Emitted waves that were too quiet to cross. */
  readonly faded: number;
  /** Emitted waves that were over the hop limit. */
  readonly exhausted: number;
  /** Emits that were refused with an error before they became waves. */
  readonly refused: number;
  /** Events and broadcasts that failed here and were to come back to their emitters. docs/physics.md §7 */
  readonly reflections: ReturnsStats;
  /**
   * Waves that failed for good, and what became of them: those of this aether that are in memory, and those of recorded
   * waves of the whole namespace, as they were when this aether last looked. docs/physics.md §7
   */
  readonly deadLetters: DeadLetterStats;
}

/** Counts by reason. */
export type Absorbed = Record<AbsorbReason, number>;

export function noneAbsorbed(): Absorbed {
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

/** The counters of a resonance at one moment. */
export interface Counts {
  readonly received: number;
  readonly delivered: number;
  readonly queued: number;
  readonly failed: number;
  readonly running: number;
  readonly diffracted: number;
  readonly absorbed: Readonly<Absorbed> | undefined;
}

/** Counters of one resonance, or the sum of several. */
export class Tally {
  #received = 0;
  #delivered = 0;
  #queued = 0;
  #failed = 0;
  #running = 0;
  #diffracted = 0;
  readonly #absorbed = noneAbsorbed();

  constructor(counts?: Counts) {
    if (counts !== undefined) {
      this.#received = counts.received;
      this.#delivered = counts.delivered;
      this.#queued = counts.queued;
      this.#failed = counts.failed;
      this.#running = counts.running;
      this.#diffracted = counts.diffracted;
      this.#addAbsorbed(counts.absorbed);
    }
  }

  get running(): number {
    return this.#running;
  }

  add(other: Tally): void {
    this.#received += other.#received;
    this.#delivered += other.#delivered;
    this.#queued += other.#queued;
    this.#failed += other.#failed;
    this.#running += other.#running;
    this.#diffracted += other.#diffracted;
    this.#addAbsorbed(other.#absorbed);
  }

  #addAbsorbed(absorbed: Readonly<Absorbed> | undefined): void {
    for (const reason of ABSORB_REASONS) {
      this.#absorbed[reason] += absorbed?.[reason] ?? 0;
    }
  }

  stats(emitted: number): Stats {
    return {
      emitted,
      received: this.#received,
      delivered: this.#delivered,
      queued: this.#queued,
      coalesced: 0,
      annihilated: 0,
      absorbed: { ...this.#absorbed },
      failed: this.#failed,
      running: this.#running,
      diffracted: this.#diffracted,
    };
  }
}
