/**
 * Orders: takes them in, has goods set aside and paid by whoever does that, and tells how each of them ends.
 *
 * What it knows of an order on its way it knows by heart. Where waves are not kept, they end with the process as the
 * order does. Where they are kept, answers still come after a restart, or come to another instance, and carry their
 * order with them: an order that is not known here is then gone on with. That nothing comes of it twice rests on the ids
 * of the steps, as long as nobody is away for longer than a record knows ids (on NATS the `duplicateWindowMs`).
 */

import { AetherError, type ErrorCode, type Wave } from "@aether/core";
import { defineService, type Service } from "@aether/service";
import {
  CheckInventory,
  InventoryAvailable,
  InventoryUnavailable,
  type Item,
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
import { isKept, step } from "./steps.ts";

export const alpha: Service = defineService(
  "service-alpha",
  async ({ vibrator, log }) => {
    const orders = new Orders();

    const cancel = (
      orderId: string,
      from: Stage,
      reason: string,
      cause: Wave,
      goods?: readonly Item[],
    ): Promise<void> =>
      orders.move(orderId, from, "ended", isKept(cause), async () => {
        const cancelled = { orderId, reason: reason.slice(0, 300), goods };
        await vibrator.emit(OrderCancelled, cancelled, { ...step("orders.end", orderId), cause });
      });

    await vibrator.resonateOn(InventoryAvailable, async (wave, ctx) => {
      const { orderId, customer, items, total } = wave.payload;
      await orders.move(orderId, "checking", "paying", isKept(wave), async () => {
        await ctx.emit(OrderConfirmed, { orderId, total }, step("orders.confirmed", orderId));
        const request = { orderId, customer, items, amount: total };
        const refusal = await refusalOf(ctx.emit(RequestPayment, request, step("payments.request", orderId)));
        if (refusal !== undefined) {
          await cancel(orderId, "paying", refusal, wave, items);
        }
      });
    });

    await vibrator.resonateOn(PaymentCompleted, async (wave, ctx) => {
      const { orderId, amount } = wave.payload;
      await orders.move(orderId, "paying", "ended", isKept(wave), async () => {
        await ctx.emit(OrderCompleted, { orderId, total: amount }, step("orders.end", orderId));
      });
    });

    await vibrator.resonateOn(InventoryUnavailable, (wave) =>
      cancel(wave.payload.orderId, "checking", wave.payload.reason, wave),
    );

    await vibrator.resonateOn(PaymentFailed, (wave) =>
      cancel(wave.payload.orderId, "paying", wave.payload.reason, wave, wave.payload.items),
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
      const { orderId } = order;
      await orders.move(orderId, "new", "checking", false, async () => {
        await ctx.emit(OrderCreated, order, step("orders.created", orderId));
        const refusal = await refusalOf(ctx.emit(CheckInventory, order, step("inventory.check", orderId)));
        if (refusal !== undefined) {
          await cancel(orderId, "checking", refusal, wave);
        }
      });
    });
  },
  { needs: [CheckInventory, RequestPayment] },
);

/** Where an order is: it waits for its goods, then for its payment. Each goes forward only, and ends once. */
const STAGES = ["new", "checking", "paying", "ended"] as const;
type Stage = (typeof STAGES)[number];

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

/** The orders on their way, as far as they went through here. */
class Orders {
  readonly #open = new Map<string, Stage>();
  readonly #ended = new Recent<true>();

  /**
   * Moves an order that is at `from` on to `to`, and does the `work` of that; nothing for any other order. One that a kept
   * answer is about may have got to `from` elsewhere. Should the work fail, the order is back at where it was, for what
   * moved it comes again. Rejects as `work` does.
   */
  async move(orderId: string, from: Stage, to: Stage, kept: boolean, work: () => Promise<void>): Promise<void> {
    const stage = this.#stageOf(orderId);
    if (stage !== from && !(kept && STAGES.indexOf(stage) < STAGES.indexOf(from))) {
      return;
    }
    this.#set(orderId, to);
    try {
      await work();
    } catch (error) {
      if (this.#stageOf(orderId) === to) {
        this.#set(orderId, stage);
      }
      throw error;
    }
  }

  #stageOf(orderId: string): Stage {
    return this.#open.get(orderId) ?? (this.#ended.get(orderId) === true ? "ended" : "new");
  }

  #set(orderId: string, stage: Stage): void {
    this.#open.delete(orderId);
    if (stage === "ended") {
      this.#ended.set(orderId, true);
    } else if (stage !== "new") {
      this.#open.set(orderId, stage);
    }
  }
}
