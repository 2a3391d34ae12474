/** Keys that are live: what each does to services that run, once its file has changed. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { defineService, type RunningServices, runService, type Setup } from "../../src/index.ts";

interface Followed {
  readonly run: RunningServices;
  /** Ports by the key of their door. */
  readonly ports: ReadonlyMap<string, number>;
  /** Writes the file of the service; `lines` by section. */
  write(sections: Readonly<Record<string, string>>): void;
}

async function followed(first: Readonly<Record<string, string>>, setup: Setup): Promise<Followed> {
  const folder = mkdtempSync(join(tmpdir(), "aether-live-"));
  mkdirSync(join(folder, "config"));
  const write = (sections: Readonly<Record<string, string>>): void => {
    const { operations = "", ...others } = sections;
    const all = { ...others, operations: `health_enabled = false\n${operations}` };
    const text = Object.entries(all).map(([section, lines]) => `[${section}]\n${lines}\n`);
    writeFileSync(join(folder, "config/worker.toml"), text.join(""));
  };
  write(first);
  const ports = new Map<string, number>();
  const note = (_: string, fields: object = {}): void => {
    ports.set(String(Reflect.get(fields, "key")), Number(Reflect.get(fields, "port")));
  };
  const log = { debug: note, info: note, warn: note, error: note };
  const run = await runService(defineService("worker", setup), { follow: { cwd: folder, env: {} }, log });
  onTestFinished(async () => {
    await run.close({ deadlineMs: 0 });
    rmSync(folder, { recursive: true });
  });
  return { run, ports, write };
}

const PATIENCE = { timeout: 10_000, interval: 20 };

test("service.noise_floor: resonances without a floor of their own follow it, to a number or to the load", async () => {
  const { run, write } = await followed({ service: "noise_floor = 0.3" }, async ({ vibrator }) => {
    await vibrator.resonateOn("plain", () => {});
    await vibrator.resonateOn("own", () => {}, { noiseFloor: 0.2 });
  });
  const floors = (): number[] => [...run.aether.resonances()].map(({ resonance }) => resonance.stats().floor);
  expect(floors()).toEqual([0.3, 0.2]);
  write({ service: "noise_floor = 0.6" });
  await expect.poll(floors, PATIENCE).toEqual([0.6, 0.2]);
  write({ service: 'noise_floor = "adaptive"' });
  await expect.poll(floors, PATIENCE).toEqual([0.01, 0.2]);
  write({ service: "noise_floor = 0.1" });
  await expect.poll(floors, PATIENCE).toEqual([0.1, 0.2]);
});

test("service.timeout_ms: queries that say nothing wait as long", async () => {
  const { run, write } = await followed({ service: 'timeout_ms = "5m"\nretry_max = 0' }, async ({ vibrator }) => {
    await vibrator.resonateOn("slow", () => new Promise<void>(() => {}));
  });
  const worker = run.aether.vibrator("worker");
  write({ service: "timeout_ms = 20\nretry_max = 0" });
  const quick = async (): Promise<string> => {
    const giveUp = AbortSignal.timeout(500);
    return await worker.query("slow", {}, { signal: giveUp }).then(
      () => "answered",
      ({ code }) => code,
    );
  };
  await expect.poll(quick, PATIENCE).toBe("AETHER_TIMEOUT");
});

test("service.retry_max and service.circuit_breaker_failure_threshold: how often is tried, and for how long", async () => {
  let runs = 0;
  const service = (retries: number, threshold: number): Record<string, string> => ({
    service: `retry_max = ${retries}\nretry_base_delay_ms = 1\nretry_max_delay_ms = 1\ncircuit_breaker_failure_threshold = ${threshold}\n`,
  });
  const { run, write } = await followed(service(0, 1000), async ({ vibrator }) => {
    await vibrator.resonateOn("work", () => {
      runs++;
      throw new Error("no disk");
    });
  });
  const worker = run.aether.vibrator("worker");
  const ask = async (): Promise<[number, string]> => {
    const before = runs;
    const code = await worker.query("work", {}).catch(({ code }) => code);
    return [runs - before, String(code)];
  };
  expect(await ask()).toEqual([1, "AETHER_HANDLER_FAILED"]);
  write(service(2, 1000));
  await expect.poll(ask, PATIENCE).toEqual([3, "AETHER_HANDLER_FAILED"]);
  write(service(0, 1));
  await expect.poll(ask, PATIENCE).toEqual([0, "AETHER_CIRCUIT_OPEN"]);
});

test("operations.shutdown_grace_ms: closing waits as long for what hangs", async () => {
  const { run, write } = await followed({ operations: 'shutdown_grace_ms = "10m"' }, async ({ vibrator }) => {
    await vibrator.resonateOn("hang", () => new Promise<void>(() => {}));
    await vibrator.resonateOn("floor", () => {});
  });
  await run.aether.vibrator("worker").emit("hang", {});
  await expect.poll(() => run.aether.stats().running, PATIENCE).toBe(1);
  // The floor tells that both are in force.
  write({ service: "noise_floor = 0.5", operations: "shutdown_grace_ms = 50" });
  const floor = (): number | undefined => [...run.aether.resonances()][1]?.resonance.stats().floor;
  await expect.poll(floor, PATIENCE).toBe(0.5);
  const startedAt = performance.now();
  await run.close();
  expect(performance.now() - startedAt).toBeLessThan(5000);
  expect(run.givenUp).toBe(1);
});

test("resource_monitoring.allocator_metrics_enabled: the parts of the heap are in the metrics, or not", async () => {
  const observability = 'metrics_enabled = true\nmetrics_bind = "127.0.0.1:0"';
  const { ports, write } = await followed({ observability }, () => {});
  const shows = async (): Promise<boolean> => {
    const page = await fetch(`http://127.0.0.1:${ports.get("observability.metrics_bind")}/metrics`);
    return /aether_process_heap_space_bytes\{space="old_space",state="used"\} \d+/.test(await page.text());
  };
  expect(await shows()).toBe(false);
  write({ observability, resource_monitoring: "allocator_metrics_enabled = true" });
  await expect.poll(shows, PATIENCE).toBe(true);
  write({ observability, resource_monitoring: "allocator_metrics_enabled = false" });
  await expect.poll(shows, PATIENCE).toBe(false);
});
