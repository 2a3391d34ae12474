/** Retries: later, quieter, within the time of the call, and within the budget. */

import { Aether, AetherError, channel, type HandlerContext, UnrecoverableError, type Wave } from "@aether/core";
import { VirtualClock } from "@aether/testing";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { fc } from "../../../core/test/seeded.ts";
import { breaker, retry } from "../../src/index.ts";
import { failing, worldOf } from "./world.ts";

const QUICK = { baseDelayMs: 1, maxDelayMs: 4 };
const OFF = { budget: Number.POSITIVE_INFINITY };

describe("queries", () => {
  test("a query that failed is asked again, each time quieter, until it succeeds", async () => {
    let left = 2;
    await using world = await worldOf(() => (left-- > 0 ? failing() : "done"), retry(QUICK));
    expect(await world.ask({ amplitude: 0.8 })).toBe("done");
    const loud = world.seen.map(({ amplitude }) => Number(amplitude.toFixed(4)));
    expect(loud).toEqual([0.8, 0.76, 0.722]);
  });

  test("it is given up after `max` retries, with the error of the last", async () => {
    await using world = await worldOf(failing, retry({ ...QUICK, ...OFF, max: 2 }));
    await expect(world.ask()).rejects.toMatchObject({ code: "AETHER_HANDLER_FAILED" });
    expect(world.seen).toHaveLength(3);
  });

  test("what cannot succeed is not asked again", async () => {
    const never = (): never => {
      throw new UnrecoverableError("never");
    };
    await using world = await worldOf(never, retry(QUICK));
    await expect(world.ask()).rejects.toBeInstanceOf(AetherError);
    expect(world.seen).toHaveLength(1);
  });

  test("nothing is asked again when its time is over", async () => {
    await using world = await worldOf(() => new Promise(() => {}), retry({ ...QUICK, ...OFF }));
    await expect(world.ask({ timeoutMs: 60 })).rejects.toMatchObject({ code: "AETHER_TIMEOUT" });
    expect(world.seen).toHaveLength(1);
  });
});

/** Attempts over emits while the backend fails at everything. */
async function amplification(budget: number): Promise<number> {
  const emits = 300;
  await using world = await worldOf(failing, retry({ ...QUICK, max: 2, budget }));
  for (let i = 0; i < emits; i++) {
    await world.ask().catch(() => undefined);
  }
  return world.seen.length / emits;
}

describe("the budget", () => {
  test("keeps a backend that fails at everything from being asked more than 1.1 times as often", async () => {
    expect(await amplification(0.1)).toBeLessThanOrEqual(1.1);
  });

  test("control: without it the backend is asked three times as often", async () => {
    expect(await amplification(Number.POSITIVE_INFINITY)).toBe(3);
  });
});

describe("handlers", () => {
  /** Emits one event to a handler that does `work`; gives how often it ran. */
  async function handled(work: (run: number) => unknown, options: object): Promise<number> {
    await using aether = await Aether.connect();
    let runs = 0;
    const told: boolean[] = [];
    aether.on("failed", ({ willRetry }) => told.push(willRetry));
    aether.use(retry({ ...QUICK, ...OFF, ...options }));
    await aether.vibrator("beta").resonateOn("work", () => work(++runs));
    await aether.vibrator("alpha").emit("work", {});
    await expect.poll(() => [aether.stats().queued, aether.stats().running, runs > 0]).toEqual([0, 0, true]);
    const isOver = aether.stats().failed === 1;
    expect(told).toEqual([...Array.from({ length: runs - 1 }, () => true), ...(isOver ? [false] : [])]);
    return runs;
  }

  test("an event whose handler failed is handled again", async () => {
    expect(await handled((run) => (run < 3 ? failing() : undefined), {})).toBe(3);
  });

  test("it is given up after `max` retries", async () => {
    expect(await handled(failing, { max: 2 })).toBe(3);
  });
});

describe("an event that is handled again", () => {
  /** What a handler that fails `fails` times is given, and what it emits; `contract`: with a schema. */
  async function waves(fails: number, options: object, contract = false) {
    const clock = new VirtualClock();
    const aether = await Aether.connect({ clock, physics: { halfLifeMs: Number.POSITIVE_INFINITY } });
    aether.use(retry({ ...QUICK, ...OFF, ...options }, { now: () => clock.monotonic() }));
    const seen: Wave[] = [];
    const attempts: number[] = [];
    const caused: number[] = [];
    await aether.vibrator("sink").resonateOn("caused", ({ amplitude }) => void caused.push(amplitude));
    const schema = z.object({ n: z.coerce.number() });
    const work = (wave: Wave, ctx: HandlerContext): void => {
      seen.push(wave);
      attempts.push(ctx.attempt);
      void ctx.emit("caused", {});
      return seen.length <= fails ? failing() : undefined;
    };
    const beta = aether.vibrator("beta");
    await (contract ? beta.resonateOn(channel("work", { schema }), work) : beta.resonateOn("work", work));
    await aether.vibrator("alpha").emit("work", { n: "1" }, { amplitude: 0.8 });
    await clock.advance(1000);
    const { failed } = aether.stats();
    await aether.close();
    return { amplitudes: seen.map(({ amplitude }) => amplitude), attempts, caused, failed };
  }

  test.each([false, true])("loses amplitude each time, and so what it causes (schema: %s)", async (contract) => {
    const { amplitudes, attempts, caused, failed } = await waves(9, {}, contract);
    const expected = [0.8, 0.8 * 0.95, 0.8 * 0.95 ** 2, 0.8 * 0.95 ** 3];
    expect(attempts).toEqual([1, 2, 3, 4]);
    expect(amplitudes.map((amplitude) => amplitude.toFixed(6))).toEqual(expected.map((a) => a.toFixed(6)));
    expect(caused.map((amplitude) => amplitude.toFixed(6))).toEqual(expected.map((a) => (a * 0.95).toFixed(6)));
    expect(failed).toBe(1);
  });

  test("never gains any, whatever it keeps", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.double({ min: 0.05, max: 1, noNaN: true }),
        fc.integer({ min: 0, max: 5 }),
        async (attenuationFactor, fails) => {
          const { amplitudes } = await waves(fails, { attenuationFactor, max: 5 });
          for (const [at, amplitude] of amplitudes.entries()) {
            expect(amplitude).toBeCloseTo(0.8 * attenuationFactor ** at, 9);
            // What is left of it is heard: otherwise it does not come again.
            expect(at === 0 || amplitude * 0.95 >= 0.01).toBe(true);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  test("is told apart from one that an open breaker puts off: that spends neither tries nor amplitude", async () => {
    const clock = new VirtualClock();
    await using aether = await Aether.connect({ clock, physics: { halfLifeMs: Number.POSITIVE_INFINITY } });
    const now = (): number => clock.monotonic();
    aether.use(retry({ ...QUICK, ...OFF, max: 2 }, { now }));
    // Without the aether it cannot pause the resonance: every wave comes, and is put off.
    aether.use(breaker({ failureThreshold: 1, openMs: 100, halfOpenSuccesses: 1 }, { now }));
    const runs: unknown[] = [];
    await aether.vibrator("beta").resonateOn("work", ({ amplitude }, ctx) => {
      runs.push([ctx.attempt, Number(amplitude.toFixed(4))]);
      return runs.length < 3 ? failing() : undefined;
    });
    await aether.vibrator("alpha").emit("work", {}, { amplitude: 0.8 });
    await clock.advance(1000);
    expect(runs).toEqual([
      [1, 0.8],
      [2, 0.76],
      [3, 0.722],
    ]);
    expect(aether.stats()).toMatchObject({ failed: 0, queued: 0 });
  });
});

test("work of one's own is tried again", async () => {
  let runs = 0;
  const result = await retry(QUICK).execute(async () => (++runs < 3 ? failing() : "done"));
  expect([result, runs]).toEqual(["done", 3]);
});
