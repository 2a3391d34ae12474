/** What a benchmark row is: contestants that do the same work, and the bars between them. */

export interface Row {
  /** Kebab-case, what `--only` filters by. */
  readonly name: string;
  /** The work of one operation, in words. */
  readonly work: string;
  /** Speeds are better when larger, sizes when smaller; a size is taken once a process, without warm-up. */
  readonly unit: "ops/s" | "bytes";
  /** True: every contestant has a process of its own, and the processes take turns. */
  readonly apart: boolean;
  readonly contestants: readonly Contestant[];
  readonly bars: readonly Bar[];
}

export interface Contestant {
  readonly name: string;
  /** Sets the work up, outside the clock. */
  open(): Promise<Trial>;
}

export interface Trial {
  /** Works for at least `sampleMs`; returns the measure, in the row's unit, or throws when a delivery is missing. */
  sample(sampleMs: number): Promise<number>;
  close(): Promise<void>;
}

/** A comparison that is shown, and judged when it has a limit. */
export type Bar = RatioBar | SizeBar;

export interface RatioBar {
  readonly ours: string;
  /** The fastest of these counts: a peer is measured in its better mode. */
  readonly peers: readonly string[];
  readonly atLeast?: number;
  readonly stretch?: number;
}

export interface SizeBar {
  readonly ours: string;
  readonly atMost?: number;
}
