/**
 * Inventory: sets goods aside for orders, sells them when an order is completed, and puts them back when it is not.
 *
 * Where waves are kept, the stock is folded from the record (`stock.ts`): all instances share it, none of them sells what
 * another one has sold, and a restart has it as it was. They must be given the same catalogue. Where nothing is kept, each
 * instance is a shelf of its own that begins with the catalogue: three of them have three times the goods, those that a
 * cancelled order names go onto the shelf of whoever hears of it, and a restart fills it anew.
 */

import { defineService, type Service } from "@aether/service";
import { z } from "zod";
import {
  CheckInventory,
  InventoryAvailable,
  InventoryLevels,
  InventoryReleased,
  InventoryRestocked,
  InventoryUnavailable,
  OrderCancelled,
  OrderCompleted,
  RestockInventory,
} from "./contracts.ts";
import { heard, kept } from "./folded.ts";
import { answer } from "./steps.ts";
import { levelsOf, releasedBy, stockOf, toldOf } from "./stock.ts";

const count = z.int().min(0);

/** What it reads of the configuration. */
const settings = z.object({
  /** The goods that there are: price in cents, and pieces in stock at the start. */
  catalogue: z.record(z.string(), z.object({ price: count, stock: count })).default({
    lamp: { price: 24_90, stock: 24 },
    chair: { price: 89_00, stock: 16 },
    shelf: { price: 59_00, stock: 12 },
    desk: { price: 349_00, stock: 8 },
  }),
});

export const beta: Service = defineService("service-beta", async ({ vibrator, config, log }) => {
  const fold = stockOf(settings.parse(config).catalogue);
  const stock = (await kept("stock", fold, { vibrator, log })) ?? heard(fold);

  await vibrator.resonateOn(CheckInventory, async (wave, ctx) => {
    const { orderId } = wave.payload;
    await stock.include(wave, ctx.signal);
    const reservation = toldOf(stock.state, orderId);
    const options = answer("inventory.answer", wave, orderId);
    if (reservation === undefined) {
      log.warn("An order asks again that is long over", { orderId });
    } else if ("reason" in reservation) {
      await ctx.emit(InventoryUnavailable, { orderId, ...reservation }, options);
    } else {
      await ctx.emit(InventoryAvailable, { ...wave.payload, ...reservation }, options);
    }
  });

  await vibrator.resonateOn(OrderCompleted, (wave, ctx) => stock.include(wave, ctx.signal));

  await vibrator.resonateOn(OrderCancelled, async (wave, ctx) => {
    const { orderId } = wave.payload;
    await stock.include(wave, ctx.signal);
    const levels = releasedBy(stock.state, orderId, wave);
    if (levels !== undefined) {
      await ctx.emit(InventoryReleased, { orderId, levels }, answer("inventory.released", wave, orderId));
    }
  });

  await vibrator.resonateOn(RestockInventory, async (wave, ctx) => {
    await stock.include(wave, ctx.signal);
    const levels = levelsOf(stock.state, wave.payload.items);
    if (levels.length > 0) {
      await ctx.emit(InventoryRestocked, { levels });
    }
  });

  await vibrator.resonateOn(InventoryLevels, () => ({ levels: levelsOf(stock.state) }));

  await vibrator.emit(InventoryRestocked, { levels: levelsOf(stock.state) });
});
