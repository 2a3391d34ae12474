import { ABSORB_REASONS, type AetherStats, channel, type Stats } from "@aether/core";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { connect, expectBalance } from "./connect.ts";
import { ManualClock, turns } from "./manual-clock.ts";
import { seeded } from "./seed.ts";
import { Gate, rejection, until } from "./until.ts";
import { World } from "./world.ts";

const REASONS = [
  "floor",
  "evicted",
  "expired",
  "hops",
  "loop",
  "echo",
  "closed",
  "duplicate",
  "polarised",
  "malformed",
  "unauthorised",
  "noKey",
].sort();

const FIELDS = [
  "emitted",
  "received",
  "delivered",
  "queued",
  "coalesced",
  "annihilated",
  "absorbed",
  "failed",
  "running",
  "diffracted",
].sort();

describe("stats", () => {
  test("have the shape of the contract, all zero at first", async () => {
    const aether = await connect();
    const resonance = await aether.vibrator("beta").resonateOn("a");
    expect(Object.keys(resonance.stats()).sort()).toEqual([...FIELDS, "delayMs", "floor", "shed"].sort());
    expect(resonance.stats()).toMatchObject({ floor: 0.01, shed: 0, delayMs: 0 });
    expect(Object.keys(aether.stats())).toEqual(expect.arrayContaining(FIELDS));
    expect([...ABSORB_REASONS].sort()).toEqual(REASONS);
    const { floor, ...counts } = resonance.stats();
    for (const stats of [counts, aether.stats()]) {
      expect(Object.keys(stats.absorbed).sort()).toEqual(REASONS);
      const numbers = [
        ...Object.values(stats.absorbed),
        ...Object.values(stats).filter((value) => typeof value === "number"),
      ];
      expect(new Set(numbers)).toEqual(new Set([0]));
    }
  });

  test("are a picture of the moment: they do not change afterwards", async () => {
    const aether = await connect();
    const resonance = await aether.vibrator("beta").resonateOn("a");
    const [before, beforeAll] = [resonance.stats(), aether.stats()];
    await aether.vibrator("emitter").emit("a");
    expect(before.received).toBe(0);
    expect(beforeAll.received).toBe(0);
    expect(before.absorbed).not.toBe(resonance.stats().absorbed);
  });

  test("of the aether keep what closed resonances and vibrators have counted", async () => {
    const aether = await connect();
    const emitter = aether.vibrator("emitter");
    const beta = aether.vibrator("beta");
    const resonance = await beta.resonateOn("a", () => {});
    await emitter.emit("a");
    await resonance.close();
    await beta.resonateOn("a", () => {});
    await emitter.emit("a");
    await beta.close();
    await emitter.emit("a");
    await emitter.close();
    expect(aether.stats()).toMatchObject({ emitted: 3, received: 2, delivered: 2, queued: 0, running: 0 });
  });

  test("count everything that was refused before it became a wave", async () => {
    const aether = await connect({ limits: { maxPayloadBytes: 1000 } });
    const alpha = aether.vibrator("alpha");
    const large = "x".repeat(1001);
    const Never = channel("never", { schema: z.number().refine(async () => false) });
    const refusals = [
      () => alpha.emit("a b"),
      () => alpha.emit("a", large),
      () => alpha.emit("a", large, { kind: "command" }),
      () => alpha.query("a", large),
      () => alpha.emit(Never, 1),
      () => alpha.query(Never, 1),
    ];
    const count = async (): Promise<void> => {
      for (const refusal of refusals) {
        await rejection(refusal());
      }
    };
    await count();
    expect(aether.stats()).toMatchObject({ emitted: 0, refused: refusals.length });
    aether.use({ emit: (draft, next) => next(draft) });
    await count();
    expect(aether.stats()).toMatchObject({ emitted: 0, refused: 2 * refusals.length });
  });

  test("count handlers at work until they settle, also those that outlived their vibrator", async () => {
    const aether = await connect();
    const gate = new Gate();
    const beta = aether.vibrator("beta");
    await beta.resonateOn("a", () => gate.passed);
    await aether.vibrator("emitter").emit("a");
    await until(() => aether.stats().running === 1);
    await beta.close({ deadlineMs: 0 });
    gate.open();
    await turns();
    expect(aether.stats()).toMatchObject({ delivered: 1, running: 0 });
    expectBalance(aether.stats());
  });
});

describe("conservation of waves", () => {
  test("holds at every moment over a million random waves", { timeout: 300_000 }, async () => {
    const random = seeded("conservation");
    const aether = await connect({ physics: { maxPropagation: 2 }, causality: "explicit" });
    const world = new World(aether, random);
    await world.build();
    const count = 1_000_000;
    await world.run(count);
    const stats: AetherStats = aether.stats();
    expect(stats).toMatchObject(world.sum());
    expect(stats.emitted).toBeGreaterThanOrEqual(count);
    for (const reason of REASONS) {
      const counted = stats.absorbed[reason as keyof Stats["absorbed"]];
      expect([reason, counted]).toEqual([reason, world.absorbed.get(reason) ?? 0]);
    }
    for (const reason of ["floor", "evicted", "expired", "echo", "duplicate"] as const) {
      expect(stats.absorbed[reason], reason).toBeGreaterThan(0);
    }
    expect(stats.faded).toBeGreaterThan(0);
    expect(stats.exhausted).toBeGreaterThan(0);
    expect(stats.failed).toBeGreaterThan(0);
    await aether.close();
    world.check();
    expect(aether.stats()).toMatchObject({ queued: 0, running: 0 });
  });

  test("holds as well when nobody looks on, and waves go the short way", { timeout: 60_000 }, async () => {
    const aether = await connect({ physics: { maxPropagation: 2 } });
    const world = new World(aether, seeded("conservation unwatched"), false);
    await world.build();
    await world.run(200_000);
    expect(aether.stats()).toMatchObject(world.sum());
  });

  test("holds while an aether closes on waves of every kind", async () => {
    const random = seeded("conservation at the close");
    for (let round = 0; round < 20; round++) {
      const clock = new ManualClock();
      const aether = await connect({ physics: { maxPropagation: 2 }, clock });
      const world = new World(aether, random);
      await world.build();
      for (const resonance of world.resonances) {
        if (random() < 0.5) {
          resonance.pause();
        }
      }
      for (let i = 0; i < 500; i++) {
        world.emit().catch(() => undefined);
      }
      const closing = aether.close({ deadlineMs: 1 });
      world.check();
      await clock.advance(5);
      await closing;
      world.check();
      await until(() => aether.stats().running === 0);
      expect(aether.stats().queued).toBe(0);
      expect(world.settled).toBe(world.asked);
    }
  });
});
