/** All policies of a run together, as the configuration asks for them, and as it changes. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { defineService, type Flags, loadConfig, type ResilienceOptions, runService } from "../../src/index.ts";
import { failing, sleep } from "./world.ts";

/** Attempts over calls for 1.2 s against a backend that fails at everything. */
async function storm(
  flags: Flags,
  resilience?: ResilienceOptions,
): Promise<{ ratio: number; calls: number; lastAt: number }> {
  const config = loadConfig("asker", {
    cwd: "/nonexistent",
    env: {},
    flags: {
      "logging.level": "silent",
      "operations.health_enabled": false,
      "service.retry_max": 2,
      "service.retry_base_delay_ms": 1,
      "service.retry_max_delay_ms": 2,
      ...flags,
    },
  });
  let attempts = 0;
  let lastAt = 0;
  const startedAt = performance.now();
  await using run = await runService(
    defineService("asker", async ({ aether }) => {
      await aether.vibrator("backend").resonateOn("backend", () => {
        attempts++;
        lastAt = performance.now() - startedAt;
        failing();
      });
    }),
    { config, resilience },
  );
  const asker = run.aether.vibrator("client");
  let calls = 0;
  while (performance.now() - startedAt < 1200) {
    await asker.query("backend", {}).catch(() => undefined);
    calls++;
    await sleep(2);
  }
  return { ratio: attempts / calls, calls, lastAt };
}

test("a backend that fails at everything is hardly asked: the breaker opens within a second", async () => {
  const { ratio, calls, lastAt } = await storm({});
  expect(calls).toBeGreaterThan(100);
  expect(ratio).toBeLessThanOrEqual(1.1);
  expect(lastAt).toBeLessThan(1000);
});

test("without the breaker the budget holds it to 1.1", async () => {
  const { ratio, calls } = await storm({}, { breaker: false });
  expect(calls).toBeGreaterThan(50);
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
