/** Where orders are, as it follows from the last thing that each step of an order emits. */

import type { DeepReadonly } from "@aether/core";
import { CheckInventory, OrderCancelled, OrderCompleted, RequestPayment } from "./contracts.ts";
import type { Fold } from "./folded.ts";
import { enter, type Generations, generations, known } from "./generations.ts";

/** Where an order is: it waits for its goods, then for its payment. Each goes forward only, and ends once. */
export const STAGES = ["new", "checking", "paying", "ended"] as const;
export type Stage = (typeof STAGES)[number];

/** Orders that are remembered; one that is placed again later than that is a new one. */
const MOST = 10_000;

type Steps = typeof CheckInventory | typeof RequestPayment | typeof OrderCompleted | typeof OrderCancelled;

/**
 * A step that was interrupted is taken again from its beginning: so an order is only at a stage once the last wave of the
 * step to it is there.
 */
export const orderStages: Fold<Generations<Stage>, Steps> = {
  channels: [CheckInventory, RequestPayment, OrderCompleted, OrderCancelled],
  initial: generations,
  apply(orders, wave) {
    const stage = CheckInventory.carries(wave) ? "checking" : RequestPayment.carries(wave) ? "paying" : "ended";
    const { orderId } = wave.payload;
    if (STAGES.indexOf(stage) > STAGES.indexOf(stageOf(orders, orderId))) {
      enter(orders, orderId, stage, MOST);
    }
  },
};

/** Where an order is, as far as it is remembered. */
export function stageOf(orders: DeepReadonly<Generations<Stage>>, orderId: string): Stage {
  return known(orders, orderId) ?? "new";
}
