/** The supplier of the demo: brings goods once they were missed often enough, so that the shop goes on for ever. */

import { defineService, type Service } from "@aether/service";
import { InventoryUnavailable, RestockInventory } from "./contracts.ts";

/** How often goods must be missed. */
const PATIENCE = 3;
const DELIVERY = 20;

export const supplier: Service = defineService(
  "supplier",
  async ({ vibrator }) => {
    const missed = new Map<string, number>();

    await vibrator.resonateOn(InventoryUnavailable, async ({ payload: { short } }, ctx) => {
      for (const sku of short) {
        missed.set(sku, (missed.get(sku) ?? 0) + 1);
      }
      const due = short.filter((sku) => (missed.get(sku) ?? 0) >= PATIENCE);
      for (const sku of due) {
        missed.delete(sku);
      }
      if (due.length > 0) {
        await ctx.emit(RestockInventory, { items: due.map((sku) => ({ sku, quantity: DELIVERY })) });
      }
    });
  },
  { needs: [RestockInventory] },
);
