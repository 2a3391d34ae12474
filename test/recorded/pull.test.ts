import type { Wave } from "@aether/core";
import { describe, expect, test } from "vitest";
import { expectBalance } from "../../packages/core/test/aether/connect.ts";
import { turns } from "../../packages/core/test/aether/manual-clock.ts";
import { rejection } from "../../packages/core/test/aether/until.ts";
import { world } from "./world.ts";

async function emitted(count: number) {
  const parts = await world();
  const orders = await parts.aether.vibrator("beta").resonateOn("orders.*");
  for (let i = 0; i < count; i++) {
    await parts.aether.vibrator("alpha").emit("orders.created", i);
  }
  return { ...parts, orders };
}

describe("pulling recorded waves", () => {
  test("taking the next wave settles the last one", async () => {
    const { orders, pending } = await emitted(3);
    const iterator = orders[Symbol.asyncIterator]();
    expect(await pending("beta")).toBe(3);
    await iterator.next();
    expect(await pending("beta")).toBe(3);
    await iterator.next();
    await iterator.next();
    expect(await pending("beta")).toBe(1);
    void iterator.next();
    expect(await pending("beta")).toBe(0);
    await iterator.return?.();
    expectBalance(orders.stats());
  });

  test("breaking off gives the last one back, and what nobody took", async () => {
    const { orders, pending, join } = await emitted(5);
    for await (const wave of orders) {
      if (wave.payload === 2) {
        break;
      }
    }
    expect(await pending("beta")).toBe(3);
    expect(orders.stats()).toMatchObject({ received: 5, delivered: 3, queued: 0, absorbed: { closed: 2 } });
    const heard: unknown[] = [];
    await (await join()).vibrator("beta").resonateOn("orders.*", (wave) => void heard.push(wave.payload));
    await turns();
    expect(heard.sort()).toEqual([2, 3, 4]);
    expectBalance(orders.stats());
  });

  test("a throw gives the last one back", async () => {
    const { orders, pending } = await emitted(2);
    const iterate = async (): Promise<void> => {
      for await (const _ of orders) {
        throw new Error("broken");
      }
    };
    expect(await rejection(iterate())).toMatchObject({ message: "broken" });
    expect(await pending("beta")).toBe(2);
  });

  test("taking the next batch settles the last one", async () => {
    const { orders, pending } = await emitted(6);
    const batches = orders.batches(4);
    await turns();
    const sizes: number[] = [];
    for await (const batch of batches) {
      sizes.push(batch.length);
      if (sizes.reduce((sum, size) => sum + size) === 6) {
        break;
      }
    }
    expect(await pending("beta")).toBe(sizes.at(-1));
    expectBalance(orders.stats());
  });

  test("what nobody iterates is left to others of the group", async () => {
    const { orders, join } = await emitted(5);
    const heard: unknown[] = [];
    await (await join()).vibrator("beta").resonateOn("orders.*", (wave) => void heard.push(wave.payload));
    await turns();
    expect(heard).toEqual([0, 1, 2, 3, 4]);
    expect(orders.stats().received).toBe(0);
  });

  test("of one key one wave at a time is in somebody's hands", async () => {
    const { aether } = await world();
    const orders = await aether.vibrator("beta").resonateOn("orders.*", { order: "key" });
    for (const key of ["a", "a", "b"]) {
      await aether.vibrator("alpha").emit("orders.created", key, { key });
    }
    const iterators = [orders[Symbol.asyncIterator](), orders[Symbol.asyncIterator]()];
    const first = iterators.map((iterator) => iterator.next());
    const taken = (await Promise.all(first)).map(({ value }: { value?: Wave }) => value?.payload);
    expect(taken.sort()).toEqual(["a", "b"]);
  });

  test("a close ends the iteration, once the wave in hand is settled", async () => {
    const { orders, pending } = await emitted(3);
    const iterator = orders[Symbol.asyncIterator]();
    await iterator.next();
    let closed = false;
    const closing = orders.close().then(() => {
      closed = true;
    });
    await turns();
    expect(closed).toBe(false);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    await closing;
    expect(await pending("beta")).toBe(2);
    expectBalance(orders.stats());
  });

  test("a wave that is never settled goes back at the deadline", async () => {
    const { orders, pending, clock } = await emitted(3);
    const iterator = orders[Symbol.asyncIterator]();
    await iterator.next();
    const closing = orders.close({ deadlineMs: 50 });
    await clock.advance(50);
    await closing;
    expect(await pending("beta")).toBe(3);
    await iterator.next();
    expect(await pending("beta")).toBe(3);
    expectBalance(orders.stats());
  });

  test("is refused to `receive`, which does not tell when a wave is done with", async () => {
    const { aether, orders } = await emitted(1);
    const gamma = aether.vibrator("gamma");
    await gamma.resonateOn("orders.*");
    expect(await rejection(gamma.receive())).toMatchObject({ code: "AETHER_UNSUPPORTED" });
    expect(orders.stats().delivered).toBe(0);
  });
});
