/** What is written down of one run, and the figures that follow from it. */

import { CLASSES, type ClassName } from "./classes.ts";
import { SERVICE_MS } from "./worker.ts";

/** A result that comes later than this after its wave is of no use to anybody. */
const USEFUL_MS = 250;

/** How the receiver was at one moment. */
export interface Look {
  /** Since the beginning of the run. */
  readonly ms: number;
  /** Milliseconds of work that wait. */
  readonly delayMs: number;
  readonly floor: number;
  /** Whether it is after the warm-up. */
  readonly counts: boolean;
}

/** Counts of one run. */
export class Record {
  readonly #durationMs: number;
  readonly #offered: { [K in ClassName]: number } = { critical: 0, normal: 0, bulk: 0 };
  readonly #inTime: { [K in ClassName]: number } = { critical: 0, normal: 0, bulk: 0 };
  readonly #criticalMs: number[] = [];
  readonly #looks: Look[] = [];
  #late = 0;
  #closed = false;

  /** `durationMs`: how long the run counts. */
  constructor(durationMs: number) {
    this.#durationMs = durationMs;
  }

  offered(name: ClassName): void {
    this.#offered[name]++;
  }

  /** A wave was handled, `ms` after it came. */
  handled(name: ClassName, ms: number): void {
    if (this.#closed) {
      return;
    }
    if (ms <= USEFUL_MS) {
      this.#inTime[name]++;
    } else {
      this.#late++;
    }
    if (name === "critical") {
      this.#criticalMs.push(ms);
    }
  }

  look(look: Look): void {
    this.#looks.push(look);
  }

  /** The run is over: what is handled now does not count. */
  close(): void {
    this.#closed = true;
  }

  get looks(): readonly Look[] {
    return this.#looks;
  }

  /** Percent of the waves of class `name` that were handled in time. */
  inTime(name: ClassName): number {
    return (100 * this.#inTime[name]) / Math.max(1, this.#offered[name]);
  }

  get #useful(): number {
    return CLASSES.reduce((sum, { name }) => sum + this.#inTime[name], 0);
  }

  /** Percent of the capacity that went into waves handled in time. */
  get goodput(): number {
    return (100 * this.#useful * SERVICE_MS) / this.#durationMs;
  }

  /** Waves handled, in time or not, in percent of one each {@link SERVICE_MS}. */
  get throughput(): number {
    return (100 * (this.#useful + this.#late) * SERVICE_MS) / this.#durationMs;
  }

  /** Percent of the work that was done for nobody. */
  get useless(): number {
    return (100 * this.#late) / Math.max(1, this.#late + this.#useful);
  }

  /** Milliseconds within which 99 % of the critical waves were handled that were handled at all; NaN for none. */
  get p99CriticalMs(): number {
    const sorted = this.#criticalMs.toSorted((a, b) => a - b);
    return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.NaN;
  }

  get meanDelayMs(): number {
    const delays = this.#looks.filter(({ counts }) => counts).map(({ delayMs }) => delayMs);
    return delays.reduce((sum, delay) => sum + delay, 0) / Math.max(1, delays.length);
  }

  /**
   * How long after `stepMs` the delay was back: the first moment from which on its mean over a fifth of a second is
   * below `mostMs`. `undefined`: never.
   */
  settledMs(stepMs: number, mostMs: number): number | undefined {
    const after = this.#looks.filter(({ ms }) => ms >= stepMs);
    const least = after.findIndex(({ delayMs }) => delayMs >= mostMs);
    const settled = after.find((_, at) => {
      const span = after.slice(at, at + 10);
      return at >= least && span.reduce((sum, { delayMs }) => sum + delayMs, 0) / span.length < mostMs;
    });
    return settled && settled.ms - stepMs;
  }
}
