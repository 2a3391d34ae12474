import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { VirtualClock } from "@aether/testing";
import { describe, expect, test } from "vitest";
import { chart } from "../src/chart.ts";
import { ADAPTIVE, FIFO, type Policy } from "../src/policies.ts";
import type { Record } from "../src/record.ts";
import { type Plan, run } from "../src/run.ts";
import { table } from "../src/table.ts";

const PATIENCE_MS = 60_000;
const script = fileURLToPath(new URL("../../../scripts/example.mjs", import.meta.url));
const execute = promisify(execFile);

/** The same run as in the example, in virtual time. */
function virtually(policy: Policy, load: Plan["load"], durationMs: number, warmUpMs = 0, seed = 1): Promise<Record> {
  const clock = new VirtualClock(0);
  return run({ policy, load, durationMs, warmUpMs, seed, clock, pass: (ms) => clock.advance(ms) });
}

describe("in virtual time", { timeout: PATIENCE_MS }, () => {
  test("physics §3: at twice the capacity critical waves are in time, at full use of the capacity", async () => {
    const record = await virtually(ADAPTIVE, () => 2, 6000, 1000);
    expect(record.inTime("critical")).toBeGreaterThanOrEqual(99.4);
    expect(record.inTime("normal")).toBeGreaterThan(90);
    expect(record.goodput).toBeGreaterThanOrEqual(90);
    expect(record.useless).toBeLessThan(1);
    expect(record.p99CriticalMs).toBeLessThan(50);
    expect(record.meanDelayMs).toBeGreaterThan(12);
    expect(record.meanDelayMs).toBeLessThan(28);
  });

  test("the control: by arrival, critical waves are late like all others", async () => {
    const record = await virtually(FIFO, () => 2, 4000, 1500);
    expect(record.inTime("critical")).toBeLessThan(1);
    expect(record.goodput).toBeLessThan(1);
    expect(record.useless).toBeGreaterThan(99);
  });

  test("physics §3: after a step from half to three times the capacity it settles within a second", async () => {
    const record = await virtually(ADAPTIVE, (ms) => (ms >= 1000 && ms < 4000 ? 3 : 0.5), 5500);
    expect(record.settledMs(1000, 40)).toBeLessThan(1000);
    expect(record.inTime("critical")).toBeGreaterThan(98);
    const after = record.looks.filter(({ ms }) => ms > 5000);
    expect(Math.max(...after.map(({ delayMs }) => delayMs))).toBeLessThan(40);
    expect(Math.max(...record.looks.map(({ floor }) => floor))).toBeGreaterThan(0.25);
  });

  test("one seed gives one run", async () => {
    const [one, two] = [await virtually(ADAPTIVE, () => 3, 500), await virtually(ADAPTIVE, () => 3, 500)];
    expect(one.looks).toEqual(two.looks);
  });
});

describe("the program", { timeout: PATIENCE_MS }, () => {
  test("ends by itself with tables and curves, in plain characters", async () => {
    const { stdout, stderr } = await execute(process.execPath, [script, "overload", "--quick"]);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^capacity: \d+ waves a second\n/);
    expect(stdout).toMatch(/^adaptive floor {2,}\d/m);
    expect(stdout).toMatch(/^by arrival {2,}\d/m);
    expect(stdout).toMatch(/^settled after: /m);
    expect(stdout).toMatch(/^[ -~\n]+$/);
  });

  test("refuses what it does not know", async () => {
    const failed = execute(process.execPath, [script, "overload", "--slow"]);
    await expect(failed).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining("got --slow") });
  });

  test("is named where somebody asks for another one", async () => {
    const failed = execute(process.execPath, [script, "underload"]);
    await expect(failed).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining("(overload, ") });
  });
});

describe("what it prints", () => {
  test("a table is as wide as its cells", () => {
    expect(table(["a", "bb"], [["long", "1"]])).toBe("a     bb\n----  --\nlong   1");
  });

  test("a curve has a column for each part of its values", () => {
    const drawn = chart([0, 0, 1, 1, 2, 2], { width: 3, height: 2, most: 2, label: (value) => value.toFixed(0) });
    expect(drawn).toBe("2 |  #\n1 | ##\n  +---");
  });
});
