/** What patterns mean to a medium. */

import assert from "node:assert/strict";
import { BANDS, matches } from "@aether/core";
import type { Guarantee } from "../stage.ts";

export const patterns: readonly Guarantee[] = [
  {
    name: "a wave reaches a listener whose pattern covers its channel",
    async check(stage) {
      const channel = stage.at("orders.created");
      for (const pattern of [channel, stage.at("orders.*"), stage.at(">"), stage.at("*.created")]) {
        const ear = await stage.ear(stage.near, pattern);
        const wave = stage.wave(channel);
        await stage.send(stage.far, wave);
        await stage.hears(ear, [wave]);
      }
    },
  },
  {
    name: "a wave does not reach a listener whose pattern does not cover its channel",
    async check(stage) {
      const channel = stage.at("orders.created");
      const ear = await stage.ear(stage.near, channel);
      for (const other of ["orders", "orders.deleted", "orders.created.eu", "orders.create", "orders.createdx", "x"]) {
        await stage.send(stage.far, stage.wave(stage.at(other)));
      }
      const covered = stage.wave(channel);
      await stage.send(stage.far, covered);
      await stage.hearsExactly(ear, [covered]);
    },
  },
  {
    name: "a pattern means the same as in `matches`",
    async check(stage) {
      const { token } = stage;
      const below = ["*", ">", "a", "a.*", "a.>", "*.b", "*.*", "*.>", "a.*.c", "*.*.*", "a.b.>"];
      const everywhere = ["*", ">", "*.a", "*.>", "*.*.b", "*.*"];
      const all = [token, ...below.map((rest) => stage.at(rest)), ...everywhere];
      // Each wave is looked at, for what begins with a wildcard may cover waves of others.
      const ears = await Promise.all(all.map((pattern) => stage.ear(stage.near, pattern, { openBand: BANDS })));
      const channels = [
        token,
        ...["a", "b", "a.b", "a.c", "b.b", "a.b.c", "a.b.c.d", "aa", "A"].map((rest) => stage.at(rest)),
      ];
      const waves = channels.map((channel) => stage.wave(channel));
      await stage.sendAll(stage.far, waves);
      await stage.curtain();
      for (const ear of ears) {
        const { pattern } = ear.presence;
        const covered = waves.filter((wave) => matches(pattern, wave.channel));
        const heard = ear.waves.filter(({ channel }) => !channel.endsWith(".curtain"));
        const channelsOf = (some: typeof waves): string[] => [...new Set(some.map(({ channel }) => channel))].sort();
        assert.deepEqual(channelsOf(heard), channelsOf(covered), `the channels that "${pattern}" covers`);
      }
    },
  },
];
