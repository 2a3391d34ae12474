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
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeoutMs);
  try {
    await using customer = aether.vibrator("customers");
    // Looking on takes the end of the order away from nobody who waits for it in a group.
    const watching = await aether.observe("orders.*", { signal: AbortSignal.any([signal, late.signal]) });
    await customer.emit(PlaceOrder, order, { key: orderId, signal });
    for await (const { key, channel, payload } of watching) {
      if (key === orderId && channel === OrderCompleted.name) {
        return;
      }
      if (key === orderId && channel === OrderCancelled.name) {
        throw new Error(`Order ${orderId} was cancelled: ${factsOf(payload).reason ?? "no reason given"}`);
      }
    }
    signal.throwIfAborted();
    throw new Error(`Order ${orderId} was not completed within ${timeoutMs / 1000} s`);
  } finally {
    clearTimeout(timer);
  }
}
