/**
 * Inventory: sets goods aside for orders, sells them when an order is completed, and puts them back when it is not.
 *
 * Each instance is a shelf of its own that begins with the catalogue, so three of them have three times the goods. How an
 * order ended is told to one of them, not always the one that set its goods aside: those that a cancelled order names go
 * onto the shelf of whoever hears of it. What is on a shelf is known by heart: a restart fills it anew.
 */

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
import { answer } from "./steps.ts";

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

  await vibrator.resonateOn(CheckInventory, async (wave, ctx) => {
    const { orderId, items } = wave.payload;
    const reserved = stock.reserve(orderId, items);
    const options = answer("inventory.answer", wave, orderId);
    if ("reason" in reserved) {
      await ctx.emit(InventoryUnavailable, { orderId, ...reserved }, options);
    } else {
      await ctx.emit(InventoryAvailable, { ...wave.payload, ...reserved }, options);
    }
  });

  await vibrator.resonateOn(OrderCompleted, ({ payload: { orderId } }) => {
    stock.sell(orderId);
  });

  await vibrator.resonateOn(OrderCancelled, async ({ payload: { orderId, goods } }, ctx) => {
    const levels = stock.release(orderId, goods);
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

const NOTHING: ReadonlyMap<string, number> = new Map();

/** What became of an attempt to set goods aside. */
type Reservation =
  | { readonly total: number; readonly levels: readonly Level[] }
  | { readonly reason: string; readonly short: readonly string[] };

/** The goods. What can be sold and what is set aside add up to what came in, less what was sold; none is below 0. */
class Stock {
  readonly #goods: ReadonlyMap<string, { readonly price: number; left: number }>;
  /** What orders were told, so that each is told the same again; and what is set aside for them here. */
  readonly #told = new Recent<{ readonly reservation: Reservation; reserved: ReadonlyMap<string, number> }>();
  /** Orders whose goods came from another shelf, and are back. */
  readonly #takenIn = new Recent<true>();

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
      return told.reservation;
    }
    const wanted = sum(items);
    const reservation = this.#tryReserve(wanted);
    this.#told.set(orderId, { reservation, reserved: "reason" in reservation ? NOTHING : wanted });
    return reservation;
  }

  #tryReserve(wanted: ReadonlyMap<string, number>): Reservation {
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
    return { total, levels: this.#levelsOf(wanted.keys()) };
  }

  /** What is set aside for the order is gone. */
  sell(orderId: string): void {
    const told = this.#told.get(orderId);
    if (told !== undefined) {
      told.reserved = NOTHING;
    }
  }

  /**
   * Puts back what is set aside for the order, or, where another shelf did that, its `goods`; once. Tells how much there
   * is then; `undefined`: there was nothing.
   */
  release(orderId: string, goods: readonly Item[] = []): readonly Level[] | undefined {
    const told = this.#told.get(orderId);
    const back = told === undefined ? this.#known(goods) : told.reserved;
    if (back.size === 0 || this.#takenIn.get(orderId) === true) {
      return undefined;
    }
    if (told === undefined) {
      this.#takenIn.set(orderId, true);
    } else {
      told.reserved = NOTHING;
    }
    for (const [sku, quantity] of back) {
      this.#change(sku, quantity);
    }
    return this.#levelsOf(back.keys());
  }

  /** Takes goods in, as far as they are sold here, and tells how much of them there is then. */
  add(items: readonly Item[]): readonly Level[] {
    const known = this.#known(items);
    for (const [sku, quantity] of known) {
      this.#change(sku, quantity);
    }
    return this.#levelsOf(known.keys());
  }

  /** Pieces of those of `items` that are sold here. */
  #known(items: readonly Item[]): ReadonlyMap<string, number> {
    return sum(items.filter(({ sku }) => this.#goods.has(sku)));
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
