/** Retries: later, quieter, within the time of the call, and within the budget. */

import { Aether, AetherError, UnrecoverableError } from "@aether/core";
import { describe, expect, test } from "vitest";
import { retry } from "../../src/index.ts";
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

test("work of one's own is tried again", async () => {
  let runs = 0;
  const result = await retry(QUICK).execute(async () => (++runs < 3 ? failing() : "done"));
  expect([result, runs]).toEqual(["done", 3]);
});
