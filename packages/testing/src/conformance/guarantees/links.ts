/** Opening a link, and what links have to do with each other. */

import assert from "node:assert/strict";
import type { Guarantee } from "../stage.ts";

export const links: readonly Guarantee[] = [
  {
    name: "opening a link tells that it is connected",
    async check(stage) {
      const line = await stage.line();
      for (const { connected } of [stage.near, stage.far, line]) {
        assert.equal(connected, 1, "how often a link that opened was told that it is connected");
      }
    },
  },
  {
    name: "links of one medium hear each other",
    async check(stage) {
      const channel = stage.at("orders");
      const lines = [stage.near, stage.far, await stage.line(stage.near.medium), await stage.line(stage.far.medium)];
      const ears = await Promise.all(lines.map((line) => stage.ear(line, channel)));
      // A link hears itself, too.
      const waves = await Promise.all(
        lines.map(async (line) => {
          const wave = stage.wave(channel);
          await stage.send(line, wave);
          return wave;
        }),
      );
      for (const ear of ears) {
        await stage.hearsExactly(ear, waves);
      }
    },
  },
];
