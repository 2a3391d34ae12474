/** Timeouts: for the whole call, retries included. */

import { expect, test } from "vitest";
import { retry, timeout } from "../../src/index.ts";
import { failing, sleep, worldOf } from "./world.ts";

test("a query that says no time has that of the policy", async () => {
  await using world = await worldOf(() => sleep(5000), timeout({ timeoutMs: 40 }));
  const startedAt = performance.now();
  await expect(world.ask()).rejects.toMatchObject({ code: "AETHER_TIMEOUT" });
  expect(performance.now() - startedAt).toBeLessThan(1000);
});

test("its own time goes first", async () => {
  await using world = await worldOf(() => sleep(60).then(() => "late"), timeout({ timeoutMs: 10 }));
  expect(await world.ask({ timeoutMs: 2000 })).toBe("late");
});

test("retries share one timeout", async () => {
  const again = retry({ max: 1000, baseDelayMs: 20, maxDelayMs: 20, budget: Number.POSITIVE_INFINITY });
  await using world = await worldOf(failing, timeout({ timeoutMs: 150 }), again);
  const startedAt = performance.now();
  await expect(world.ask()).rejects.toThrow();
  expect(performance.now() - startedAt).toBeLessThan(1500);
  expect(world.seen.length).toBeGreaterThan(1);
});

test("work of one's own is told by its signal", async () => {
  let reason: unknown;
  const work = timeout({ timeoutMs: 20 }).execute(async (signal) => {
    signal.addEventListener("abort", () => {
      reason = "told";
    });
    await sleep(5000);
  });
  await expect(work).rejects.toMatchObject({ code: "AETHER_TIMEOUT" });
  expect(reason).toBe("told");
});
