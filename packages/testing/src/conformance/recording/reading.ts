/** What the record says of its waves. */

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import type { Recorded, RecordQuery, Wave } from "@aether/core";
import type { RecorderGuarantee } from "./record-stage.ts";

/** Milliseconds between waves whose times must differ. */
const APART_MS = 15;

function idsOf(found: readonly Recorded[]): readonly string[] {
  return found.map(({ wave }) => wave.id);
}

export const reading: readonly RecorderGuarantee[] = [
  {
    name: "a wave recorded twice under one id is kept once",
    async check(stage) {
      const { near, far } = stage;
      const channel = stage.at("orders");
      const hand = await stage.hand(near, channel);
      const [one, other] = stage.waves(2, channel);
      assert.ok(one && other);
      const first = await stage.record(one, far);
      assert.equal(await stage.record(one, near), first, "the position of a wave that was recorded before");
      const twice = await Promise.all([stage.record(other, near), stage.record(other, far)]);
      assert.equal(twice[0], twice[1], "the position of a wave that is recorded from two sides");
      await stage.haveExactly([hand], [one, other], channel);
      assert.deepEqual(idsOf(await stage.read({ pattern: channel })).slice(0, 2), [one.id, other.id]);
    },
  },
  {
    name: "a position is that of its wave",
    async check(stage) {
      const channel = stage.at("orders");
      const hand = await stage.hand(stage.near, channel);
      const waves = stage.waves(10, channel);
      const positions = await stage.recordAll(waves);
      assert.equal(new Set(positions).size, waves.length, "different positions");
      await stage.have([hand], waves);
      const expected = waves.map(({ id }, i) => `${id} ${positions[i]}`);
      const read = await stage.read({});
      const told = { handed: hand.waves, read: read.map(({ wave }) => wave) };
      for (const [way, found] of Object.entries(told)) {
        const pairs = found.map(({ id, position }: Wave) => `${id} ${position}`);
        assert.deepEqual(pairs, expected, `positions of waves that were ${way}`);
      }
      assert.deepEqual(
        read.map(({ position, wave }) => `${wave.id} ${position}`),
        expected,
      );
    },
  },
  {
    name: "positions grow",
    async check(stage) {
      const waves = ["orders", "payments", "orders", "stock.x", "orders"].map((channel, i) =>
        stage.wave(stage.at(channel), { amplitude: (i * 0.37) % 1 }),
      );
      const positions = await stage.recordAll(waves.slice(0, 3), stage.far);
      const all = [...positions, ...(await stage.recordAll(waves.slice(3), stage.near))];
      const ids = waves.map(({ id }) => id);
      for (const [i, position] of all.entries()) {
        assert.deepEqual(idsOf(await stage.read({ from: position })), ids.slice(i), `what is read from place ${i} on`);
        assert.deepEqual(idsOf(await stage.read({ to: position })), ids.slice(0, i + 1), `what is read up to ${i}`);
      }
    },
  },
  {
    name: "what was recorded can be read again, by pattern, position, time and amplitude",
    async check(stage) {
      const orders = stage.at("orders.created");
      const early = [stage.wave(orders, { amplitude: 0.2 }), stage.wave(stage.at("payments"), { amplitude: 0.9 })];
      const late = [stage.wave(orders, { amplitude: 0.6 }), stage.wave(stage.at("orders.paid"), { amplitude: 0.3 })];
      const positions = await stage.recordAll(early);
      await pause(APART_MS);
      const time = new Date();
      await pause(APART_MS);
      await stage.recordAll(late);
      const [one, two] = early;
      const [three, four] = late;
      assert.ok(one && two && three && four);
      const queries: readonly (readonly [RecordQuery, readonly Wave[]])[] = [
        [{}, [one, two, three, four]],
        [{ pattern: stage.at("orders.*") }, [one, three, four]],
        [{ pattern: orders }, [one, three]],
        [{ from: positions[1] }, [two, three, four]],
        [{ to: positions[1] }, [one, two]],
        [{ from: positions[1], to: positions[1] }, [two]],
        [{ from: time }, [three, four]],
        [{ to: time }, [one, two]],
        [{ minAmplitude: 0.3 }, [two, three, four]],
        [{ pattern: orders, from: time, minAmplitude: 0.5 }, [three]],
        [{ pattern: stage.at("nothing") }, []],
      ];
      for (const [query, waves] of queries) {
        const found = await stage.read(query);
        const ids = waves.map(({ id }) => id);
        assert.deepEqual(idsOf(found), ids, `what is read by ${JSON.stringify(query)}`);
      }
      const [again] = await stage.read({ pattern: stage.at("payments") });
      assert.deepEqual(again?.wave.payload, two.payload, "the payload of a wave that was read");
    },
  },
];
