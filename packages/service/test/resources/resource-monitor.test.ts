/** What the monitor reads of this very process. */

import { expect, test } from "vitest";
import { memoryPressureOf } from "../../src/operations/memory-pressure.ts";
import { LeakHint } from "../../src/resources/leak-hint.ts";
import { ResourceMonitor } from "../../src/resources/resource-monitor.ts";

const SETTINGS = { intervalMs: 20, leakDetection: true, leakBytesPerMin: 10 * 1024 * 1024 };
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test("an event loop that is held shows in delay and utilisation", async () => {
  let highest = 0;
  let busiest = 0;
  using monitor = new ResourceMonitor(SETTINGS, ({ delay, utilisation }) => {
    highest = Math.max(highest, delay.max);
    busiest = Math.max(busiest, utilisation);
  });
  for (let i = 0; i < 50 && !(highest > 0.05 && busiest > 0.3); i++) {
    for (const until = performance.now() + 100; performance.now() < until; );
    await sleep(30);
  }
  expect(highest).toBeGreaterThan(0.05);
  expect(busiest).toBeGreaterThan(0.3);
  expect(monitor.last.memory.rss).toBeGreaterThan(0);
});

/** Collects garbage ten times, keeping something of each round or not. */
async function leaks(keep: boolean): Promise<boolean> {
  using monitor = new ResourceMonitor(SETTINGS, undefined, new LeakHint(200));
  const kept: unknown[] = [];
  let seen = false;
  for (let i = 0; i < 12; i++) {
    const some = Array.from({ length: 100_000 }, (_, at) => ({ at }));
    if (keep) {
      kept.push(some);
    }
    globalThis.gc?.();
    await sleep(40);
    seen ||= monitor.last.leaks;
  }
  expect(monitor.collections.get("major")?.count ?? 0).toBeGreaterThanOrEqual(12);
  return seen;
}

test("memory that only grows is told; control: memory that is given back is not", async () => {
  expect(await leaks(true)).toBe(true);
  expect(await leaks(false)).toBe(false);
});

test("memory pressure raises floors by bands from four fifths of the limit, and never above what is critical", () => {
  const at = (share: number) => memoryPressureOf(share * 1000, 1000);
  expect(at(0.79)).toEqual({ pressure: 0, floor: 0, isReady: true, isOver: false });
  expect(at(0.9)).toMatchObject({ floor: 0.5, isReady: true });
  expect(at(0.96)).toMatchObject({ floor: 0.875, isReady: false, isOver: false });
  expect(at(1)).toEqual({ pressure: 1, floor: 0.875, isReady: false, isOver: true });
  expect(memoryPressureOf(1e12, undefined)).toMatchObject({ floor: 0, isReady: true });
});
