/** Bulkheads: a slow channel holds only its own share. */

import { expect, test } from "vitest";
import { bulkhead } from "../../src/index.ts";
import { worldOf } from "./world.ts";

test("calls beyond those that run and wait are refused; the others come in turn", async () => {
  let finish = (): void => {};
  const gate = new Promise<void>((resolve) => {
    finish = resolve;
  });
  await using world = await worldOf(() => gate.then(() => "done"), bulkhead({ concurrency: 2, queue: 1 }));
  const calls = [world.ask(), world.ask(), world.ask()];
  await expect(world.ask()).rejects.toMatchObject({ code: "AETHER_BUSY", retryable: true });
  expect(world.seen.length).toBeLessThanOrEqual(2);
  finish();
  expect(await Promise.all(calls)).toEqual(["done", "done", "done"]);
});

test("control: without one all are under way", async () => {
  await using world = await worldOf(() => "done");
  expect(await Promise.all(Array.from({ length: 4 }, () => world.ask()))).toHaveLength(4);
});
