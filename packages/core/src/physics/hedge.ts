/** Hedging: when a query that takes long is asked a second time, and how rarely that may happen. docs/physics.md §9. */

/** How many latencies are remembered, and how many there must be. */
const MOST = 256;
const LEAST = 20;
/** The part of the latencies that is shorter than the wait. */
const QUANTILE = 0.95;

/** Share of the queries of a window that may be asked twice. */
export const HEDGE_BUDGET = 0.02;
/** Queries in the window. */
const WINDOW = 1000;

/** Push-back `|r|` above which nobody is asked a second time. */
export const HEDGE_CALM = 0.2;

/** The last 256 latencies of one channel. */
export class Latencies {
  readonly #ring = new Float64Array(MOST);
  #count = 0;
  /** Worked out anew when 16 more have come. */
  #p95: number | undefined;

  /** Milliseconds from a query to its answer. */
  add(ms: number): void {
    this.#ring[this.#count++ % MOST] = ms;
    if (this.#count % 16 === 0) {
      this.#p95 = undefined;
    }
  }

  /** What 95 of 100 answers take at most, in milliseconds; `undefined` before there were 20. */
  get p95(): number | undefined {
    if (this.#count < LEAST) {
      return undefined;
    }
    if (this.#p95 === undefined) {
      const known = this.#ring.slice(0, Math.min(this.#count, MOST)).sort();
      this.#p95 = known[Math.ceil(QUANTILE * known.length) - 1];
    }
    return this.#p95;
  }
}

/**
 * Counts the queries that could be asked twice, and says whether one more may be: of the last 1000 at most the share
 * `budget`, and one of few. docs/physics.md §9.
 */
export class HedgeBudget {
  #queries = 0;
  /** Which of the queries those were that were asked twice, the oldest first; never more than the budget of a window. */
  #hedged: number[] = [];

  /** A query leaves that may be asked twice. */
  asked(): void {
    this.#queries++;
  }

  /** Whether `budget`, 0..1, has one left. */
  allows(budget: number = HEDGE_BUDGET): boolean {
    const from = this.#queries - WINDOW;
    this.#hedged = this.#hedged.filter((query) => query > from);
    const allowed = Math.max(1, Math.floor(budget * Math.min(this.#queries, WINDOW)));
    return budget > 0 && this.#hedged.length < allowed;
  }

  /** One was asked twice: only after {@link allows} has said that it may be. */
  spend(): void {
    this.#hedged.push(this.#queries);
  }
}
