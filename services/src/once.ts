/** One order, from its placing to its end: what `npm start -- --once` does. */

import type { Aether } from "@aether/core";
import type { Log } from "@aether/service";
import { type Order, OrderCancelled, OrderCompleted, PlaceOrder } from "./contracts.ts";
import { kept } from "./folded.ts";
import { orderStages, stageOf } from "./order-stages.ts";
import { factsOf } from "./terminal/facts.ts";

/** Options of {@link placeOne}. */
interface PlaceOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/**
 * Places `order` and resolves to true when it is completed; to false, without placing it, when what is kept knows that it
 * has ended before. Rejects with an error that says so when it was cancelled or has not ended within `timeoutMs`; as
 * `emit` does when nobody takes it; and with the signal's reason.
 */
export async function placeOne(aether: Aether, order: Order, options: PlaceOptions): Promise<boolean> {
  const { timeoutMs, signal, log } = options;
  const { orderId } = order;
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeoutMs);
  try {
    await using customer = aether.vibrator("customers");
    const record = await kept("orders", orderStages, { vibrator: customer, log });
    if (record !== undefined && stageOf(record.state, orderId) === "ended") {
      return false;
    }
    // Looking on takes the end of the order away from nobody who waits for it in a group.
    const watching = await aether.observe("orders.*", { signal: AbortSignal.any([signal, late.signal]) });
    await customer.emit(PlaceOrder, order, { key: orderId, signal });
    for await (const { key, channel, payload } of watching) {
      if (key === orderId && channel === OrderCompleted.name) {
        return true;
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
