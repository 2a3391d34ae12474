/** What `propagate` tells its caller. */

import assert from "node:assert/strict";
import type { Wave } from "@aether/core";
import type { Guarantee, Stage } from "../stage.ts";

/** Holds when `propagate` tells of `groups` for `wave`, or of nothing where the medium does not know. */
async function tells(stage: Stage, wave: Wave, groups: number): Promise<void> {
  const told = await stage.send(stage.far, wave);
  assert.equal(told, stage.traits.acknowledges ? groups : undefined, "how many groups propagate tells of");
}

export const counting: readonly Guarantee[] = [
  {
    name: "propagate tells how many groups were reached",
    async check(stage) {
      const { near, far } = stage;
      const channel = stage.at("orders");
      const group = { vibrator: "workers", group: "workers", name: "work" };
      await tells(stage, stage.wave(channel), 0);
      await stage.ear(near, channel);
      await tells(stage, stage.wave(channel), 1);
      await stage.ear(near, channel, group);
      await tells(stage, stage.wave(channel), 2);
      await stage.ear(far, channel, group);
      await tells(stage, stage.wave(channel), 2);
      await stage.ear(far, stage.at("*"), { ...group, name: "other" });
      await tells(stage, stage.wave(channel), 3);
      await tells(stage, stage.wave(channel, { kind: "broadcast" }), 3);
      await stage.ear(near, channel, { observes: true });
      await tells(stage, stage.wave(channel), 3);
      await tells(stage, stage.wave(stage.at("elsewhere")), 1);
    },
  },
  {
    name: "a refused wave counts as not reached",
    async check(stage) {
      const channel = stage.at("orders");
      const refusing = await stage.ear(stage.near, channel, { uptake: "refused" });
      const first = stage.wave(channel);
      await tells(stage, first, 0);
      const taking = await stage.ear(stage.near, channel);
      const second = stage.wave(channel);
      await tells(stage, second, 1);
      const third = stage.wave(channel, { kind: "broadcast" });
      await tells(stage, third, 1);
      await stage.hears(refusing, [first, second, third]);
      await stage.hears(taking, [second, third]);
    },
  },
  {
    name: "a wave that nobody hears is no error",
    async check(stage) {
      const channel = stage.at("nobody");
      await tells(stage, stage.wave(channel), 0);
      await tells(stage, stage.wave(channel, { kind: "broadcast" }), 0);
      const leaving = await stage.ear(stage.near, channel);
      await leaving.tuning.close();
      if (stage.traits.readyClusterWide) {
        await tells(stage, stage.wave(channel), 0);
      } else {
        await stage.send(stage.far, stage.wave(channel));
      }
    },
  },
];
