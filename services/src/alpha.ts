/** Orders: takes them in, has goods set aside and paid by whoever does that, and tells how each of them ends. */

import { AetherError, type ErrorCode, type Wave } from "@aether/core";
import { defineService, type Service } from "@aether/service";
import {
  CheckInventory,
  InventoryAvailable,
  InventoryUnavailable,
  type Order,
  OrderCancelled,
  OrderCompleted,
  OrderConfirmed,
  OrderCreated,
  PaymentCompleted,
  PaymentFailed,
  PlaceOrder,
  RequestPayment,
} from "./contracts.ts";
import { Recent } from "./recent.ts";

export const alpha: Service = defineService(
  "service-alpha",
  async ({ vibrator, log }) => {
    const orders = new Orders();

    const cancel = async (orderId: string, stage: Stage, reason: string, cause: Wave): Promise<void> => {
      if (orders.end(orderId, stage)) {
        await vibrator.emit(OrderCancelled, { orderId, reason: reason.slice(0, 300) }, { key: orderId, cause });
      }
    };

    await vibrator.resonateOn(InventoryAvailable, async (wave, ctx) => {
      const { orderId, total } = wave.payload;
      const order = orders.confirm(orderId);
      if (order === undefined) {
        return;
      }
      const { customer } = order;
      await ctx.emit(OrderConfirmed, { orderId, total }, { key: orderId });
      const refusal = await refusalOf(ctx.emit(RequestPayment, { orderId, customer, amount: total }, { key: orderId }));
      if (refusal !== undefined) {
        await cancel(orderId, "paying", refusal, wave);
      }
    });

    await vibrator.resonateOn(PaymentCompleted, async ({ payload: { orderId, amount } }, ctx) => {
      if (orders.end(orderId, "paying")) {
        await ctx.emit(OrderCompleted, { orderId, total: amount }, { key: orderId });
      }
    });

    await vibrator.resonateOn(InventoryUnavailable, (wave) =>
      cancel(wave.payload.orderId, "checking", wave.payload.reason, wave),
    );

    await vibrator.resonateOn(PaymentFailed, (wave) =>
      cancel(wave.payload.orderId, "paying", wave.payload.reason, wave),
    );

    // A command that was taken and failed all the same comes back.
    vibrator.onReflection((reflection) => {
      const stage = ASKED.get(reflection.on);
      const { key: orderId, message } = reflection;
      if (stage !== undefined && orderId !== undefined) {
        cancel(orderId, stage, message, reflection).catch((error: unknown) =>
          log.error("An order could not be cancelled", { orderId, error }),
        );
      }
    });

    // Orders come last: by now every answer to what they cause is heard.
    await vibrator.resonateOn(PlaceOrder, async (wave, ctx) => {
      const order = wave.payload;
      const { orderId, items } = order;
      if (!orders.open(order)) {
        log.debug("The order was placed before", { orderId });
        return;
      }
      await ctx.emit(OrderCreated, order, { key: orderId });
      const refusal = await refusalOf(ctx.emit(CheckInventory, { orderId, items }, { key: orderId }));
      if (refusal !== undefined) {
        await cancel(orderId, "checking", refusal, wave);
      }
    });
  },
  { needs: [CheckInventory, RequestPayment] },
);

/** What an order waits for: its goods, then its payment. */
type Stage = "checking" | "paying";

/** The stage at which each command is sent. */
const ASKED: ReadonlyMap<string, Stage> = new Map([
  [CheckInventory.name, "checking"],
  [RequestPayment.name, "paying"],
]);

/** Those errors of a command after which it is certain that nobody will carry it out. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  "AETHER_NO_RESONATOR",
  "AETHER_SHED",
  "AETHER_DRAINING",
  "AETHER_FADED",
  "AETHER_EXHAUSTED",
]);

/** Why nobody takes the command; `undefined` when somebody does. */
async function refusalOf(command: Promise<unknown>): Promise<string | undefined> {
  try {
    await command;
    return undefined;
  } catch (error) {
    if (error instanceof AetherError && REFUSALS.has(error.code)) {
      return error.message;
    }
    throw error;
  }
}

/** All orders on their way. Each goes forward only, and ends once. */
class Orders {
  readonly #open = new Map<string, { readonly order: Order; stage: Stage }>();
  readonly #ended = new Recent<true>();

  /** False: the order was opened before. */
  open(order: Order): boolean {
    const { orderId } = order;
    if (this.#open.has(orderId) || this.#ended.get(orderId)) {
      return false;
    }
    this.#open.set(orderId, { order, stage: "checking" });
    return true;
  }

  /** The order, whose goods are there, and which now waits for its payment; `undefined` unless it waited for goods. */
  confirm(orderId: string): Order | undefined {
    const entry = this.#open.get(orderId);
    if (entry?.stage !== "checking") {
      return undefined;
    }
    entry.stage = "paying";
    return entry.order;
  }

  /** Ends the order; false unless it was at `stage`. */
  end(orderId: string, stage: Stage): boolean {
    if (this.#open.get(orderId)?.stage !== stage) {
      return false;
    }
    this.#open.delete(orderId);
    this.#ended.set(orderId, true);
    return true;
  }
}
