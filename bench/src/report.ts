/** Shows verdicts: as lines of a terminal, as Markdown, and as JSON. */

import { cpus } from "node:os";
import type { Samples } from "./harness.ts";
import type { Verdict } from "./verdict.ts";

const HEAD = ["row", "ours", "", "peer", "", "ratio", "bar", "verdict"] as const;
const WIDTHS = [24, 24, 13, 24, 13, 24, 13, 7] as const;

export const head: string = line(HEAD);

export function terminalLine(verdict: Verdict): string {
  const shown = line(cells(verdict));
  return verdict.error === undefined ? shown : `${shown}\n${verdict.error}`;
}

export function markdown(verdicts: readonly Verdict[]): string {
  const table = [HEAD, HEAD.map(() => "---"), ...verdicts.map(cells)];
  const lines = table.map((row) => `| ${row.join(" | ")} |`);
  return ["# In-process benchmark", "", circumstances(), "", ...lines, ""].join("\n");
}

export function json(verdicts: readonly Verdict[], samples: Readonly<Record<string, Samples>>): string {
  return `${JSON.stringify({ circumstances: circumstances(), verdicts, samples }, null, 2)}\n`;
}

function circumstances(): string {
  const cores = cpus();
  const model = cores[0]?.model ?? "unknown core";
  return `Node ${process.versions.node}, ${cores.length} × ${model}, ${new Date().toISOString()}`;
}

function cells({ row, outcome, unit, contestant, value, bar, peer, peerValue, ratio, spread }: Verdict): string[] {
  return [
    row,
    contestant,
    Number.isNaN(value) ? "" : number(value, unit),
    peer ?? "",
    peerValue === undefined ? "" : number(peerValue, unit),
    ratio === undefined ? "" : `${times(ratio)}${spread ? ` (${spread.map(times).join(" … ")})` : ""}`,
    bar,
    outcome,
  ];
}

function number(value: number, unit: Verdict["unit"]): string {
  return `${Math.round(value).toLocaleString("en")}${unit === "bytes" ? " B" : "/s"}`;
}

function times(ratio: number): string {
  return `${ratio.toLocaleString("en", { maximumSignificantDigits: 3 })}×`;
}

function line(values: readonly string[]): string {
  return values
    .map((value, column) => value.padEnd(WIDTHS[column] ?? 0))
    .join(" ")
    .trimEnd();
}
