/**
 * `npm start` with persistence, killed twenty times with orders on their way: every order that was accepted ends once, no
 * step of it is taken twice, and the stock is exact. And as a control the same without persistence, where orders are lost.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Wave } from "@aether/core";
import { inProcess } from "@aether/core";
import { openJournal } from "@aether/journal";
import { runService } from "@aether/service";
import { afterEach, beforeEach, expect, test } from "vitest";
import { seedOf } from "../../packages/journal/test/seed.ts";
import { beta } from "../../services/src/beta.ts";
import {
  InventoryLevels,
  type Item,
  OrderCompleted,
  PlaceOrder,
  RECORDED,
  RestockInventory,
} from "../../services/src/contracts.ts";
import { recorderOf } from "../recorded/world.ts";
import { factsIn, factsOf, KilledShop, ordersOf, recordIn, twiceIn, wrongWith } from "./killed-shop.ts";

const KILLS = 20;
const seed = seedOf("a shop that is killed");
/** What there is when the record begins. */
const STOCK: Readonly<Record<string, number>> = { lamp: 24, chair: 16, shelf: 12, desk: 8 };

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "aether-killed-"));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

/** What must be left: what came in, less what was sold. */
function leftBy(record: readonly Wave[]): Readonly<Record<string, number>> {
  const left = { ...STOCK };
  const move = (items: readonly Item[], sign: number): void => {
    for (const { sku, quantity } of items) {
      left[sku] = (left[sku] ?? 0) + sign * quantity;
    }
  };
  const sold = ordersOf(factsOf(record), [OrderCompleted.name]);
  const placed = new Map<string, readonly Item[]>();
  for (const wave of record) {
    if (RestockInventory.carries(wave)) {
      move(wave.payload.items, 1);
    } else if (PlaceOrder.carries(wave)) {
      placed.set(wave.payload.orderId, wave.payload.items);
    }
  }
  for (const [orderId, items] of placed) {
    move(sold.has(orderId) ? items : [], -1);
  }
  return left;
}

/** What an inventory that starts anew over the record has, and what anybody has left to do. */
async function lookInto(folder: string) {
  await using journal = await openJournal(folder);
  const recorder = await recorderOf(journal.over(inProcess()));
  const pending = (await recorder.groups()).filter((group) => group.pending > 0);
  await using run = await runService(beta, { journal, recorded: RECORDED });
  const { payload } = await run.aether.vibrator("auditor").query(InventoryLevels, {});
  const levels = Object.fromEntries(payload.levels.map(({ sku, left }) => [sku, left]));
  const { kept } = await run.aether.deadLetters.stats();
  return { pending, levels, letters: kept };
}

test(`every order that was accepted ends once, through ${KILLS} kills`, async () => {
  const folder = join(root, "journal");
  await using shop = new KilledShop(folder, seed);
  for (let kill = 0; kill < KILLS; kill++) {
    await shop.liveAndDie();
  }
  const { accepted } = shop;
  await shop.liveOn(async () => wrongWith(accepted, factsOf(await recordIn(folder))).length === 0);
  const record = await recordIn(folder);
  const facts = factsOf(record);
  // Also those that nobody saw, for the kill came before.
  const all = ordersOf(facts, [PlaceOrder.name]);
  expect(wrongWith(new Set([...shop.accepted, ...all]), facts)).toEqual([]);
  expect(twiceIn(shop.seen)).toEqual([]);
  expect(Math.min(...shop.inFlight), "orders on their way at a kill").toBeGreaterThan(1);
  const { pending, levels, letters } = await lookInto(folder);
  expect(pending).toEqual([]);
  expect(letters, "dead letters").toBe(0);
  expect(levels).toEqual(leftBy(record));
  expect(accepted.size).toBeGreaterThan(2 * KILLS);
}, 300_000);

test("the control: without persistence the orders that were on their way are lost", async () => {
  await using shop = new KilledShop(undefined, seed);
  for (let kill = 0; kill < 3; kill++) {
    await shop.liveAndDie();
  }
  const { accepted } = shop;
  await shop.liveOn(async ({ out }) => ordersOf(factsIn(out), ["orders.completed", "orders.cancelled"]).size > 0);
  const wrong = wrongWith(accepted, shop.seen);
  expect(wrong.length).toBeGreaterThan(3);
  expect(wrong[0]).toMatch(/ended 0 times/);
});
