import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Aether } from "@aether/core";
import { testAether } from "@aether/testing";
import { describe, expect, test } from "vitest";
import { type MetricsOptions, prometheus } from "../src/index.ts";

const PROMTOOL = fileURLToPath(new URL("../../../.cache/prometheus/usr/bin/promtool", import.meta.url));

/** The value of each series in `text`, by its name with labels. */
function valuesIn(text: string): Map<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]),
  );
}

async function shop(options?: MetricsOptions) {
  const tested = await testAether();
  const { aether } = tested;
  const settled = (): Promise<void> => tested.settled();
  const metrics = prometheus(aether, options);
  const beta = aether.vibrator("beta");
  await beta.resonateOn("orders.*", (wave) => {
    if (wave.channel === "orders.bad") {
      throw new Error("bad");
    }
  });
  return { aether, beta, metrics, settled, alpha: aether.vibrator("alpha") };
}

describe("metrics", () => {
  test("are what promtool takes for good practice", async () => {
    const { aether, alpha, metrics, settled } = await shop();
    await alpha.emit("orders.created");
    await settled();
    const { status, stdout, stderr } = spawnSync(PROMTOOL, ["check", "metrics"], {
      input: await metrics.text(),
      encoding: "utf8",
    });
    expect(`${stdout}${stderr}`).toBe("");
    expect(status).toBe(0);
    const control = spawnSync(PROMTOOL, ["check", "metrics"], {
      input: "# TYPE bad counter\nbad 1\n",
      encoding: "utf8",
    });
    expect(control.status).not.toBe(0);
    await aether.close();
  });

  test("count what the aether counts, and balance", async () => {
    const { aether, alpha, metrics, settled } = await shop();
    for (const channel of ["orders.created", "orders.bad", "orders.created", "unheard.one"]) {
      await alpha.emit(channel);
    }
    await settled();
    const values = valuesIn(await metrics.text());
    expect(values.get("aether_waves_emitted_total")).toBe(4);
    expect(values.get("aether_waves_received_total")).toBe(3);
    expect(values.get("aether_waves_delivered_total")).toBe(3);
    expect(values.get("aether_waves_failed_total")).toBe(1);
    expect(values.get('aether_resonance_received_total{vibrator="beta",pattern="orders.*"}')).toBe(3);
    expect(values.get('aether_handler_duration_seconds_count{pattern="orders.*",outcome="done"}')).toBe(2);
    expect(values.get('aether_handler_duration_seconds_count{pattern="orders.*",outcome="failed"}')).toBe(1);
    const absorbed = [...values].filter(([name]) => name.startsWith("aether_waves_absorbed_total"));
    expect(absorbed).toHaveLength(12);
    await aether.close();
  });

  test("of durations are in their buckets, cumulated, for handlers that take time and those that take none", async () => {
    const { aether, alpha, beta, metrics, settled } = await shop();
    await beta.resonateOn("slow", () => new Promise((resolve) => setTimeout(resolve, 30)));
    await alpha.emit("orders.created");
    await alpha.emit("slow");
    await settled();
    await expect.poll(() => aether.stats().running).toBe(0);
    const values = valuesIn(await metrics.text());
    const bucket = (le: string, pattern = "slow"): number | undefined =>
      values.get(`aether_handler_duration_seconds_bucket{pattern="${pattern}",outcome="done",le="${le}"}`);
    expect([bucket("0.001"), bucket("0.025"), bucket("10"), bucket("+Inf")]).toEqual([0, 0, 1, 1]);
    expect([bucket("30", "orders.*"), bucket("+Inf", "orders.*")]).toEqual([1, 1]);
    const sum = values.get('aether_handler_duration_seconds_sum{pattern="slow",outcome="done"}') ?? 0;
    expect(sum).toBeGreaterThan(0.025);
    expect(sum).toBeLessThan(10);
    await aether.close();
  });

  test("keep their totals when resonances and vibrators close", async () => {
    const { aether, alpha, beta, metrics, settled } = await shop();
    await alpha.emit("orders.created");
    await settled();
    await beta.close();
    const values = valuesIn(await metrics.text());
    expect(values.get("aether_waves_delivered_total")).toBe(1);
    expect(values.has('aether_resonance_received_total{vibrator="beta",pattern="orders.*"}')).toBe(false);
    await aether.close();
  });

  test("name patterns, not channels: a thousand devices are one series", async () => {
    const { aether, alpha, metrics, settled } = await shop();
    await aether.vibrator("gamma").resonateOn("device.*.reading", () => {});
    for (let device = 0; device < 1000; device++) {
      await alpha.emit(`device.d${device}.reading`);
    }
    await settled();
    const text = await metrics.text();
    expect(text).toContain('aether_channel_emitted_total{vibrator="alpha",pattern="device.*.reading",to="gamma"} 1000');
    expect(text).not.toContain("d999");
    await aether.close();
  });

  test("have no more label sets than they may: the rest is other, and counted", async () => {
    const { aether, metrics } = await shop({ maxSeries: 5, durations: false });
    const many = aether.vibrator("many");
    for (let at = 0; at < 20; at++) {
      await many.resonateOn(`topic${at}.*`, () => {});
    }
    const values = valuesIn(await metrics.text());
    const series = [...values.keys()].filter((name) => name.startsWith("aether_resonance_queued{"));
    expect(series).toHaveLength(6);
    expect(series).toContain('aether_resonance_queued{vibrator="other",pattern="other"}');
    expect(valuesIn(await metrics.text()).get("aether_metrics_series_overflow_total")).toBeGreaterThanOrEqual(16);
    await aether.close();
  });

  test("of the process are there: event loop, heap and garbage collection", async () => {
    const { aether, metrics } = await shop();
    const text = await metrics.text();
    for (const name of [
      "nodejs_eventloop_lag_p99_seconds",
      "nodejs_heap_size_used_bytes",
      "process_cpu_seconds_total",
    ]) {
      expect(text).toContain(name);
    }
    await aether.close();
  });

  test("leave nothing in a registry of somebody else's once they are closed", async () => {
    const { aether, metrics } = await shop({ process: false });
    const another = prometheus(await Aether.connect(), { process: false });
    expect((await another.text()).length).toBeGreaterThan(0);
    another.close();
    metrics.close();
    expect((await metrics.text()).trim()).toBe("");
    await aether.close();
  });

  test("refuse a cap that is none", async () => {
    await using aether = await Aether.connect();
    expect(() => prometheus(aether, { maxSeries: 0 })).toThrow(
      "Expected `maxSeries` to be a whole number above 0, got 0",
    );
  });
});
