/** Facts: what the payload of any wave of the shop says, as far as it says it. */

import { z } from "zod";
import type { Item, Level } from "../contracts.ts";

/** What may be known of an order or of the stock. */
export interface Facts {
  readonly orderId?: string | undefined;
  readonly reason?: string | undefined;
  /** Cents. */
  readonly total?: number | undefined;
  /** Cents. */
  readonly amount?: number | undefined;
  readonly items?: readonly Item[] | undefined;
  readonly levels?: readonly Level[] | undefined;
}

const text = z.string().optional().catch(undefined);
const number = z.number().optional().catch(undefined);

const schema = z.object({
  orderId: text,
  reason: text,
  total: number,
  amount: number,
  items: z
    .array(z.object({ sku: z.string(), quantity: z.number() }))
    .optional()
    .catch(undefined),
  levels: z
    .array(z.object({ sku: z.string(), left: z.number() }))
    .optional()
    .catch(undefined),
});

/** The facts in `payload`, which may be anything. */
export function factsOf(payload: unknown): Facts {
  return schema.safeParse(payload).data ?? {};
}

/** The facts as a short text, without the order they are about. */
export function told({ reason, total, amount, items, levels }: Facts): string {
  const cents = total ?? amount;
  if (cents !== undefined) {
    return money(cents);
  }
  if (reason !== undefined) {
    return reason;
  }
  const goods = items?.map(({ sku, quantity }) => `${quantity} ${sku}`);
  return (goods ?? levels?.map(({ sku, left }) => `${sku} ${left}`) ?? []).join(", ");
}

/** An amount of money, with its currency. */
export function money(cents: number): string {
  return `€${(cents / 100).toFixed(2)}`;
}
