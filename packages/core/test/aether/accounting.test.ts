import {
  ABSORB_REASONS,
  type Aether,
  type AetherStats,
  channel,
  type Resonance,
  type Stats,
  type Vibrator,
} from "@aether/core";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { absorbedOf, connect, expectBalance } from "./connect.ts";
import { ManualClock, turns } from "./manual-clock.ts";
import { seeded } from "./seed.ts";
import { Gate, rejection, until } from "./until.ts";

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
].sort();

describe("stats", () => {
  test("have the shape of the contract, all zero at first", async () => {
    const aether = await connect();
    const resonance = await aether.vibrator("beta").resonateOn("a");
    expect(Object.keys(resonance.stats()).sort()).toEqual(FIELDS);
    expect(Object.keys(aether.stats())).toEqual(expect.arrayContaining(FIELDS));
    expect([...ABSORB_REASONS].sort()).toEqual(REASONS);
    for (const stats of [resonance.stats(), aether.stats()]) {
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

/** One world of random traffic, with every way out of the street. */
class World {
  readonly resonances: Resonance[] = [];
  readonly emitters: Vibrator[] = [];
  readonly absorbed = new Map<string, number>();
  readonly aether: Aether;
  readonly #random: () => number;
  settled = 0;
  asked = 0;
  delivered = 0;

  constructor(aether: Aether, random: () => number) {
    this.aether = aether;
    this.#random = random;
    aether.on("absorbed", ({ reason }) => void this.absorbed.set(reason, (this.absorbed.get(reason) ?? 0) + 1));
    aether.on("delivered", () => void this.delivered++);
  }

  async build(): Promise<void> {
    const random = this.#random;
    const handle = (wave: { readonly hops: number }, ctx: { emit(name: string): Promise<unknown> }): unknown => {
      const chance = random();
      if (chance < 0.02) {
        throw new Error("broken");
      }
      if (chance < 0.04) {
        void ctx.emit("a.caused");
        return wave.hops;
      }
      return chance < 0.06 ? turns(1) : chance < 0.5 ? undefined : chance;
    };
    const { aether } = this;
    const add = async (name: string, pattern: string, options: object): Promise<void> => {
      this.resonances.push(await aether.vibrator(name).resonateOn(pattern, handle, options));
    };
    await add("plain", "a.*", {});
    await add("small", "a.*", { inbox: { capacity: 30 }, concurrency: 2 });
    await add("small", "a.*", { inbox: { capacity: 5, bytes: 2000 }, concurrency: 1, order: "fifo" });
    await add("picky", "a.>", { noiseFloor: 0.6 });
    await add("alone", ">", { group: false, echo: false, inbox: { capacity: 100 } });
    await add("keyed", "a.*", { order: "key", inbox: { capacity: 20 }, concurrency: 3 });
    await add("retrying", "a.0", { maxAttempts: 3, backoffMs: { base: 1, max: 2 }, inbox: { capacity: 50 } });
    const pulled = await aether.vibrator("pulling").resonateOn("a.1", { inbox: { capacity: 40 } });
    this.resonances.push(pulled as Resonance);
    void (async () => {
      for await (const _ of pulled) {
        if (random() < 0.01) {
          await turns(1);
        }
      }
    })();
    this.emitters.push(aether.vibrator("one"), aether.vibrator("two"), aether.vibrator("alone"));
  }

  emit(): Promise<unknown> {
    const random = this.#random;
    const emitter = this.emitters[Math.floor(random() * this.emitters.length)];
    if (emitter === undefined) {
      throw new Error("Expected an emitter");
    }
    const chance = random();
    const name = `a.${Math.floor(random() * 3)}`;
    const amplitude = random() < 0.05 ? random() * 0.02 : random();
    if (chance < 0.7) {
      return emitter.emit(name, undefined, { amplitude });
    }
    if (chance < 0.75) {
      return emitter.emit(name, "x".repeat(Math.floor(random() * 1500)), { amplitude, kind: "broadcast" });
    }
    if (chance < 0.8) {
      return emitter.emit(name, undefined, { amplitude, id: `id-${Math.floor(random() * 1000)}` });
    }
    if (chance < 0.9) {
      return emitter.emit(name, undefined, { amplitude, key: `key-${Math.floor(random() * 5)}` });
    }
    if (chance < 0.95) {
      return emitter.emit(name, undefined, { amplitude, halfLifeMs: 0.5 + random() });
    }
    this.asked++;
    const asked =
      chance < 0.97
        ? emitter.emit(name, undefined, { amplitude, kind: "command", timeoutMs: 60_000 })
        : emitter.query(name, undefined, { amplitude, timeoutMs: 60_000 });
    const done = (): void => void this.settled++;
    asked.then(done, done);
    return Promise.resolve();
  }

  check(): void {
    for (const resonance of this.resonances) {
      expectBalance(resonance.stats());
    }
    const all = this.aether.stats();
    expectBalance(all);
    expect(absorbedOf(all)).toBe([...this.absorbed.values()].reduce((sum, count) => sum + count, 0));
  }

  sum(): Pick<Stats, "received" | "delivered" | "queued" | "failed" | "running"> {
    const sum = { received: 0, delivered: 0, queued: 0, failed: 0, running: 0 };
    for (const resonance of this.resonances) {
      const stats = resonance.stats();
      for (const name of Object.keys(sum) as (keyof typeof sum)[]) {
        sum[name] += stats[name];
      }
    }
    return sum;
  }
}

describe("conservation of waves", () => {
  test("holds at every moment over a million random waves", { timeout: 60_000 }, async () => {
    const random = seeded("conservation");
    const aether = await connect({ physics: { maxPropagation: 2 }, causality: "explicit" });
    const world = new World(aether, random);
    await world.build();
    const count = 1_000_000;
    let burst = 0;
    for (let i = 0; i < count; i++) {
      const emitted = world.emit();
      if (--burst <= 0) {
        burst = 1 + Math.floor(random() * 200);
        await (random() < 0.3 ? turns(1) : emitted);
      }
      if (random() < 0.0005) {
        world.check();
      }
      if (random() < 0.0002) {
        const resonance = world.resonances[Math.floor(random() * world.resonances.length)];
        resonance?.pause();
        await emitted;
        world.check();
        resonance?.resume();
      }
    }
    await until(() => world.sum().queued === 0 && world.sum().running === 0);
    await until(() => world.settled === world.asked);
    world.check();
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
