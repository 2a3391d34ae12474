/** Inventory: sets goods aside for orders, sells them when an order is completed, and puts them back when it is not. */

import { defineService, type Service } from "@aether/service";
import { z } from "zod";
import {
  CheckInventory,
  InventoryAvailable,
  InventoryLevels,
  InventoryReleased,
  InventoryRestocked,
  InventoryUnavailable,
  type Item,
  type Level,
  OrderCancelled,
  OrderCompleted,
  RestockInventory,
} from "./contracts.ts";
import { Recent } from "./recent.ts";

const count = z.int().min(0);

/** What it reads of the configuration. */
const settings = z.object({
  /** The goods that there are: price in cents, and pieces in stock at the start. */
  catalogue: z.record(z.string(), z.object({ price: count, stock: count })).default({
    lamp: { price: 24_90, stock: 24 },
    chair: { price: 89_00, stock: 16 },
    shelf: { price: 59_00, stock: 12 },
    desk: { price: 349_00, stock: 8 },
  }),
});

export const beta: Service = defineService("service-beta", async ({ vibrator, config }) => {
  const stock = new Stock(settings.parse(config).catalogue);

  await vibrator.resonateOn(CheckInventory, async ({ payload: { orderId, items } }, ctx) => {
    const reserved = stock.reserve(orderId, items);
    if ("reason" in reserved) {
      await ctx.emit(InventoryUnavailable, { orderId, ...reserved }, { key: orderId });
    } else {
      await ctx.emit(InventoryAvailable, { orderId, ...reserved }, { key: orderId });
    }
  });

  await vibrator.resonateOn(OrderCompleted, ({ payload: { orderId } }) => {
    stock.sell(orderId);
  });

  await vibrator.resonateOn(OrderCancelled, async ({ payload: { orderId } }, ctx) => {
    const levels = stock.release(orderId);
    if (levels !== undefined) {
      await ctx.emit(InventoryReleased, { orderId, levels }, { key: orderId });
    }
  });

  await vibrator.resonateOn(RestockInventory, async ({ payload: { items } }, ctx) => {
    const levels = stock.add(items);
    if (levels.length > 0) {
      await ctx.emit(InventoryRestocked, { levels });
    }
  });

  await vibrator.resonateOn(InventoryLevels, () => ({ levels: stock.levels }));

  await vibrator.emit(InventoryRestocked, { levels: stock.levels });
});

type Catalogue = z.output<typeof settings>["catalogue"];

/** What became of an attempt to set goods aside. */
type Reservation =
  | { readonly total: number; readonly levels: readonly Level[] }
  | { readonly reason: string; readonly short: readonly string[] };

/** The goods. What can be sold and what is set aside add up to what came in, less what was sold; none is below 0. */
class Stock {
  readonly #goods: ReadonlyMap<string, { readonly price: number; left: number }>;
  /** What is set aside, by order. */
  readonly #reserved = new Map<string, ReadonlyMap<string, number>>();
  /** What orders were told, so that each is told the same again. */
  readonly #told = new Recent<Reservation>();

  constructor(catalogue: Catalogue) {
    this.#goods = new Map(Object.entries(catalogue).map(([sku, { price, stock }]) => [sku, { price, left: stock }]));
  }

  get levels(): readonly Level[] {
    return this.#levelsOf(this.#goods.keys());
  }

  /** Sets everything aside, or nothing; for one order once. */
  reserve(orderId: string, items: readonly Item[]): Reservation {
    const told = this.#told.get(orderId);
    if (told !== undefined) {
      return told;
    }
    const reservation = this.#tryReserve(orderId, items);
    this.#told.set(orderId, reservation);
    return reservation;
  }

  #tryReserve(orderId: string, items: readonly Item[]): Reservation {
    const wanted = sum(items);
    const unknown = [...wanted.keys()].find((sku) => !this.#goods.has(sku));
    if (unknown !== undefined) {
      return { reason: `${unknown} is not sold here`, short: [] };
    }
    const short = [...wanted].filter(([sku, quantity]) => quantity > this.#left(sku)).map(([sku]) => sku);
    if (short.length > 0) {
      return { reason: short.map((sku) => `only ${this.#left(sku)} ${sku} left`).join(", "), short };
    }
    let total = 0;
    for (const [sku, quantity] of wanted) {
      this.#change(sku, -quantity);
      total += quantity * (this.#goods.get(sku)?.price ?? 0);
    }
    this.#reserved.set(orderId, wanted);
    return { total, levels: this.#levelsOf(wanted.keys()) };
  }

  /** What is set aside for the order is gone. */
  sell(orderId: string): void {
    this.#reserved.delete(orderId);
  }

  /** Puts back what is set aside for the order, and tells how much there is then; `undefined`: there was nothing. */
  release(orderId: string): readonly Level[] | undefined {
    const reserved = this.#reserved.get(orderId);
    if (reserved === undefined) {
      return undefined;
    }
    this.#reserved.delete(orderId);
    for (const [sku, quantity] of reserved) {
      this.#change(sku, quantity);
    }
    return this.#levelsOf(reserved.keys());
  }

  /** Takes goods in, as far as they are sold here, and tells how much of them there is then. */
  add(items: readonly Item[]): readonly Level[] {
    const known = sum(items.filter(({ sku }) => this.#goods.has(sku)));
    for (const [sku, quantity] of known) {
      this.#change(sku, quantity);
    }
    return this.#levelsOf(known.keys());
  }

  #left(sku: string): number {
    return this.#goods.get(sku)?.left ?? 0;
  }

  #change(sku: string, by: number): void {
    const good = this.#goods.get(sku);
    if (good !== undefined) {
      good.left += by;
    }
  }

  #levelsOf(skus: Iterable<string>): readonly Level[] {
    return Array.from(skus, (sku) => ({ sku, left: this.#left(sku) }));
  }
}

/** Pieces by sku: an order may name one twice. */
function sum(items: readonly Item[]): ReadonlyMap<string, number> {
  const pieces = new Map<string, number>();
  for (const { sku, quantity } of items) {
    pieces.set(sku, (pieces.get(sku) ?? 0) + quantity);
  }
  return pieces;
}
