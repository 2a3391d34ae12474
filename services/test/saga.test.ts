/** The shop as a whole: what becomes of an order, with the real services on a real medium. */

import { type Resonance, seededRandom, type Wave } from "@aether/core";
import { defineService, type Service } from "@aether/service";
import { describe, expect, test } from "vitest";
import { alpha } from "../src/alpha.ts";
import { beta } from "../src/beta.ts";
import {
  CheckInventory,
  InventoryAvailable,
  InventoryReleased,
  InventoryRestocked,
  InventoryUnavailable,
  OrderCancelled,
  OrderCompleted,
  OrderCreated,
  PaymentCompleted,
  PaymentFailed,
  PlaceOrder,
  RequestPayment,
} from "../src/contracts.ts";
import { customers } from "../src/customers.ts";
import { gamma } from "../src/gamma.ts";
import { oneOf, wholeBetween } from "../src/random.ts";
import { supplier } from "../src/supplier.ts";
import { Shop } from "./shop.ts";

const catalogue = { lamp: { price: 10_00, stock: 5 }, desk: { price: 300_00, stock: 4 } };

/** What the payload of a wave says under `name`. */
function part(wave: Wave | undefined, name: string): unknown {
  return new Map(Object.entries(wave?.payload ?? {})).get(name);
}

describe("one order", () => {
  test("that can be delivered and paid is completed, and its goods are sold", async () => {
    await using shop = await Shop.open({ catalogue });
    await shop.place("o1", [{ sku: "lamp", quantity: 2 }]);
    await shop.ended();
    expect(shop.way("o1")).toEqual([
      "orders.place",
      "orders.created",
      "inventory.check",
      "inventory.available",
      "orders.confirmed",
      "payments.request",
      "payments.completed",
      "orders.completed",
    ]);
    expect(shop.ends[0]?.payload).toEqual({ orderId: "o1", total: 20_00 });
    expect(await shop.stock()).toEqual({ lamp: 3, desk: 4 });
  });

  test("is one trace with rising hops, far below the limit, and nothing of it fades", async () => {
    await using shop = await Shop.open({ catalogue });
    await shop.place("o1", [{ sku: "desk", quantity: 2 }]);
    await shop.seen(InventoryReleased);
    const waves = shop.waves.filter(({ key }) => key === "o1");
    expect(new Set(waves.map(({ trace }) => trace))).toEqual(new Set([waves[0]?.id]));
    const hops = new Map(waves.map(({ id, hops }) => [id, hops]));
    for (const wave of waves.slice(1)) {
      expect(wave.hops).toBe((hops.get(wave.cause ?? "") ?? Number.NaN) + 1);
    }
    expect(Math.max(...hops.values())).toBe(7);
    expect(Math.min(...waves.map(({ amplitude }) => amplitude))).toBeGreaterThanOrEqual(0.5);
    const { absorbed, failed, faded, exhausted } = shop.run.aether.stats();
    expect({ ...absorbed, failed, faded, exhausted }).toEqual(
      Object.fromEntries([...Object.keys(absorbed), "failed", "faded", "exhausted"].map((name) => [name, 0])),
    );
  });

  test("of more than there is is cancelled with its reason, and the stock stays as it is", async () => {
    await using shop = await Shop.open({ catalogue });
    await shop.place("o1", [
      { sku: "desk", quantity: 1 },
      { sku: "lamp", quantity: 6 },
    ]);
    await shop.ended();
    expect(shop.ends[0]?.payload).toEqual({ orderId: "o1", reason: "only 5 lamp left" });
    expect(shop.on(InventoryReleased)).toEqual([]);
    expect(await shop.stock()).toEqual({ lamp: 5, desk: 4 });
  });

  test("that names one sku twice counts both", async () => {
    await using shop = await Shop.open({ catalogue });
    const three = { sku: "lamp", quantity: 3 };
    await shop.place("o1", [three, three]);
    await shop.ended();
    expect(part(shop.ends[0], "reason")).toBe("only 5 lamp left");
  });

  test("of what is not sold here is cancelled, whatever the thing is called", async () => {
    await using shop = await Shop.open({ catalogue });
    await shop.place("o1", [{ sku: "unicorn", quantity: 1 }]);
    await shop.place("o2", [{ sku: "__proto__", quantity: 1 }]);
    await shop.place("o3", [{ sku: "constructor", quantity: 1 }]);
    await shop.ended(3);
    expect(shop.ends.map((wave) => part(wave, "reason"))).toEqual([
      "unicorn is not sold here",
      "__proto__ is not sold here",
      "constructor is not sold here",
    ]);
    expect(shop.on(InventoryUnavailable).map((wave) => part(wave, "short"))).toEqual([[], [], []]);
  });

  test("whose payment fails is cancelled, and its goods are back exactly once", async () => {
    await using shop = await Shop.open({ catalogue });
    await shop.place("o1", [{ sku: "desk", quantity: 2 }]);
    await shop.seen(InventoryReleased);
    expect(shop.way("o1").slice(-4)).toEqual([
      "payments.request",
      "payments.failed",
      "orders.cancelled",
      "inventory.released",
    ]);
    expect(await shop.stock()).toEqual({ lamp: 5, desk: 4 });
    // Told once more, nothing comes back a second time.
    await shop.customer.emit(OrderCancelled, { orderId: "o1", reason: "again" });
    await shop.seen(OrderCancelled, 2);
    expect(await shop.stock()).toEqual({ lamp: 5, desk: 4 });
    expect(shop.on(InventoryReleased)).toHaveLength(1);
  });

  test.each([
    ["no items", { orderId: "o1", customer: "ada", items: [] }],
    ["a negative quantity", { orderId: "o1", customer: "ada", items: [{ sku: "lamp", quantity: -1 }] }],
    ["half a lamp", { orderId: "o1", customer: "ada", items: [{ sku: "lamp", quantity: 0.5 }] }],
    [
      "an id that could control a terminal",
      { orderId: "\u001b[2J", customer: "ada", items: [{ sku: "lamp", quantity: 1 }] },
    ],
  ])("with %s is refused by its emitter and by its receiver", async (_, order) => {
    await using shop = await Shop.open({ catalogue });
    await expect(shop.customer.emit(PlaceOrder, order)).rejects.toMatchObject({ code: "AETHER_BAD_PAYLOAD" });
    const reflections: string[] = [];
    shop.customer.onReflection(({ code }) => void reflections.push(code));
    await shop.customer.emit(PlaceOrder.name, order, { kind: "command" });
    await expect.poll(() => reflections).toEqual(["rejected"]);
    expect(shop.on(OrderCreated)).toEqual([]);
  });
});

describe("idempotency", () => {
  test("the same order sent twice, one after the other, is handled once", async () => {
    await using shop = await Shop.open({ catalogue });
    await shop.place("o1", [{ sku: "lamp", quantity: 1 }]);
    await shop.ended();
    await shop.place("o1", [{ sku: "lamp", quantity: 1 }]);
    await shop.place("o2", [{ sku: "lamp", quantity: 1 }]);
    await shop.ended(2);
    expect(shop.way("o1").filter((channel) => channel !== PlaceOrder.name)).toHaveLength(7);
    expect(await shop.stock()).toEqual({ lamp: 3, desk: 4 });
  });

  test("the same order sent many times at once is handled once", async () => {
    await using shop = await Shop.open({ catalogue, bankMs: 20 });
    await Promise.all(Array.from({ length: 50 }, () => shop.place("o1", [{ sku: "lamp", quantity: 1 }])));
    await shop.ended();
    expect(shop.on(OrderCreated)).toHaveLength(1);
    expect(shop.on(PaymentCompleted)).toHaveLength(1);
    expect(await shop.stock()).toEqual({ lamp: 4, desk: 4 });
  });

  test("the inventory sets goods aside once for an order, and answers a repeated check the same again", async () => {
    await using shop = await Shop.open({ catalogue }, [beta]);
    const check = { orderId: "o1", customer: "ada", items: [{ sku: "lamp", quantity: 2 }] };
    await Promise.all([1, 2, 3].map(() => shop.customer.emit(CheckInventory, check)));
    await shop.seen(InventoryAvailable, 3);
    expect(new Set(shop.on(InventoryAvailable).map((wave) => JSON.stringify(wave.payload))).size).toBe(1);
    expect(await shop.stock()).toEqual({ lamp: 3, desk: 4 });
    await shop.customer.emit(OrderCancelled, { orderId: "o1", reason: "changed my mind" });
    await shop.seen(InventoryReleased);
    await shop.customer.emit(CheckInventory, check);
    await shop.seen(InventoryAvailable, 4);
    expect(await shop.stock()).toEqual({ lamp: 5, desk: 4 });
  });

  test("goods from another shelf come back once, as far as they are sold here", async () => {
    await using shop = await Shop.open({ catalogue }, [beta]);
    const goods = [
      { sku: "lamp", quantity: 2 },
      { sku: "unicorn", quantity: 1 },
    ];
    const cancelled = { orderId: "o1", reason: "changed my mind", goods };
    await shop.customer.emit(OrderCancelled, cancelled);
    await shop.customer.emit(OrderCancelled, cancelled);
    await shop.customer.emit(OrderCancelled, { ...cancelled, orderId: "o2" });
    await shop.seen(InventoryReleased, 2);
    expect(await shop.stock()).toEqual({ lamp: 9, desk: 4 });
  });

  test("sold goods do not come back when their order is cancelled afterwards", async () => {
    await using shop = await Shop.open({ catalogue });
    await shop.place("o1", [{ sku: "lamp", quantity: 2 }]);
    await shop.ended();
    await shop.customer.emit(OrderCancelled, { orderId: "o1", reason: "too late" });
    await shop.ended(2);
    expect(await shop.stock()).toEqual({ lamp: 3, desk: 4 });
    expect(shop.on(InventoryReleased)).toEqual([]);
  });

  test("a payment requested again while the bank is busy is made once", async () => {
    await using shop = await Shop.open({ bankMs: 30, cardLimit: 100 }, [gamma]);
    const request = { orderId: "o1", customer: "ada", items: [{ sku: "lamp", quantity: 1 }], amount: 100 };
    await Promise.all([1, 2].map(() => shop.customer.emit(RequestPayment, request, { key: "o1" })));
    // The second one asks for more than the card pays; it is told what became of the first.
    await shop.customer.emit(RequestPayment, { ...request, amount: 101 }, { key: "o1" });
    await shop.seen(PaymentCompleted, 3);
    expect(shop.on(PaymentFailed)).toEqual([]);
  });

  test("answers that nobody waits for change nothing", async () => {
    await using shop = await Shop.open({ catalogue });
    const ghost = { orderId: "ghost", customer: "ada", items: [{ sku: "lamp", quantity: 1 }] };
    await shop.customer.emit(PaymentCompleted, { orderId: "ghost", amount: 1 });
    await shop.customer.emit(PaymentFailed, { ...ghost, reason: "ghost" });
    await shop.customer.emit(InventoryAvailable, { ...ghost, total: 1, levels: [] });
    await shop.place("o1", [{ sku: "lamp", quantity: 1 }]);
    await shop.ended();
    expect(shop.way("ghost")).toEqual([]);
    expect(shop.ends).toHaveLength(1);
  });
});

describe("when a part of the shop is away", () => {
  /** A shop in which somebody took `channel` until it was open. */
  const openWithout = async (channel: { readonly name: string }, others: readonly Service[]): Promise<Shop> => {
    const opened: Resonance[] = [];
    const leaving = defineService("leaving", async ({ vibrator }) => {
      opened.push(await vibrator.resonateOn(channel.name));
    });
    const shop = await Shop.open({ catalogue }, [...others, leaving]);
    await Promise.all(opened.map((resonance) => resonance.close()));
    return shop;
  };

  test("without an inventory an order is cancelled", async () => {
    await using shop = await openWithout(CheckInventory, [alpha, gamma]);
    await shop.place("o1", [{ sku: "lamp", quantity: 1 }]);
    await shop.ended();
    expect(part(shop.ends[0], "reason")).toMatch(/^Nobody resonates .*inventory\.check/);
  });

  test("without payments an order is cancelled, and its goods are back", async () => {
    await using shop = await openWithout(RequestPayment, [alpha, beta]);
    await shop.place("o1", [{ sku: "lamp", quantity: 1 }]);
    await shop.seen(InventoryReleased);
    expect(part(shop.ends[0], "reason")).toMatch(/^Nobody resonates .*payments\.request/);
    expect(await shop.stock()).toEqual({ lamp: 5, desk: 4 });
  });

  test("when a part fails at an order, the order is cancelled, in the same trace", async () => {
    const broken = defineService("broken", async ({ vibrator }) => {
      await vibrator.resonateOn(RequestPayment, () => {
        throw new Error("the bank is on fire");
      });
    });
    await using shop = await Shop.open({ catalogue }, [alpha, beta, broken]);
    await shop.place("o1", [{ sku: "lamp", quantity: 1 }]);
    await shop.seen(InventoryReleased);
    expect(part(shop.ends[0], "reason")).toBe("the bank is on fire");
    expect(shop.ends[0]?.trace).toBe(shop.on(PlaceOrder)[0]?.trace);
    expect(await shop.stock()).toEqual({ lamp: 5, desk: 4 });
  });
});

describe("many orders", () => {
  test("500 at random, all at once and some of them twice: each ends once, and the stock is exact", async () => {
    const random = seededRandom(20_26);
    const goods = {
      lamp: { price: 10_00, stock: 300 },
      chair: { price: 90_00, stock: 120 },
      desk: { price: 300_00, stock: 60 },
    };
    await using shop = await Shop.open({ catalogue: goods, bankMs: 1 });
    const placed = Array.from({ length: 500 }, (_, n) => ({
      orderId: `o${n}`,
      items: Array.from({ length: wholeBetween(random, 1, 3) }, () => ({
        sku: oneOf(random, ["lamp", "lamp", "chair", "desk", "unicorn"]),
        quantity: wholeBetween(random, 1, 4),
      })),
    }));
    await Promise.all(
      placed
        .flatMap((order) => (random() < 0.2 ? [order, order] : [order]))
        .map(({ orderId, items }) => shop.place(orderId, items)),
    );
    await shop.ended(500);
    await shop.until("all goods that come back are back", () => {
      const failed = shop.on(PaymentFailed).length;
      return failed > 0 && shop.on(InventoryReleased).length === failed;
    });

    const ends = shop.ends.map((wave) => wave.key);
    expect(ends).toHaveLength(500);
    expect(new Set(ends)).toEqual(new Set(placed.map(({ orderId }) => orderId)));
    const completed = new Set(shop.on(OrderCompleted).map(({ key }) => key));
    expect(completed.size).toBeGreaterThan(20);
    expect(completed.size).toBeLessThan(480);

    const left = new Map(Object.entries(goods).map(([sku, { stock }]) => [sku, stock]));
    for (const { orderId, items } of placed) {
      for (const { sku, quantity } of completed.has(orderId) ? items : []) {
        left.set(sku, (left.get(sku) ?? Number.NaN) - quantity);
      }
    }
    expect(await shop.stock()).toEqual(Object.fromEntries(left));
    expect(Math.min(...left.values())).toBeGreaterThanOrEqual(0);

    const traces = new Map<string, Set<string>>();
    for (const { key, trace, channel } of shop.waves) {
      if (key !== undefined && channel !== PlaceOrder.name) {
        traces.set(key, (traces.get(key) ?? new Set()).add(trace));
      }
    }
    expect([...traces.values()].every(({ size }) => size === 1)).toBe(true);
  }, 120_000);

  test("the customers of one seed place the same orders, and wait for them when the shop closes", async () => {
    const shopping = async (seed: number): Promise<unknown[]> => {
      const shop = await Shop.open({ seed, orders: 60, rate: 0 }, [alpha, beta, gamma, supplier, customers]);
      await shop.seen(OrderCreated, 60);
      await shop.run.close();
      expect(shop.ends).toHaveLength(60);
      return shop.on(PlaceOrder).map(({ payload }) => payload);
    };
    const first = await shopping(4);
    expect(await shopping(4)).toEqual(first);
    expect(await shopping(5)).not.toEqual(first);
  });

  test("closing lets the orders on their way end, and no new ones come", async () => {
    const shop = await Shop.open({ seed: 3, rate: 500, bankMs: 30 }, [alpha, beta, gamma, supplier, customers]);
    await shop.seen(RequestPayment, 5);
    await shop.run.close();
    expect(shop.ends).toHaveLength(shop.on(OrderCreated).length);
  });

  test("what is missed often enough is brought in", async () => {
    await using shop = await Shop.open({ catalogue }, [alpha, beta, gamma, supplier]);
    for (const n of [1, 2, 3]) {
      await shop.place(`o${n}`, [{ sku: "lamp", quantity: 6 }]);
    }
    await shop.seen(InventoryRestocked, 2);
    expect(await shop.stock()).toEqual({ lamp: 25, desk: 4 });
  });
});
