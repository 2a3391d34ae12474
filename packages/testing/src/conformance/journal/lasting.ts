/** What of a journal is there when it is opened again, and what is refused. */

import assert from "node:assert/strict";
import type { JournalGuarantee } from "./journal-stage.ts";

export const lasting: readonly JournalGuarantee[] = [
  {
    name: "what was acknowledged is there when it is opened again",
    async check(stage) {
      const first = await stage.open();
      const waves = stage.waves(50);
      const positions = await stage.appendAll(first, waves);
      await stage.close(first);
      const again = await stage.open();
      const found = (await stage.read(again)).map(({ position, wave }) => `${wave.id} ${position}`);
      assert.deepEqual(
        found,
        waves.map(({ id }, at) => `${id} ${positions[at]}`),
        "what is read of a journal that was opened again",
      );
    },
  },
  {
    name: "a position is given once, also after it was opened again",
    async check(stage) {
      const given: string[] = [];
      for (let life = 0; life < 3; life++) {
        const journal = await stage.open();
        given.push(...(await stage.appendAll(journal, stage.waves(5))));
        await stage.close(journal);
      }
      assert.deepEqual([...new Set(given)].sort(), given, "positions of three lives, which grow as texts do");
    },
  },
  {
    name: "what was on its way when it was closed is kept",
    async check(stage) {
      const journal = await stage.open();
      const waves = stage.waves(20);
      const appended = stage.appendAll(journal, waves);
      await stage.close(journal);
      await appended;
      const again = await stage.open();
      assert.equal((await stage.ids(again)).length, waves.length, "waves that were appended just before a close");
    },
  },
  {
    name: "a snapshot is given back with its position, the newest of its name",
    async check(stage) {
      const journal = await stage.open();
      const [one = "", two = "", three = ""] = await stage.appendAll(journal, stage.waves(3));
      await stage.within(journal.snapshot("stock", { lamps: 1 }, one), "a snapshot is kept");
      await stage.within(journal.snapshot("stock", { lamps: 2 }, three), "a snapshot is kept");
      await stage.within(journal.snapshot("orders", [1, 2], two), "a snapshot is kept");
      const check = async (from: typeof journal, when: string): Promise<void> => {
        const stock = await stage.within(from.latestSnapshot("stock"), "a snapshot is found");
        const orders = await stage.within(from.latestSnapshot("orders"), "a snapshot is found");
        const found = [stock?.state, stock?.position, orders?.state, orders?.position];
        assert.deepEqual(found, [{ lamps: 2 }, three, [1, 2], two], `snapshots ${when}`);
      };
      await check(journal, "at once");
      await stage.close(journal);
      await check(await stage.open(), "of a journal that was opened again");
    },
  },
  {
    name: "a name of which no snapshot was taken has none",
    async check(stage) {
      const journal = await stage.open();
      assert.equal(await stage.within(journal.latestSnapshot("none"), "a snapshot is looked for"), undefined);
    },
  },
  {
    name: "a position of another journal is refused with AETHER_BAD_POSITION",
    async check(stage) {
      const journal = await stage.open();
      const other = await stage.open("other");
      await stage.appendAll(journal, stage.waves(3));
      const [, foreign = ""] = await stage.appendAll(other, stage.waves(3));
      const code = "AETHER_BAD_POSITION";
      await stage.refuses(() => stage.read(journal, { from: foreign }), "a reading from there", code);
      await stage.refuses(() => journal.snapshot("stock", 1, foreign), "a snapshot of it", code);
    },
  },
  {
    name: "verify reads everything that is there",
    async check(stage) {
      const journal = await stage.open();
      await stage.appendAll(journal, stage.waves(30));
      const { records } = await stage.within(journal.verify(), "everything is read again");
      assert.ok(records >= 30, `Expected at least 30 records, got ${records}`);
    },
  },
  {
    name: "one writer has it at a time: another is refused with AETHER_JOURNAL_LOCKED",
    async check(stage) {
      const journal = await stage.open();
      await stage.refuses(() => stage.open(), "a second writer", "AETHER_JOURNAL_LOCKED");
      await stage.append(journal, stage.wave());
      await stage.close(journal);
      await stage.append(await stage.open(), stage.wave());
    },
  },
  {
    name: "a closed one refuses with AETHER_CLOSED, and closing twice is closing once",
    async check(stage) {
      const journal = await stage.open();
      const position = await stage.append(journal, stage.wave());
      await stage.close(journal);
      await stage.within(journal.close(), "a second close");
      await stage.refuses(() => journal.append(stage.wave()), "an append", "AETHER_CLOSED");
      await stage.refuses(() => stage.read(journal), "a reading", "AETHER_CLOSED");
      await stage.refuses(() => journal.snapshot("stock", 1, position), "a snapshot", "AETHER_CLOSED");
      await stage.refuses(() => journal.verify(), "a verification", "AETHER_CLOSED");
    },
  },
];
