/** The limits of a run by its configuration, each with as much as it allows and with one more. */

import { Aether, AetherError } from "@aether/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { defineService, type Flags, loadConfig, type RunningServices, runService, type Setup } from "../src/index.ts";

async function running(flags: Flags, setup: Setup = () => {}): Promise<RunningServices> {
  const { config } = loadConfig("worker", {
    cwd: "/nonexistent",
    env: {},
    flags: { "logging.level": "silent", "operations.health_enabled": false, ...flags },
  });
  const run = await runService(defineService("worker", setup), { config });
  onTestFinished(() => run.close({ deadlineMs: 0 }));
  return run;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => "taken",
    (error: unknown) => (error instanceof AetherError ? error.code : String(error)),
  );
}

async function turns(): Promise<void> {
  for (let i = 0; i < 5; i++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("exceeded by one", () => {
  test("service.max_inflight: one more handler waits until another has ended", async () => {
    const ends: (() => void)[] = [];
    const { aether } = await running({ "service.max_inflight": 3 }, async ({ vibrator }) => {
      await vibrator.resonateOn("work", () => new Promise<void>((resolve) => ends.push(resolve)));
    });
    const alpha = aether.vibrator("alpha");
    for (let i = 0; i < 4; i++) {
      await alpha.emit("work", i);
    }
    await turns();
    expect(aether.stats()).toMatchObject({ running: 3, queued: 1 });
    ends[0]?.();
    await turns();
    expect(aether.stats()).toMatchObject({ running: 3, queued: 0 });
    for (const end of ends) {
      end();
    }
  });

  test("aether.channel_buffer_size: of one more the quietest gives way, and it is counted", async () => {
    const { aether } = await running({ "aether.channel_buffer_size": 5 }, async ({ vibrator }) => {
      (await vibrator.resonateOn("work", () => {})).pause();
    });
    const alpha = aether.vibrator("alpha");
    for (const amplitude of [0.9, 0.8, 0.2, 0.7, 0.6]) {
      await alpha.emit("work", {}, { amplitude });
    }
    expect(aether.stats()).toMatchObject({ queued: 5, absorbed: { evicted: 0 } });
    const lost: unknown[] = [];
    aether.on("absorbed", ({ wave }) => lost.push(wave?.amplitude));
    await alpha.emit("work", {}, { amplitude: 0.9 });
    await turns();
    expect(lost).toEqual([0.2]);
    expect(aether.stats()).toMatchObject({ queued: 5, absorbed: { evicted: 1 } });
  });

  test("the bytes of an inbox: of one more byte the quietest gives way", async () => {
    const { aether } = await running({}, async ({ vibrator }) => {
      (await vibrator.resonateOn("work", () => {}, { inbox: { bytes: 1000 } })).pause();
    });
    const alpha = aether.vibrator("alpha");
    await alpha.emit("work", "x".repeat(499), { amplitude: 0.2 });
    await alpha.emit("work", "x".repeat(501), { amplitude: 0.5 });
    await turns();
    expect(aether.stats()).toMatchObject({ queued: 2, absorbed: { evicted: 0 } });
    await alpha.emit("work", "x", { amplitude: 0.9 });
    await turns();
    expect(aether.stats()).toMatchObject({ queued: 2, absorbed: { evicted: 1 } });
  });

  test("aether.max_payload_bytes and aether.max_channel_length refuse", async () => {
    const { aether } = await running({ "aether.max_payload_bytes": 100, "aether.max_channel_length": 10 });
    const alpha = aether.vibrator("alpha");
    expect(await codeOf(alpha.emit("c".repeat(10), "x".repeat(100)))).toBe("taken");
    expect(await codeOf(alpha.emit("c", "x".repeat(101)))).toBe("AETHER_TOO_LARGE");
    expect(await codeOf(alpha.emit("c", new Uint8Array(101)))).toBe("AETHER_TOO_LARGE");
    expect(await codeOf(alpha.emit("c".repeat(11), "x"))).toBe("AETHER_BAD_CHANNEL");
    expect(await codeOf(alpha.resonateOn(`${"c".repeat(9)}.>`, () => {}))).toBe("AETHER_BAD_CHANNEL");
  });

  test("headers: 64 of them, and 8 KiB", async () => {
    const { aether } = await running({});
    const alpha = aether.vibrator("alpha");
    const many = (count: number): Record<string, string> =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`h${at}`, "x"]));
    expect(await codeOf(alpha.emit("c", {}, { headers: many(64) }))).toBe("taken");
    expect(await codeOf(alpha.emit("c", {}, { headers: many(65) }))).toBe("AETHER_TOO_LARGE");
    expect(await codeOf(alpha.emit("c", {}, { headers: { h: "x".repeat(8191) } }))).toBe("taken");
    expect(await codeOf(alpha.emit("c", {}, { headers: { h: "x".repeat(8192) } }))).toBe("AETHER_TOO_LARGE");
  });

  test("limits.maxResonances: observers count, and one that has closed counts no more", async () => {
    const aether = await Aether.connect({ limits: { maxResonances: 3 } });
    onTestFinished(() => aether.close());
    const [alpha, beta] = [aether.vibrator("alpha"), aether.vibrator("beta")];
    await alpha.resonateOn("a", () => {});
    expect(await codeOf(alpha.resonateOn("a", () => {}))).toBe("AETHER_AMBIGUOUS");
    const second = await beta.resonateOn("a", () => {});
    await aether.observe(">", () => {});
    expect(await codeOf(alpha.resonateOn("b", () => {}))).toBe("AETHER_TOO_MANY");
    await second.close();
    await alpha.resonateOn("b", () => {});
    expect(await codeOf(beta.resonateOn("c", () => {}))).toBe("AETHER_TOO_MANY");
  });

  test("aether.max_propagation: a chain ends after so many hops", async () => {
    const hops: number[] = [];
    const { aether } = await running({ "aether.max_propagation": 4 }, async ({ vibrator }) => {
      await vibrator.resonateOn("loop", async (wave, ctx) => {
        hops.push(wave.hops);
        await ctx.emit("loop", {}, { amplitude: 1 });
      });
    });
    await aether.vibrator("alpha").emit("loop", {}, { amplitude: 1 });
    await expect.poll(() => aether.stats().exhausted).toBe(1);
    expect(hops).toEqual([1, 2, 3, 4]);
  });

  test("aether.allowed_sources: another source neither emits nor is heard", async () => {
    const { aether } = await running({ "aether.allowed_sources": ["worker", "alpha"] });
    expect(await codeOf(aether.vibrator("alpha").emit("c", {}))).toBe("taken");
    expect(await codeOf(aether.vibrator("mallory").emit("c", {}))).toBe("AETHER_UNAUTHORISED");
  });

  test("service.rate_limit_per_sec: one more in a second is refused, and told when to come again", async () => {
    const { aether } = await running({ "service.rate_limit_per_sec": 10 });
    const worker = aether.vibrator("worker");
    const results = await Promise.allSettled(Array.from({ length: 11 }, () => worker.emit("c", {})));
    const refused = results.filter(({ status }) => status === "rejected");
    expect(refused).toHaveLength(1);
    expect(refused[0]).toMatchObject({ reason: { code: "AETHER_BUSY", details: { retryAfterMs: expect.any(Number) } } });
  });

  test("service.timeout_ms: a query that takes longer is given up", async () => {
    const { aether } = await running({ "service.timeout_ms": 30, "service.retry_max": 0 }, async ({ vibrator }) => {
      await vibrator.resonateOn("slow", () => new Promise((resolve) => setTimeout(resolve, 5000).unref()));
    });
    const startedAt = performance.now();
    expect(await codeOf(aether.vibrator("alpha").query("slow", {}))).toBe("AETHER_TIMEOUT");
    expect(performance.now() - startedAt).toBeLessThan(1500);
  });
});
