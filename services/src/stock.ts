/**
 * The stock, as it follows from what was asked for, sold, cancelled and brought in, in this order. What can be sold and
 * what is set aside add up to what came in, less what was sold; none is below 0.
 *
 * Requests themselves are what is folded: the one that stands first in the record has the goods. So there is one stock,
 * however many instances look after it, and no two of them sell the same piece.
 */

import type { DeepReadonly, Wave } from "@aether/core";
import {
  CheckInventory,
  type Item,
  type Level,
  type Order,
  OrderCancelled,
  OrderCompleted,
  RestockInventory,
} from "./contracts.ts";
import type { Fold } from "./folded.ts";
import { enter, type Generations, generations, known, own } from "./generations.ts";

/** The goods that there are: price in cents, and pieces in stock at the start. */
export type Catalogue = Readonly<Record<string, { readonly price: number; readonly stock: number }>>;

/** What became of an attempt to set goods aside. */
export type Reservation =
  | { readonly total: number; readonly levels: readonly Level[] }
  | { readonly reason: string; readonly short: readonly string[] };

/** What is known of an order. */
interface Told {
  /** What it was told, so that it is told the same again; absent: its goods came from another shelf. */
  readonly reservation?: Reservation | undefined;
  /** What is set aside for it. */
  reserved: readonly Item[];
  /** The wave by which goods came back, and how much there was then. */
  released?: { readonly by: string; readonly levels: readonly Level[] } | undefined;
}

/** All that is known. */
export interface Stock {
  readonly goods: Record<string, { readonly price: number; left: number }>;
  readonly orders: Generations<Told>;
}

/** Orders that are remembered, for an order is told the same however often it asks. A snapshot has to hold them. */
const MOST = 2000;

/** The channels that the stock follows from. */
type Moves = typeof CheckInventory | typeof OrderCompleted | typeof OrderCancelled | typeof RestockInventory;

export function stockOf(catalogue: Catalogue): Fold<Stock, Moves> {
  return {
    channels: [CheckInventory, OrderCompleted, OrderCancelled, RestockInventory],
    initial: () => ({
      goods: Object.fromEntries(
        Object.entries(catalogue).map(([sku, { price, stock }]) => [sku, { price, left: stock }]),
      ),
      orders: generations(),
    }),
    apply(stock, wave) {
      if (CheckInventory.carries(wave)) {
        reserve(stock, wave.payload);
      } else if (OrderCompleted.carries(wave)) {
        sell(stock, wave.payload.orderId);
      } else if (OrderCancelled.carries(wave)) {
        release(stock, wave.payload.orderId, wave.id, wave.payload.goods);
      } else if (RestockInventory.carries(wave)) {
        move(stock, sum(stock, wave.payload.items), 1);
      }
    },
  };
}

/** What an order was told, once its request is part of the stock; `undefined`: that is long ago. */
export function toldOf({ orders }: DeepReadonly<Stock>, orderId: string): DeepReadonly<Reservation> | undefined {
  return known(orders, orderId)?.reservation;
}

/** How much there was after the goods of an order came back by `wave`; `undefined`: by this wave none did. */
export function releasedBy({ orders }: DeepReadonly<Stock>, orderId: string, wave: Wave): readonly Level[] | undefined {
  const released = known(orders, orderId)?.released;
  return released?.by === wave.id ? released.levels : undefined;
}

/** How much there is of `items`, as far as they are sold here; default: of everything. */
export function levelsOf({ goods }: DeepReadonly<Stock>, items?: readonly Item[]): readonly Level[] {
  const skus = items === undefined ? Object.keys(goods) : new Set(items.map(({ sku }) => sku));
  return [...skus].flatMap((sku) => {
    const good = own(goods, sku);
    return good === undefined ? [] : [{ sku, left: good.left }];
  });
}

/** Sets everything aside, or nothing; for one order once. */
function reserve(stock: Stock, { orderId, items }: Order): void {
  if (known(stock.orders, orderId)?.reservation === undefined) {
    const reservation = tryReserve(stock, items);
    const reserved = "reason" in reservation ? [] : sum(stock, items);
    enter(stock.orders, orderId, { reservation, reserved }, MOST);
  }
}

function tryReserve(stock: Stock, items: readonly Item[]): Reservation {
  const { goods } = stock;
  const unknown = items.find(({ sku }) => own(goods, sku) === undefined);
  if (unknown !== undefined) {
    return { reason: `${unknown.sku} is not sold here`, short: [] };
  }
  const wanted = sum(stock, items);
  const left = (sku: string): number => own(goods, sku)?.left ?? 0;
  const short = wanted.filter(({ sku, quantity }) => quantity > left(sku)).map(({ sku }) => sku);
  if (short.length > 0) {
    return { reason: short.map((sku) => `only ${left(sku)} ${sku} left`).join(", "), short };
  }
  move(stock, wanted, -1);
  const total = wanted.reduce((cents, { sku, quantity }) => cents + quantity * (own(goods, sku)?.price ?? 0), 0);
  return { total, levels: levelsOf(stock, wanted) };
}

/** What is set aside for the order is gone. */
function sell({ orders }: Stock, orderId: string): void {
  const told = known(orders, orderId);
  if (told !== undefined) {
    told.reserved = [];
  }
}

/** Puts back what is set aside for the order, or, where it is not known here, its `goods`; once. */
function release(stock: Stock, orderId: string, by: string, goods: readonly Item[] = []): void {
  const told = known(stock.orders, orderId);
  const back = told === undefined ? sum(stock, goods) : told.reserved;
  if (back.length === 0) {
    return;
  }
  move(stock, back, 1);
  const released = { by, levels: levelsOf(stock, back) };
  if (told === undefined) {
    enter(stock.orders, orderId, { reserved: [], released }, MOST);
  } else {
    told.reserved = [];
    told.released = released;
  }
}

function move({ goods }: Stock, items: readonly Item[], sign: 1 | -1): void {
  for (const { sku, quantity } of items) {
    const good = own(goods, sku);
    if (good !== undefined) {
      good.left += sign * quantity;
    }
  }
}

/** Pieces of those of `items` that are sold here, each once: an order may name one twice. */
function sum({ goods }: Stock, items: readonly Item[]): readonly Item[] {
  const pieces = new Map<string, number>();
  for (const { sku, quantity } of items) {
    if (own(goods, sku) !== undefined) {
      pieces.set(sku, (pieces.get(sku) ?? 0) + quantity);
    }
  }
  return [...pieces].map(([sku, quantity]) => ({ sku, quantity }));
}
