/** One order, from its placing to its end: what `npm start -- --once` does. */

import type { Aether } from "@aether/core";
import { type Order, OrderCancelled, OrderCompleted, PlaceOrder } from "./contracts.ts";
import { factsOf } from "./terminal/facts.ts";

/** Options of {@link placeOne}. */
interface PlaceOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Places `order` and resolves when it is completed. Rejects with an error that says so when it was cancelled or has
 * not ended within `timeoutMs`; as `emit` does when nobody takes it; and with the signal's reason.
 */
export async function placeOne(aether: Aether, order: Order, { timeoutMs, signal }: PlaceOptions): Promise<void> {
  const { orderId } = order;
  await using customer = aether.vibrator("customers");
  await customer.resonateOn(OrderCompleted);
  await customer.resonateOn(OrderCancelled);
  await customer.emit(PlaceOrder, order, { key: orderId, signal });
  const wave = await customer.receive({ timeoutMs, signal });
  if (wave === undefined) {
    throw new Error(`Order ${orderId} was not completed within ${timeoutMs / 1000} s`);
  }
  if (wave.channel === OrderCancelled.name) {
    throw new Error(`Order ${orderId} was cancelled: ${factsOf(wave.payload).reason ?? "no reason given"}`);
  }
}
