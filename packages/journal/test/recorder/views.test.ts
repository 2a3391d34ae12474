/** Views over a journal: what outlives its lives, and what damage to their snapshots does. */

import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Aether, View, Wave } from "@aether/core";
import { describe, expect, test } from "vitest";
import { world } from "./worlds.ts";

interface Sums {
  waves: number;
  sum: number;
  readonly ids: string[];
}

/** A view of `orders.>`, and how many waves were folded into it here. */
async function sums(aether: Aether, snapshotEvery = 3): Promise<readonly [View<Sums>, { folded: number }]> {
  const count = { folded: 0 };
  const view = await aether.vibrator("shop").materialize("sums", {
    channels: ["orders.>"],
    initial: (): Sums => ({ waves: 0, sum: 0, ids: [] }),
    apply(state, wave: Wave) {
      count.folded++;
      state.waves++;
      state.sum += Number(wave.payload);
      state.ids.push(wave.id);
    },
    snapshotEvery,
  });
  return [view, count];
}

describe("a view over a journal", () => {
  test("goes on from its snapshot in every life, and folds each wave once", async () => {
    await using shop = await world();
    let emitted = 0;
    for (let life = 0; life < 6; life++) {
      const { join: begin, end } = await shop.live();
      const aether = await begin();
      await aether.vibrator("beta").resonateOn("orders.*", () => undefined);
      const [view, count] = await sums(aether);
      const before = view.state.waves;
      let last = "";
      for (let i = 0; i < 4; i++) {
        last = (await aether.vibrator("till").emit("orders.paid", ++emitted)).position ?? "";
      }
      await view.reach(last);
      expect(view.state.waves).toBe(emitted);
      expect(view.state.sum).toBe((emitted * (emitted + 1)) / 2);
      expect(new Set(view.state.ids).size).toBe(emitted);
      expect(count.folded).toBe(emitted - before);
      expect(emitted - before, "waves since the last snapshot").toBeLessThanOrEqual(4 + 3);
      if (life % 2 === 0) {
        await view.snapshot();
      }
      await end();
    }
  });

  test("passes over damaged snapshots, to the one before and to the first wave", async () => {
    await using shop = await world();
    const first = await shop.live();
    const aether = await first.join();
    const [view] = await sums(aether, 1000);
    for (let i = 1; i <= 6; i++) {
      await view.reach((await aether.vibrator("till").emit("orders.paid", i)).position ?? "");
      await view.snapshot();
    }
    await first.end();
    const files = (await readdir(shop.path)).filter((file) => file.startsWith("snapshot-view-")).sort();
    expect(files.length).toBe(2);
    for (const [damages, folded] of [
      [0, 0],
      [1, 1],
      [2, 6],
    ] as const) {
      for (const file of files.slice(2 - damages)) {
        const bytes = await readFile(join(shop.path, file));
        bytes[bytes.length - 3] = 0x21;
        await writeFile(join(shop.path, file), bytes);
      }
      const life = await shop.live();
      const [again, count] = await sums(await life.join(), 1000);
      await again.ready;
      expect([again.state.waves, again.state.sum, count.folded]).toEqual([6, 21, folded]);
      expect(life.journal.health().fallbacks.length).toBe(damages);
      expect(again.fallbacks.map(({ error }) => error.code)).toEqual(damages === 2 ? ["AETHER_JOURNAL_DAMAGED"] : []);
      await life.end();
    }
  });

  test("has the same state in all instances, and covers what the journal keeps for itself", async () => {
    await using shop = await world();
    const { join: begin } = await shop.live();
    const [one, other] = [await begin(), await begin({ recorded: ["orders.>", "stock.>"] })];
    const [first] = await sums(one);
    await Promise.all(Array.from({ length: 200 }, (_, i) => other.vibrator("till").emit("orders.paid", i)));
    const [second] = await sums(other);
    const { position = "" } = await other.vibrator("till").emit("stock.counted", 1);
    await Promise.all([first, second].map((view) => view.reach(position, { timeoutMs: 10_000 })));
    expect(first.state.waves).toBe(200);
    expect(second.state).toEqual(first.state);
  });
});
