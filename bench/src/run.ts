/** The command line of the in-process bench: measures rows, prints a table, writes it to results/. */

import { mkdir, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import type { Samples } from "./harness.ts";
import { full, measure, quick } from "./measure.ts";
import { head, json, markdown, terminalLine } from "./report.ts";
import { rows } from "./rows.ts";
import { failure, judge, list, type Verdict } from "./verdict.ts";

const { values: flags } = parseArgs({
  options: {
    only: { type: "string", multiple: true, default: [] },
    skip: { type: "string", multiple: true, default: [] },
    quick: { type: "boolean", default: false },
    "report-only": { type: "boolean", default: false },
    list: { type: "boolean", default: false },
  },
});

// A full name means that row alone: `emit-1-1` is also the beginning of `emit-1-10`.
const chosen = rows.filter(
  ({ name }) =>
    flags.only.length === 0 ||
    flags.only.some((only) => name === only || (name.includes(only) && !rows.some((row) => row.name === only))),
);

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function bench(): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  const taken: Record<string, Samples> = {};
  print(head);
  for (const row of chosen) {
    const reached = await measure(row, flags.quick ? quick : full, flags.skip).then(
      (samples) => {
        taken[row.name] = samples;
        const judged = judge(row, samples);
        return judged.length > 0 ? judged : list(row, samples);
      },
      (error: unknown) => [failure(row, error)],
    );
    for (const verdict of reached) print(terminalLine(verdict));
    verdicts.push(...reached);
  }
  await keep(verdicts, taken);
  return verdicts;
}

/** Only a whole run at full length is worth keeping. */
async function keep(verdicts: readonly Verdict[], taken: Readonly<Record<string, Samples>>): Promise<void> {
  if (flags.quick || chosen.length < rows.length || flags.skip.length > 0) return;
  const results = new URL("../results/", import.meta.url);
  await mkdir(results, { recursive: true });
  await writeFile(new URL("in-process.json", results), json(verdicts, taken));
  await writeFile(new URL("in-process.md", results), markdown(verdicts));
}

if (chosen.length === 0) {
  print(`Expected --only to name a row, got ${flags.only.join(", ")}; --list shows them all`);
  process.exitCode = 2;
} else if (flags.list) {
  for (const { name, work } of chosen) print(`${name.padEnd(26)} ${work}`);
} else {
  const verdicts = await bench();
  const failed = verdicts.some(({ outcome }) => outcome === "failed");
  const missed = verdicts.some(({ outcome }) => outcome === "miss");
  if (failed || (missed && !flags.quick && !flags["report-only"])) process.exitCode = 1;
}
