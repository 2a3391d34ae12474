/** Compares samples with bars. */

import { median, quantile, type Samples } from "./harness.ts";
import type { Bar, RatioBar, Row, SizeBar } from "./row.ts";

export type Outcome = "stretch" | "pass" | "miss" | "info" | "failed";

export interface Verdict {
  readonly row: string;
  readonly outcome: Outcome;
  readonly unit: Row["unit"];
  readonly contestant: string;
  readonly value: number;
  readonly bar: string;
  readonly peer?: string;
  readonly peerValue?: number;
  /** Median of the ratios within a round, and the middle half of them. */
  readonly ratio?: number;
  readonly spread?: readonly [number, number];
  readonly error?: string;
}

/** A verdict for each bar whose contestants were measured. */
export function judge(row: Row, samples: Samples): Verdict[] {
  return row.bars.flatMap((bar) => ("peers" in bar ? judgeRatio(row, bar, samples) : judgeSize(row, bar, samples)));
}

/** Each contestant by itself, where nothing can be compared. */
export function list(row: Row, samples: Samples): Verdict[] {
  return Object.entries(samples).map(([contestant, taken]) => ({
    row: row.name,
    outcome: "info",
    unit: row.unit,
    contestant,
    value: median(taken),
    bar: "",
  }));
}

export function failure(row: Row, error: unknown): Verdict {
  return {
    row: row.name,
    outcome: "failed",
    unit: row.unit,
    contestant: "",
    value: Number.NaN,
    bar: "",
    error: error instanceof Error ? error.message : String(error),
  };
}

function judgeRatio(row: Row, bar: RatioBar, samples: Samples): Verdict[] {
  const ours = samples[bar.ours];
  const [peer, theirs] = fastest(bar, samples);
  if (ours === undefined || theirs === undefined) return [];

  const ratios = ours.map((value, round) => value / (theirs[round] ?? Number.NaN));
  const ratio = median(ratios);
  return [
    {
      row: row.name,
      outcome: outcomeOf(ratio, bar),
      unit: row.unit,
      contestant: bar.ours,
      value: median(ours),
      bar: limitOf(bar),
      peer,
      peerValue: median(theirs),
      ratio,
      spread: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
    },
  ];
}

function fastest({ peers }: RatioBar, samples: Samples): [peer: string, samples: number[] | undefined] {
  const measured = peers.filter((peer) => samples[peer] !== undefined);
  const [best = ""] = measured.toSorted((a, b) => median(samples[b] ?? []) - median(samples[a] ?? []));
  return [best, samples[best]];
}

function judgeSize(row: Row, bar: SizeBar, samples: Samples): Verdict[] {
  const ours = samples[bar.ours];
  if (ours === undefined) return [];
  const value = median(ours);
  const outcome = bar.atMost === undefined ? "info" : value <= bar.atMost ? "pass" : "miss";
  return [{ row: row.name, outcome, unit: row.unit, contestant: bar.ours, value, bar: limitOf(bar) }];
}

function outcomeOf(ratio: number, { atLeast, stretch }: RatioBar): Outcome {
  if (atLeast === undefined) return "info";
  if (stretch !== undefined && ratio >= stretch) return "stretch";
  return ratio >= atLeast ? "pass" : "miss";
}

function limitOf(bar: Bar): string {
  if (!("peers" in bar)) return bar.atMost === undefined ? "" : `≤ ${bar.atMost.toLocaleString("en")}`;
  if (bar.atLeast === undefined) return "";
  return bar.stretch === undefined ? `≥ ${bar.atLeast}×` : `≥ ${bar.atLeast}× (${bar.stretch}×)`;
}
