/**
 * Payments: charges each order once, up to the limit of a customer's card. Which orders it has charged it knows by heart:
 * after a restart in the middle of one it rests on the bank, which is told the order's id, to charge it once.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { defineService, type Service } from "@aether/service";
import { z } from "zod";
import { PaymentCompleted, PaymentFailed, RequestPayment } from "./contracts.ts";
import { Recent } from "./recent.ts";
import { answer } from "./steps.ts";

/** What it reads of the configuration. */
const settings = z.object({
  /** The most that a card pays at a time, in cents. */
  cardLimit: z.int().min(0).default(500_00),
  /** How long the bank takes, in milliseconds. */
  bankMs: z.number().min(0).max(10_000).default(0),
});

export const gamma: Service = defineService("service-gamma", async ({ vibrator, config }) => {
  const { cardLimit, bankMs } = settings.parse(config);
  const charged = new Recent<boolean>();

  /** Whether the card pays. The bank is asked once an order; a repeated request is told the same again. */
  const charge = async (orderId: string, amount: number, signal: AbortSignal): Promise<boolean> => {
    const known = charged.get(orderId);
    if (known !== undefined) {
      return known;
    }
    if (bankMs > 0) {
      await sleep(bankMs, undefined, { signal });
    }
    const paid = amount <= cardLimit;
    charged.set(orderId, paid);
    return paid;
  };

  await vibrator.resonateOn(
    RequestPayment,
    async (wave, ctx) => {
      const { amount, ...order } = wave.payload;
      const { orderId } = order;
      const options = answer("payments.answer", wave, orderId);
      if (await charge(orderId, amount, ctx.signal)) {
        await ctx.emit(PaymentCompleted, { orderId, amount }, options);
      } else {
        await ctx.emit(PaymentFailed, { ...order, reason: "card declined" }, options);
      }
    },
    // While the bank is busy with an order, the same request once more waits behind it; other orders do not.
    { order: "key" },
  );
});
