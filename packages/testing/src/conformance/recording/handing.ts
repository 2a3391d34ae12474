/** How recorded waves are handed over: to whom, how many, in which order. */

import assert from "node:assert/strict";
import type { Wave } from "@aether/core";
import { turns } from "../wait.ts";
import type { RecorderGuarantee } from "./record-stage.ts";

/** What must be the same of a wave that was recorded. */
function factsOf({
  id,
  channel,
  kind,
  payload,
  amplitude,
  halfLifeMs,
  source,
  hops,
  trace,
  key,
  headers,
}: Wave): unknown {
  return { id, channel, kind, payload, amplitude, halfLifeMs, source, hops, trace, key, headers: { ...headers } };
}

export const handing: readonly RecorderGuarantee[] = [
  {
    name: "a wave that was recorded is handed to each group that follows its channel",
    async check(stage) {
      const { near, far } = stage;
      const channel = stage.at("orders.created");
      const first = [await stage.hand(near, channel), await stage.hand(far, stage.at("orders.*"))];
      const workers = { group: "workers", name: "work" };
      const shared = [
        await stage.hand(near, stage.at(">"), "start", workers),
        await stage.hand(far, stage.at(">"), "start", workers),
      ];
      const elsewhere = await stage.hand(near, stage.at("payments.*"));
      const waves = stage.waves(20, channel, { amplitude: 0.7, extras: { key: "a", headers: { tenant: "t" } } });
      await stage.recordAll(waves.slice(0, 10), far);
      await stage.recordAll(waves.slice(10), near);
      for (const hands of [...first.map((hand) => [hand]), shared]) {
        await stage.have(hands, waves);
      }
      await turns();
      assert.deepEqual(elsewhere.ids, [], "what was handed to a group that follows another channel");
      for (const wave of first.flatMap((hand) => hand.waves)) {
        const original = waves.find(({ id }) => id === wave.id);
        assert.ok(original);
        assert.deepEqual(factsOf(wave), factsOf(original), "a wave that was handed over");
        assert.equal(typeof wave.position, "string", "what kind of thing the position of a wave is");
      }
    },
  },
  {
    name: "a wave is in the hands of one member of a group at a time",
    async check(stage) {
      const channel = stage.at("orders");
      const workers = { group: "workers", name: "work", settles: false };
      const hands = [
        await stage.hand(stage.near, channel, "start", workers),
        await stage.hand(stage.far, channel, "start", workers),
      ];
      const waves = stage.waves(30, channel);
      await stage.recordAll(waves);
      await stage.haveExactly(hands, waves, channel);
      assert.ok(!hands.some(({ doubled }) => doubled), "Expected no wave to be handed over while it is in hand");
    },
  },
  {
    name: "a follower is handed no more than it wants",
    async check(stage) {
      const channel = stage.at("orders");
      const waves = stage.waves(20, channel);
      await stage.recordAll(waves);
      const hand = await stage.hand(stage.near, channel, "start", { most: 3, settles: false });
      for (let settled = 0; settled < waves.length; settled++) {
        const due = Math.min(settled + 3, waves.length);
        await stage.until(
          () => hand.waves.length >= due,
          () => `${due} waves are handed over, and ${hand.waves.length} were`,
        );
        await turns();
        assert.equal(hand.waves.length, due, "waves handed to a follower that wants three at a time");
        const [id = ""] = hand.held.keys();
        await hand.done(id);
      }
      assert.ok(!hand.crowded, "Expected nothing to be handed over that is not wanted");
    },
  },
  {
    name: "louder waves come first, and none is left out",
    async check(stage) {
      const channel = stage.at("orders");
      const bulk = stage.waves(300, channel, { amplitude: 0.1 });
      const critical = stage.waves(10, channel, { amplitude: 0.95 });
      await Promise.all(bulk.map((wave) => stage.record(wave)));
      await stage.recordAll(critical);
      const hand = await stage.hand(stage.near, channel, "start", { most: 4 });
      await stage.have([hand], [...bulk, ...critical]);
      const last = Math.max(...critical.map(({ id }) => hand.ids.indexOf(id)));
      assert.ok(last < 100, `Expected ten loud waves among the first 100, got the last of them in place ${last}`);
    },
  },
  {
    name: "waves of one channel and band come in order",
    async check(stage) {
      const channel = stage.at("orders");
      const early = stage.waves(25, channel);
      await stage.recordAll(early);
      const hand = await stage.hand(stage.near, channel, "start", { most: 5 });
      const late = stage.waves(25, channel);
      await stage.recordAll(late);
      await stage.have([hand], [...early, ...late]);
      assert.deepEqual(
        hand.ids,
        [...early, ...late].map(({ id }) => id),
        "the order of what was handed over",
      );
    },
  },
  {
    name: "those who only listen hear a recorded wave live",
    async check(stage) {
      const { near, far } = stage;
      const channel = stage.at("orders.created");
      const ears = [
        // Their patterns overlap with what is recorded and do not lie inside it: those would follow.
        await stage.stage.ear(near, "*.orders.created"),
        await stage.stage.ear(near, "*.*.created", { group: `${stage.stage.token}-live`, name: "live" }),
        await stage.stage.ear(near, channel, { observes: true }),
      ];
      const waves = stage.waves(10, channel);
      await stage.recordAll(waves, far);
      for (const ear of ears) {
        await stage.stage.hears(ear, waves);
        await turns();
        assert.deepEqual([...ear.ids].sort(), waves.map(({ id }) => id).sort(), "what was heard live");
      }
    },
  },
];
