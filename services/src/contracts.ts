/**
 * The contracts: every channel of the shop, and all that its services know of each other. Money is in cents.
 *
 * A wave carries what is needed to go on with its order, for whoever gets it may have started a moment ago.
 */

import { type Channel, channel } from "@aether/core";
import { z } from "zod";

/** A channel whose payload, and answer, look the same on both sides. */
type Contract<Payload, Reply = unknown> = Channel<Payload, Payload, Reply, Reply>;

export interface Item {
  readonly sku: string;
  readonly quantity: number;
}

export interface Order {
  readonly orderId: string;
  readonly customer: string;
  readonly items: readonly Item[];
}

/** How many of `sku` can be sold. */
export interface Level {
  readonly sku: string;
  readonly left: number;
}

const name = z.string().regex(/^[\w-]{1,64}$/, "expected 1 to 64 of A-Z a-z 0-9 _ -");
const reason = z.string().min(1).max(300);
const cents = z.int().min(0);
const item = z.object({ sku: name, quantity: z.int().min(1).max(1000) });
const items = z.array(item).min(1).max(100);
const order = z.object({ orderId: name, customer: name, items });
const levels = z.array(z.object({ sku: name, left: z.int().min(0) }));

// Orders

/** Asks for an order to be taken in. Sent again under the same `orderId` it changes nothing. */
export const PlaceOrder: Contract<Order> = channel("orders.place", {
  schema: order,
  kind: "command",
  amplitude: 0.8,
});

/** An order was taken in. */
export const OrderCreated: Contract<Order> = channel("orders.created", { schema: order, amplitude: 0.7 });

/** Its goods are set aside; it is to be paid. */
export const OrderConfirmed: Contract<{ readonly orderId: string; readonly total: number }> = channel(
  "orders.confirmed",
  { schema: z.object({ orderId: name, total: cents }), amplitude: 0.9 },
);

/** One of the two ends of an order: it is paid, and its goods are sold. */
export const OrderCompleted: Contract<{ readonly orderId: string; readonly total: number }> = channel(
  "orders.completed",
  { schema: z.object({ orderId: name, total: cents }), amplitude: 0.9 },
);

/** The other end: whatever was done for it is to be undone. `goods` were set aside for it, and go back. */
export const OrderCancelled: Contract<{
  readonly orderId: string;
  readonly reason: string;
  readonly goods?: readonly Item[] | undefined;
}> = channel("orders.cancelled", {
  schema: z.object({ orderId: name, reason, goods: items.optional() }),
  amplitude: 0.9,
});

// Inventory

/** Asks for the goods of an order to be set aside. Answered by one of the next two, once or again. */
export const CheckInventory: Contract<Order> = channel("inventory.check", {
  schema: order,
  kind: "command",
  amplitude: "normal",
});

/** The goods of the order are set aside; they cost `total`. */
export const InventoryAvailable: Contract<Order & { readonly total: number; readonly levels: readonly Level[] }> =
  channel("inventory.available", { schema: order.extend({ total: cents, levels }), amplitude: "normal" });

/** Nothing was set aside; `short` names the known goods of which there were not enough. */
export const InventoryUnavailable: Contract<{
  readonly orderId: string;
  readonly reason: string;
  readonly short: readonly string[];
}> = channel("inventory.unavailable", {
  schema: z.object({ orderId: name, reason, short: z.array(name) }),
  amplitude: 0.6,
});

/** The goods of a cancelled order are back. */
export const InventoryReleased: Contract<{ readonly orderId: string; readonly levels: readonly Level[] }> = channel(
  "inventory.released",
  { schema: z.object({ orderId: name, levels }), amplitude: "normal" },
);

/** Brings goods in. */
export const RestockInventory: Contract<{ readonly items: readonly Item[] }> = channel("inventory.restock", {
  schema: z.object({ items }),
  kind: "command",
  amplitude: "normal",
});

/** Goods came in; at its start the inventory tells of all that it has. */
export const InventoryRestocked: Contract<{ readonly levels: readonly Level[] }> = channel("inventory.restocked", {
  schema: z.object({ levels }),
  amplitude: "bulk",
});

/** A question: how much of everything can be sold? */
export const InventoryLevels: Contract<Record<string, never>, { readonly levels: readonly Level[] }> = channel(
  "inventory.levels",
  { schema: z.object({}), reply: z.object({ levels }), amplitude: "bulk" },
);

// Payments

/** Asks for an order to be paid. Answered by one of the next two, once or again; paid once. */
export const RequestPayment: Contract<Order & { readonly amount: number }> = channel("payments.request", {
  schema: order.extend({ amount: cents }),
  kind: "command",
  amplitude: 0.9,
});

export const PaymentCompleted: Contract<{ readonly orderId: string; readonly amount: number }> = channel(
  "payments.completed",
  { schema: z.object({ orderId: name, amount: cents }), amplitude: "critical" },
);

export const PaymentFailed: Contract<Order & { readonly reason: string }> = channel("payments.failed", {
  schema: order.extend({ reason }),
  amplitude: "critical",
});

/**
 * What is kept where the medium keeps waves: all that an order goes by, and all that the stock follows from. News of the
 * stock are left out; the next ones make up for those that somebody missed.
 */
export const RECORDED: readonly string[] = [
  "orders.>",
  "inventory.check",
  "inventory.available",
  "inventory.unavailable",
  "inventory.restock",
  "payments.>",
];
