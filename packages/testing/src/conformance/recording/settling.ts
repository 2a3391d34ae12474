/** What becomes of recorded waves that are in somebody's hands. */

import assert from "node:assert/strict";
import type { RecorderGuarantee } from "./record-stage.ts";

/** A delay that is longer than any turn, in milliseconds, and by how much a timer may be early. */
const DELAY_MS = 60;
const EARLY_MS = 5;

export const settling: readonly RecorderGuarantee[] = [
  {
    name: "a wave that is given back comes again",
    async check(stage) {
      const channel = stage.at("orders");
      const workers = { group: "workers", name: "work" };
      const picky = await stage.hand(stage.near, channel, "start", { ...workers, settles: false });
      const [plain, late] = stage.waves(2, channel);
      assert.ok(plain && late);
      await stage.recordAll([plain, late]);
      await stage.have([picky], [plain, late]);
      const givenBackAt = performance.now();
      let cameAt = 0;
      const other = await stage.hand(stage.far, channel, "start", {
        ...workers,
        onWave: ({ id }) => {
          cameAt = id === late.id ? performance.now() : cameAt;
        },
      });
      await picky.close();
      picky.giveBack(plain.id);
      picky.giveBack(late.id, DELAY_MS);
      await stage.have([other], [plain, late]);
      const waited = cameAt - givenBackAt;
      assert.ok(waited >= DELAY_MS - EARLY_MS, `Expected a wave after ${DELAY_MS} ms, got it after ${waited}`);
      await stage.haveExactly([other], [plain, late], channel);
    },
  },
  {
    name: "a wave whose holder dies comes again",
    async check(stage) {
      const channel = stage.at("orders");
      const workers = { group: "workers", name: "work" };
      const line = await stage.stage.line();
      const dying = await stage.hand(line, channel, "start", { ...workers, settles: false });
      const waves = stage.waves(5, channel);
      await stage.recordAll(waves, stage.near);
      await stage.have([dying], waves);
      await dying.done(waves[0]?.id ?? "");
      await stage.within(line.close(), "a link closes");
      const heir = await stage.hand(stage.near, channel, "start", workers);
      await stage.have([heir], waves.slice(1));
      await dying.doneAll();
      await stage.haveExactly([heir], waves.slice(1), channel);
    },
  },
  {
    name: "a wave that was done with does not come again",
    async check(stage) {
      const channel = stage.at("orders");
      const workers = { group: "workers", name: "work" };
      const waves = stage.waves(10, channel);
      const first = await stage.hand(stage.near, channel, "start", { ...workers, settles: false });
      await stage.recordAll(waves);
      await stage.have([first], waves);
      await first.doneAll();
      await stage.haveExactly([first], waves, channel);
      await first.doneAll();
      await first.close();
      const second = await stage.hand(stage.far, channel, "start", workers);
      await stage.haveExactly([second], [], channel);
    },
  },
  {
    name: "a group that comes back goes on where it was",
    async check(stage) {
      const channel = stage.at("orders");
      const workers = { group: "workers", name: "work" };
      const early = stage.waves(5, channel);
      const first = await stage.hand(stage.near, channel, "new", workers);
      await stage.recordAll(early);
      await stage.have([first], early);
      await first.close();
      const missed = stage.waves(5, channel);
      await stage.recordAll(missed);
      const second = await stage.hand(stage.far, channel, "new", workers);
      await stage.haveExactly([second], missed, channel);
    },
  },
];
