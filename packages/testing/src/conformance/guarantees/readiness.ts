/** From when until when a listener hears. */

import assert from "node:assert/strict";
import type { Guarantee } from "../stage.ts";
import { turns } from "../wait.ts";

export const readiness: readonly Guarantee[] = [
  {
    name: "a listener hears every wave that is propagated after it is ready",
    async check(stage) {
      const { near, far, traits } = stage;
      // Where readiness takes its time to spread, it is promised to the listener's own side only.
      const from = traits.readyClusterWide ? far : near;
      for (let round = 0; round < 20; round++) {
        const channel = stage.at(`round${round}.created`);
        const ear = await stage.tune(near, round % 2 === 0 ? channel : stage.at(`round${round}.*`));
        const waves = stage.waves(20, channel);
        await stage.burst(from, waves);
        await stage.hears(ear, waves);
      }
    },
  },
  {
    name: "a listener hears nothing after it is closed",
    async check(stage) {
      const { near, far } = stage;
      const channel = stage.at("orders");
      const group = { group: "workers", name: "work" };
      const alone = await stage.ear(near, channel);
      const member = await stage.ear(near, channel, group);
      const inRuns = await stage.ear(near, stage.at("*"));
      const early = stage.waves(10, channel);
      const sending = stage.burst(far, early);
      const closing = [alone, member, inRuns].map(async (ear) => {
        await stage.within(ear.tuning.close(), "a listener closes");
        return { ear, heard: ear.waves.length };
      });
      const closed = await Promise.all(closing);
      await sending;
      await stage.sendAll(far, stage.waves(10, channel));
      await stage.burst(near, stage.waves(10, channel));
      await stage.curtain();
      for (const { ear, heard } of closed) {
        assert.equal(ear.waves.length, heard, `waves that "${ear.presence.pattern}" had heard when it was closed`);
      }
      await turns();
    },
  },
];
