/**
 * Orders: takes them in, has goods set aside and paid by whoever does that, and tells how each of them ends.
 *
 * Where waves are not kept, what it knows of an order on its way it knows by heart, and both end with the process. Where
 * they are kept, the stages of orders are folded from the record (`order-stages.ts`): after a restart, or at another
 * instance, an order goes on from the last step that was taken as a whole. One that was interrupted is taken again; that
 * nothing comes of it twice rests on the ids of the steps, as long as nobody is away in the middle of one for longer than a
 * record knows ids (on NATS the `duplicateWindowMs`).
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
import { type Folded, kept } from "./folded.ts";
import type { Generations } from "./generations.ts";
import { orderStages, STAGES, type Stage, stageOf } from "./order-stages.ts";
import { Recent } from "./recent.ts";
import { isKept, step } from "./steps.ts";

export const alpha: Service = defineService(
  "service-alpha",
  async ({ vibrator, log }) => {
    const orders = new Orders(await kept("orders", orderStages, { vibrator, log }));

    const cancel = (
      orderId: string,
      from: Stage,
      reason: string,
      cause: Wave,
      goods?: readonly Item[],
    ): Promise<void> =>
      orders.move(orderId, from, "ended", cause, async () => {
        const cancelled = { orderId, reason: reason.slice(0, 300), goods };
        await vibrator.emit(OrderCancelled, cancelled, { ...step("orders.end", orderId), cause });
      });

    await vibrator.resonateOn(InventoryAvailable, async (wave, ctx) => {
      const { orderId, customer, items, total } = wave.payload;
      await orders.move(orderId, "checking", "paying", wave, async () => {
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
      await orders.move(orderId, "paying", "ended", wave, async () => {
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
      await orders.move(orderId, "new", "checking", wave, async () => {
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

/** The orders on their way: as the record has them, and as far as they went through here. */
class Orders {
  readonly #record: Folded<Generations<Stage>> | undefined;
  readonly #open = new Map<string, Stage>();
  readonly #ended = new Recent<true>();

  constructor(record: Folded<Generations<Stage>> | undefined) {
    this.#record = record;
  }

  /**
   * Moves an order that is at `from` on to `to`, and does the `work` of that; nothing for any other order. One that a kept
   * `cause` is about may have got to `from` elsewhere. Should the work fail, the order is back at where it was, for what
   * moved it comes again. Rejects as `work` does.
   */
  async move(orderId: string, from: Stage, to: Stage, cause: Wave, work: () => Promise<void>): Promise<void> {
    await this.#record?.include(cause);
    const stage = this.#stageOf(orderId);
    if (stage !== from && !(isKept(cause) && STAGES.indexOf(stage) < STAGES.indexOf(from))) {
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

  /** The further of the two. */
  #stageOf(orderId: string): Stage {
    const here = this.#open.get(orderId) ?? (this.#ended.get(orderId) === true ? "ended" : "new");
    const recorded = this.#record === undefined ? "new" : stageOf(this.#record.state, orderId);
    return STAGES.indexOf(recorded) > STAGES.indexOf(here) ? recorded : here;
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
