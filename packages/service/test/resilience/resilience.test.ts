/** All policies of a run together, as the configuration asks for them, and as it changes. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { defineService, runService } from "../../src/index.ts";
import { storm } from "./storm.ts";

test("a backend that fails at everything is hardly asked: the breaker opens within a second", async () => {
  const { ratio, calls, lastAt } = await storm({});
  expect(calls).toBeGreaterThan(30);
  expect(ratio).toBeLessThanOrEqual(1.1);
  expect(lastAt).toBeLessThan(1000);
});

test("without the breaker the budget holds it to 1.1", async () => {
  const { ratio, calls } = await storm({}, { breaker: false });
  expect(calls).toBeGreaterThan(30);
  expect(ratio).toBeLessThanOrEqual(1.1);
});

test("control: without breaker and budget it is asked three times as often", async () => {
  const retry = { max: 2, baseDelayMs: 1, maxDelayMs: 2, budget: Number.POSITIVE_INFINITY };
  expect((await storm({}, { breaker: false, retry })).ratio).toBeCloseTo(3, 1);
});

test("a reload changes what the policies go by", async () => {
  const folder = mkdtempSync(join(tmpdir(), "aether-resilience-"));
  mkdirSync(join(folder, "config"));
  const write = (more: string): void =>
    writeFileSync(
      join(folder, "config/asker.toml"),
      `[logging]\nlevel = "silent"\n[operations]\nhealth_enabled = false\n[service]\nretry_max = 0\n${more}`,
    );
  write("");
  await using run = await runService(
    defineService("asker", () => {}),
    { follow: { cwd: folder, env: {} } },
  );
  const alpha = run.aether.vibrator("asker");
  const burst = async (): Promise<number> => {
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => alpha.emit("work", {})));
    return outcomes.filter(({ status }) => status === "rejected").length;
  };
  expect(await burst()).toBe(0);
  write("rate_limit_per_sec = 5\n");
  await expect.poll(burst, { timeout: 5000, interval: 50 }).toBeGreaterThan(10);
  write("rate_limit_per_sec = 5000\n");
  await expect.poll(burst, { timeout: 5000, interval: 100 }).toBe(0);
  rmSync(folder, { recursive: true });
});
