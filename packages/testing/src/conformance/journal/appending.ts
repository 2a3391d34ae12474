/** What is appended to a journal, and how it is read again. */

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import type { RecordQuery, Wave } from "@aether/core";
import type { JournalGuarantee } from "./journal-stage.ts";

/** Milliseconds between waves whose times must differ. */
const APART_MS = 15;

function idsOf(waves: readonly Wave[]): readonly string[] {
  return waves.map(({ id }) => id);
}

function factsOf({ id, channel, kind, payload, amplitude, halfLifeMs, hops, cause, trace }: Wave): unknown {
  return { id, channel, kind, payload, amplitude, halfLifeMs, hops, cause, trace };
}

export const appending: readonly JournalGuarantee[] = [
  {
    name: "what is appended is read in the order of the calls",
    async check(stage) {
      const journal = await stage.open();
      const waves = stage.waves(200);
      await stage.appendAll(journal, waves.slice(0, 100));
      await stage.appendAll(journal, waves.slice(100));
      assert.deepEqual(await stage.ids(journal), idsOf(waves), "what is read of a journal");
    },
  },
  {
    name: "a wave is read as it was at the call of append",
    async check(stage) {
      const journal = await stage.open();
      const payload = { orderId: "1", lines: [1, "ü"] };
      const extras = { key: "k", headers: { tenant: "t" }, version: 2, phase: 1 };
      const lineage = { hops: 3, cause: "the-cause", trace: "the-trace" };
      const wave = stage.wave({ payload, amplitude: 0.7, kind: "command", extras, ...lineage });
      const bytes = stage.wave({ payload: new Uint8Array([1, 2, 255]) });
      const nothing = stage.wave({ payload: undefined });
      const expected = structuredClone(factsOf(wave));
      const appended = stage.appendAll(journal, [wave, bytes, nothing]);
      payload.orderId = "changed";
      await appended;
      const found = (await stage.read(journal)).map((entry) => entry.wave);
      const [one, two, three] = found;
      assert.ok(one && two && three && found.length === 3, `Expected three waves, got ${found.length}`);
      assert.deepEqual(factsOf(one), expected, "a wave that was read");
      const more = [one.key, { ...one.headers }, one.version, one.phase, one.source, one.emittedAt];
      assert.deepEqual(more, ["k", { tenant: "t" }, 2, 1, wave.source, wave.emittedAt], "the rest of that wave");
      assert.deepEqual([two.payload, three.payload], [new Uint8Array([1, 2, 255]), undefined], "other payloads");
    },
  },
  {
    name: "a position is that of its wave, and positions grow",
    async check(stage) {
      const journal = await stage.open();
      const waves = stage.waves(20);
      const positions = await stage.appendAll(journal, waves);
      assert.deepEqual([...new Set(positions)].sort(), positions, "positions, which grow as texts do");
      for (const { position, wave } of await stage.read(journal)) {
        const at = waves.findIndex(({ id }) => id === wave.id);
        assert.deepEqual([position, wave.position], [positions[at], positions[at]], "the position of a wave");
      }
    },
  },
  {
    name: "a reading is bounded by position, time, pattern and amplitude, both ends included",
    async check(stage) {
      const journal = await stage.open();
      const early = [stage.wave({ amplitude: 0.2 }), stage.wave({ channel: "payments", amplitude: 0.9 })];
      const late = [stage.wave({ amplitude: 0.6 }), stage.wave({ channel: "orders.paid", amplitude: 0.3 })];
      const positions = await stage.appendAll(journal, early);
      await pause(APART_MS);
      const time = new Date();
      await pause(APART_MS);
      await stage.appendAll(journal, late);
      const [one, two, three, four] = [...early, ...late];
      assert.ok(one && two && three && four);
      const queries: readonly (readonly [RecordQuery, readonly Wave[]])[] = [
        [{ from: positions[1] }, [two, three, four]],
        [{ to: positions[1] }, [one, two]],
        [{ from: positions[1], to: positions[1] }, [two]],
        [{ from: time }, [three, four]],
        [{ to: time }, [one, two]],
        [{ pattern: "orders.*" }, [one, three, four]],
        [{ minAmplitude: 0.3 }, [two, three, four]],
        [{ pattern: "orders.>", from: time, minAmplitude: 0.5 }, [three]],
        [{ pattern: "nothing" }, []],
      ];
      for (const [query, waves] of queries) {
        assert.deepEqual(await stage.ids(journal, query), idsOf(waves), `what is read by ${JSON.stringify(query)}`);
      }
    },
  },
  {
    name: "a reading ends where the journal ended when it began",
    async check(stage) {
      const journal = await stage.open();
      const waves = stage.waves(3);
      await stage.appendAll(journal, waves);
      const found: string[] = [];
      const reading = async (): Promise<void> => {
        for await (const { wave } of journal.read()) {
          found.push(wave.id);
          await journal.append(stage.wave());
        }
      };
      await stage.within(reading(), "a reading ends although waves are appended");
      assert.deepEqual(found, idsOf(waves), "what is read while waves are appended");
    },
  },
  {
    name: "what cannot be written is refused, and leaves nothing",
    async check(stage) {
      const journal = await stage.open();
      const circular: Record<string, unknown> = {};
      circular["self"] = circular;
      const [first, last] = stage.waves(2);
      assert.ok(first && last);
      const one = journal.append(first);
      await stage.refuses(
        () => journal.append(stage.wave({ payload: circular })),
        "a circular payload",
        "AETHER_BAD_PAYLOAD",
      );
      await stage.within(Promise.all([one, journal.append(last)]), "the others are appended");
      assert.deepEqual(await stage.ids(journal), [first.id, last.id], "what is read");
    },
  },
];
