/** Hedging: the queries of one vibrator that are asked a second time when their answer takes long. docs/physics.md §9. */

import { HedgeBudget, Latencies } from "../../physics/hedge.ts";
import { Recent } from "../../wave/recent.ts";
import type { CheckedHedge } from "../options.ts";

/** Channels whose latencies one vibrator remembers. */
const MOST_CHANNELS = 1024;

/** What is known of the queries on one channel. */
interface Past {
  readonly latencies: Latencies;
  readonly budget: HedgeBudget;
}

/** One query that may be asked a second time. */
export class Hedge {
  readonly #past: Past;
  readonly #options: CheckedHedge;
  readonly #askedAt: number;

  constructor(past: Past, options: CheckedHedge, now: number) {
    this.#past = past;
    this.#options = options;
    this.#askedAt = now;
  }

  /** Milliseconds after which it may be asked again; `undefined`: too little is known of the channel to say. */
  get afterMs(): number | undefined {
    const { p95 } = this.#past.latencies;
    // Deadlines are whole milliseconds: an answer that takes just as long as most is still waited for.
    return this.#options.afterMs ?? (p95 === undefined ? undefined : Math.floor(p95) + 1);
  }

  /** Whether the budget allows a second try. */
  get allowed(): boolean {
    return this.#past.budget.allows(this.#options.budget);
  }

  /** It was asked again, and somebody took it. */
  spent(): void {
    this.#past.budget.spend();
  }

  /** The first answer is there, at `now` in monotonic milliseconds. */
  answered(now: number): void {
    this.#past.latencies.add(now - this.#askedAt);
  }
}

/** What one vibrator has learnt of the channels that it asks with a hedge. */
export class Hedging {
  readonly #past = new Recent<string, Past>(MOST_CHANNELS);

  /** A query leaves on `channel` at `now` that may be asked a second time. */
  begin(channel: string, options: CheckedHedge, now: number): Hedge {
    let past = this.#past.get(channel);
    if (past === undefined) {
      past = { latencies: new Latencies(), budget: new HedgeBudget() };
      this.#past.set(channel, past);
    }
    past.budget.asked();
    return new Hedge(past, options, now);
  }
}
