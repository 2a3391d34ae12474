/** What becomes of an order that outlives the process which took it in: the services on a medium with a memory. */

import { inProcess, type Medium, systemClock, type Wave } from "@aether/core";
import { type RunningServices, runService, type Service } from "@aether/service";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { remembering } from "../../packages/testing/test/lawful/remembering.ts";
import { alpha } from "../../services/src/alpha.ts";
import { beta } from "../../services/src/beta.ts";
import {
  CheckInventory,
  InventoryLevels,
  type Order,
  OrderCancelled,
  OrderCompleted,
  PaymentCompleted,
  PlaceOrder,
  RECORDED,
  RequestPayment,
  RestockInventory,
} from "../../services/src/contracts.ts";
import { gamma } from "../../services/src/gamma.ts";
import { placeOne } from "../../services/src/once.ts";
import { recorderOf } from "../recorded/world.ts";

const order: Order = { orderId: "o1", customer: "ada", items: [{ sku: "lamp", quantity: 2 }] };
const DESKS: Order = { orderId: "o2", customer: "ada", items: [{ sku: "desk", quantity: 2 }] };
const places: readonly Service[] = [alpha, beta, gamma];

let medium: Medium;
let running: RunningServices[];
beforeEach(() => {
  medium = remembering(systemClock);
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map((run) => run.close()));
});

/** Services in what stands for a process; `needs` of those that are away are not waited for. */
async function start(...services: readonly Service[]): Promise<RunningServices> {
  const run = await runService(
    services.map((service) => ({ ...service, needs: [] })),
    { medium, recorded: RECORDED },
  );
  running.push(run);
  return run;
}

/** The groups of services that are away have their place all the same: they were there once. */
async function everybodyWasThere(): Promise<void> {
  await (await start(...places)).close();
}

async function place(one: Order): Promise<void> {
  const run = await start();
  await run.aether.vibrator("customer").emit(PlaceOrder, one, { key: one.orderId });
}

async function kept({ name }: { readonly name: string }): Promise<readonly Wave[]> {
  const waves: Wave[] = [];
  for await (const { wave } of (await recorderOf(medium)).read({ pattern: name })) {
    waves.push(wave);
  }
  return waves;
}

async function keeps(channel: { readonly name: string }, count = 1): Promise<void> {
  await expect.poll(async () => (await kept(channel)).length, { timeout: 5000 }).toBe(count);
}

describe("on a medium that keeps waves", () => {
  test("an order is placed while nobody is there, and gone on with by whoever comes", async () => {
    await everybodyWasThere();
    await place(order);
    for (const [service, channel] of [
      [alpha, CheckInventory],
      [beta, RequestPayment],
    ] as const) {
      const run = await start(service, ...(service === beta ? [alpha] : []));
      await keeps(channel);
      await run.close();
    }
    await start(gamma);
    await keeps(PaymentCompleted);
    // An alpha that has never heard of the order.
    await start(alpha);
    await keeps(OrderCompleted);
  });

  test("an order that is placed again after a restart ends once", async () => {
    const first = await start(...places);
    await place(order);
    await keeps(OrderCompleted);
    await first.close();
    const again = await start(...places);
    await place(order);
    await place(DESKS);
    await keeps(OrderCancelled);
    expect(await kept(OrderCompleted)).toHaveLength(1);
    expect(await kept(PaymentCompleted)).toHaveLength(1);
    expect(again.aether.stats().failed).toBe(0);
  });

  /** What the inventory says that it has of `sku`. */
  async function left({ aether }: RunningServices, sku: string): Promise<unknown> {
    const { payload } = await aether.vibrator("customer").query(InventoryLevels, {});
    return payload.levels.find((level) => level.sku === sku)?.left;
  }

  test("the stock is exact after restarts: what was sold is gone, and what was cancelled is back", async () => {
    await everybodyWasThere();
    const first = await start(alpha, beta);
    await place(order);
    await place(DESKS);
    await keeps(RequestPayment, 2);
    expect([await left(first, "lamp"), await left(first, "desk")]).toEqual([22, 6]);
    await first.close();
    const second = await start(beta);
    expect([await left(second, "lamp"), await left(second, "desk")]).toEqual([22, 6]);
    await second.close();
    const third = await start(...places);
    await keeps(OrderCancelled);
    await keeps(OrderCompleted);
    await expect.poll(() => left(third, "desk")).toBe(8);
    const supplier = third.aether.vibrator("supplier");
    await supplier.emit(RestockInventory, { items: [{ sku: "lamp", quantity: 5 }] });
    await expect.poll(() => left(third, "lamp")).toBe(27);
    await third.close();
    const fourth = await start(beta);
    expect([await left(fourth, "lamp"), await left(fourth, "desk")]).toEqual([27, 8]);
  });

  test("three inventories share one stock, and sell no piece twice", async () => {
    const runs = [await start(...places), await start(beta), await start(beta)];
    const orders = Array.from({ length: 30 }, (_, n) => ({ ...order, orderId: `lamps-${n}` }));
    await Promise.all(orders.map(place));
    // 24 lamps are 12 orders of two.
    await keeps(OrderCompleted, 12);
    await keeps(OrderCancelled, 18);
    const checked = await Promise.all(runs.map(({ aether }) => aether.stats().delivered));
    expect(Math.min(...checked), "waves that each instance handled").toBeGreaterThan(0);
    for (const run of runs.slice(0, 2)) {
      await run.close();
    }
    expect(await left(runs[2] ?? (await start(beta)), "lamp")).toBe(0);
  });

  test("an alpha that was never there knows which orders have ended, and does nothing more for them", async () => {
    const first = await start(...places);
    await place(order);
    await keeps(OrderCompleted);
    await first.close();
    const { aether } = await start(alpha);
    const elsewhere = (await start()).aether;
    await elsewhere.vibrator("bank").emit(PaymentCompleted, { orderId: order.orderId, amount: 4980 }, { key: "o1" });
    await elsewhere.vibrator("customer").emit(PlaceOrder, order, { key: order.orderId });
    await place(DESKS);
    await keeps(CheckInventory, 2);
    // Two for the desks: nothing rests on the record to know the ids of steps that are taken again.
    await expect.poll(() => aether.stats().delivered).toBe(3);
    expect(aether.stats().emitted).toBe(2);
  });

  test("one order is placed and looked after from outside", async () => {
    const { aether } = await start(...places);
    const options = { timeoutMs: 5000, signal: new AbortController().signal, log: console };
    expect(await placeOne(aether, order, options)).toBe(true);
    expect(await placeOne(aether, order, options)).toBe(false);
    await expect(placeOne(aether, DESKS, options)).rejects.toThrow("Order o2 was cancelled: card");
  });
});

test("the control: on a medium without a memory, an alpha that has never heard of an order does not end it", async () => {
  const run = await runService([alpha, beta, gamma], { medium: inProcess() });
  running.push(run);
  const ends: unknown[] = [];
  await run.aether.observe("orders.*", (wave) => void ends.push(wave.channel));
  const answered = run.aether.vibrator("elsewhere");
  await answered.emit(PaymentCompleted, { orderId: order.orderId, amount: 1 }, { key: order.orderId });
  await answered.emit(PlaceOrder, DESKS, { key: DESKS.orderId });
  await expect.poll(() => ends).toContain("orders.cancelled");
  expect(ends).not.toContain("orders.completed");
});
