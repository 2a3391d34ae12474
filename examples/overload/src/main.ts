/** `npm run example overload`: what becomes of critical waves when too many come, by policy, in real time. */

import { setTimeout as pass } from "node:timers/promises";
import { systemClock } from "@aether/core";
import { chart } from "./chart.ts";
import { ADAPTIVE, FIFO, POLICIES, type Policy } from "./policies.ts";
import type { Record } from "./record.ts";
import { type Plan, run } from "./run.ts";
import { table } from "./table.ts";

const USAGE = `npm run example overload -- [--quick]

A receiver that can do about 1000 waves a second gets 1, 2, 5 and 10 times as many: 10 % critical, 30 % normal and
60 % bulk. A result is of use for 250 ms. Takes about a minute; --quick takes some seconds and means little.`;

const HEAD = ["policy", "critical", "normal", "bulk", "p99 critical", "mean delay", "useless work", "goodput"];
const WIDTH = 64;
/** Twice the target of the floor: below it the delay counts as settled. */
const SETTLED_MS = 40;

const args = process.argv.slice(2);
const isQuick = args.includes("--quick");
const unknown = args.find((arg) => arg !== "--quick" && arg !== "--help");

function realTime(policy: Policy, load: Plan["load"], durationMs: number, warmUpMs: number): Promise<Record> {
  return run({ policy, load, durationMs, warmUpMs, seed: 1, clock: systemClock, pass });
}

const percent = (value: number): string => `${value.toFixed(1)} %`;
const ms = (value: number): string => (Number.isNaN(value) ? "-" : `${value.toFixed(0)} ms`);

function rowOf(policy: Policy, record: Record, capacity: number): readonly string[] {
  const shares = (["critical", "normal", "bulk"] as const).map((name) => percent(record.inTime(name)));
  const { p99CriticalMs, meanDelayMs, useless, goodput } = record;
  const parts = [ms(p99CriticalMs), ms(meanDelayMs), percent(useless), percent((100 * goodput) / capacity)];
  return [policy.name, ...shares, ...parts];
}

/** What the receiver can do, in percent of 1000 waves a second: all it does when there is always something to do. */
async function measureCapacity(durationMs: number): Promise<number> {
  const { throughput } = await realTime(FIFO, () => 2, durationMs, 0);
  return throughput;
}

async function compare(capacity: number): Promise<void> {
  const [durationMs, warmUpMs] = isQuick ? [700, 300] : [2700, 1200];
  for (const load of isQuick ? [2] : [1, 2, 5, 10]) {
    const rows: (readonly string[])[] = [];
    for (const policy of POLICIES) {
      rows.push(rowOf(policy, await realTime(policy, () => load, durationMs, warmUpMs), capacity));
    }
    console.log(`\n${load} times the capacity: in time, of each class\n`);
    console.log(table(HEAD, rows));
  }
}

async function step(): Promise<void> {
  const [before, during, after] = isQuick ? [400, 800, 400] : [3000, 5000, 3000];
  const end = before + during;
  const record = await realTime(ADAPTIVE, (at) => (at >= before && at < end ? 3 : 0.5), end + after, 0);
  const { looks } = record;
  const size = { width: WIDTH, height: 8 };
  console.log(`\nFrom 0.5 to 3 times the capacity and back, with the adaptive floor (${(end + after) / 1000} s)\n`);
  const floors = looks.map(({ floor }) => floor);
  console.log(`floor\n${chart(floors, { ...size, most: 1, label: (value) => value.toFixed(2).padStart(6) })}\n`);
  const delays = looks.map(({ delayMs }) => delayMs);
  const most = Math.max(SETTLED_MS, ...delays);
  console.log(`delay\n${chart(delays, { ...size, most, label: (value) => ms(value).padStart(6) })}\n`);
  const settledMs = record.settledMs(before, SETTLED_MS);
  console.log(`settled after: ${settledMs === undefined ? "not in this run" : ms(settledMs)}`);
  console.log(`critical waves in time: ${percent(record.inTime("critical"))}`);
}

if (args.includes("--help")) {
  console.log(USAGE);
} else if (unknown !== undefined) {
  console.error(`Expected --quick or nothing, got ${unknown}\n\n${USAGE}`);
  process.exitCode = 1;
} else {
  const capacity = await measureCapacity(isQuick ? 400 : 1000);
  console.log(`capacity: ${(capacity * 10).toFixed(0)} waves a second`);
  await compare(capacity);
  await step();
}
