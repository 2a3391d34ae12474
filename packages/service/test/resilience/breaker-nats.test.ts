/** Breakers of handlers on NATS: an instance that only fails leaves its group until a probe succeeds. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NatsServer } from "../../../nats/test/nats-server.ts";
import { defineService, type Flags, loadConfig, type RunningServices, runService } from "../../src/index.ts";

const OPEN_MS = 1500;
let server: NatsServer;
beforeAll(async () => {
  server = await NatsServer.start({ jetstream: true });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** One instance of the service, and how often its handler ran. */
interface Instance {
  readonly run: RunningServices;
  readonly seen: number[];
  isBroken: boolean;
}

async function instance(namespace: string, isBroken: boolean, flags: Flags = {}): Promise<Instance> {
  const { config } = loadConfig("worker", {
    cwd: "/nonexistent",
    env: {},
    flags: {
      "logging.level": "silent",
      "operations.health_enabled": false,
      "aether.use_nats": true,
      "aether.nats_url": server.url,
      "aether.namespace": namespace,
      "service.retry_max": 0,
      "service.circuit_breaker_failure_threshold": 3,
      "service.circuit_breaker_open_ms": OPEN_MS,
      "service.circuit_breaker_half_open_successes": 1,
      ...flags,
    },
  });
  const state = { seen: [] as number[], isBroken };
  const worker = defineService("worker", async ({ vibrator }) => {
    await vibrator.resonateOn("work", ({ payload }) => {
      state.seen.push(Number(payload));
      if (state.isBroken) {
        throw new Error("the disk of this machine is full");
      }
    });
  });
  const run = await runService(worker, { config });
  return Object.assign(state, { run });
}

describe("two instances on NATS", () => {
  test("one that only fails leaves the group, for all waves, and is back once a probe succeeds", async () => {
    const bad = await instance("group", true);
    const good = await instance("group", false);
    const { aether } = good.run;
    const alpha = aether.vibrator("alpha");
    await aether.whenHeard("work");
    await expect.poll(() => aether.graph().vibrators.find(({ name }) => name === "worker")?.instances.length).toBe(2);
    await expect
      .poll(() => bad.run.aether.graph().vibrators.find(({ name }) => name === "worker")?.instances.length)
      .toBe(2);
    let sent = 0;
    const send = async (): Promise<void> => {
      await alpha.emit("work", sent, { amplitude: [0.3, 0.6, 0.95][sent % 3] });
      sent++;
    };
    while (bad.seen.length < 3) {
      await send();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const openedAt = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 200)); // it takes a round trip to leave
    const before = { bad: bad.seen.length, good: good.seen.length, absorbed: bad.run.aether.stats().absorbed.floor };
    for (let i = 0; i < 300; i++) {
      await send();
    }
    await expect.poll(() => good.seen.length - before.good).toBe(300);
    expect(performance.now() - openedAt).toBeLessThan(OPEN_MS);
    expect(bad.seen.length).toBe(before.bad);
    expect(bad.run.aether.stats().absorbed.floor).toBe(before.absorbed);
    bad.isBroken = false;
    await expect
      .poll(
        async () => {
          await send();
          return bad.seen.length;
        },
        { timeout: 5000, interval: 10 },
      )
      .toBeGreaterThan(before.bad + 5);
    await expect.poll(() => bad.seen.length + good.seen.length).toBe(sent);
    await Promise.all([bad.run.close(), good.run.close()]);
  });

  test("when both only fail nothing is lost: it waits, as long as there is room, until probes succeed", async () => {
    const both = [await instance("both", true), await instance("both", true)] as const;
    const [{ aether }] = both.map(({ run }) => run) as [RunningServices, RunningServices];
    for (const { run } of both) {
      await expect.poll(() => [...run.aether.present()].length).toBe(2);
    }
    const alpha = aether.vibrator("alpha");
    let sent = 0;
    const broken = (): number => both.reduce((sum, { seen }) => sum + seen.length, 0);
    while (broken() < 6) {
      await alpha.emit("work", sent++);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
    for (let i = 0; i < 100; i++) {
      await alpha.emit("work", sent++);
    }
    for (const one of both) {
      one.isBroken = false;
    }
    await expect.poll(broken, { timeout: 5000 }).toBeGreaterThanOrEqual(106);
    await Promise.all(both.map(({ run }) => run.close()));
  });

  test("one that is alone stays, and what comes waits for it", async () => {
    const alone = await instance("alone", true);
    const { aether } = alone.run;
    const alpha = aether.vibrator("alpha");
    for (let i = 0; i < 20; i++) {
      await alpha.emit("work", i);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await expect.poll(() => aether.stats().queued).toBe(17);
    alone.isBroken = false;
    await expect.poll(() => alone.seen.length, { timeout: 5000 }).toBe(20);
    await alone.run.close();
  });

  test("a recorded resonance is paused: no attempt is spent, and nothing becomes a dead letter", async () => {
    const flags = { "aether.recorded": ["work"], "service.max_inflight": 1 };
    const one = await instance("recorded", true, flags);
    const { aether } = one.run;
    const attempts: number[] = [];
    aether.on("failed", ({ attempt }) => attempts.push(attempt));
    const alpha = aether.vibrator("alpha");
    for (let i = 0; i < 10; i++) {
      await alpha.emit("work", i);
    }
    await expect.poll(() => one.seen.length).toBe(3);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(one.seen.length).toBe(3);
    one.isBroken = false;
    await expect.poll(() => new Set(one.seen).size, { timeout: 10_000 }).toBe(10);
    await expect.poll(() => aether.stats().queued + aether.stats().running, { timeout: 5000 }).toBe(0);
    expect(Math.max(...attempts)).toBeLessThan(4);
    expect((await aether.deadLetters.stats()).kept).toBe(0);
    await one.run.close();
  });
});
