/** Bands that listeners do not want: a medium may keep their waves away, and must keep nothing else away. */

import assert from "node:assert/strict";
import type { Guarantee } from "../stage.ts";
import { TestExchange } from "../test-exchange.ts";

/** The lowest band that choosy listeners want, and amplitudes below it, in it and above it. */
const LOWEST = 4;
const QUIET = [0, 0.1, 0.3, 0.49] as const;
const WANTED = [0.5, 0.51, 0.7, 1] as const;

export const bands: readonly Guarantee[] = [
  {
    name: "a wave of a wanted band is never kept away",
    async check(stage) {
      const { near, far } = stage;
      const channel = stage.at("orders.created");
      const choosy = await stage.ear(near, channel, { lowestBand: LOWEST });
      const member = await stage.ear(near, stage.at("orders.*"), { group: "workers", lowestBand: LOWEST });
      const open = await stage.ear(near, channel);
      const waves = Array.from({ length: 3 }, () => [...QUIET, ...WANTED])
        .flat()
        .map((amplitude) => stage.wave(channel, { amplitude }));
      const wanted = waves.filter(({ band }) => band >= LOWEST);
      await stage.sendAll(far, waves.slice(0, 12));
      await stage.burst(far, waves.slice(12));
      await stage.hearsExactly(choosy, wanted);
      await stage.hearsExactly(member, wanted);
      await stage.hearsExactly(open, waves);
    },
  },
  {
    name: "a band that is wanted again is heard again",
    async check(stage) {
      const { near, far, traits } = stage;
      const channel = stage.at("orders");
      const ear = await stage.ear(near, channel, { lowestBand: LOWEST });
      await stage.send(far, stage.wave(channel, { amplitude: 0.3 }));
      await stage.send(far, stage.wave(channel, { amplitude: 0.9 }));
      ear.lowestBand = 2;
      ear.tuning.pressure();
      if (!traits.crossProcess) {
        const wave = stage.wave(channel, { amplitude: 0.3 });
        await stage.send(far, wave);
        await stage.hears(ear, [wave]);
      }
      await stage.until(
        () => {
          void stage.send(far, stage.wave(channel, { amplitude: 0.26 }));
          return ear.waves.some(({ band }) => band === 2);
        },
        () => "a listener hears a band that it wants again",
      );
    },
  },
  {
    name: "a wave of an unwanted band comes to its listener once or is told to it once",
    async check(stage) {
      const { near, far, traits } = stage;
      const channel = stage.at("orders");
      const ear = await stage.ear(near, channel, { lowestBand: LOWEST });
      const waves = QUIET.map((amplitude) => stage.wave(channel, { amplitude }));
      await stage.sendAll(far, waves);
      await stage.curtain();
      assert.deepEqual(ear.ids, [], "waves that it took");
      const ids = traits.duplicates ? [...new Set(ear.unwanted)] : ear.unwanted;
      // Nobody knows what a server keeps away, but it is not both kept away and handed over.
      const known = traits.crossProcess ? [...new Set(ear.unwanted)] : waves.map(({ id }) => id);
      assert.deepEqual([...ids].sort(), [...known].sort(), "waves that it was told of");
    },
  },
  {
    name: "a wave of an unwanted band counts as not reached",
    async check(stage) {
      const { near, far, traits } = stage;
      const channel = stage.at("orders");
      await stage.ear(near, channel, { lowestBand: LOWEST });
      const quiet = (): Promise<number | undefined> => stage.send(far, stage.wave(channel, { amplitude: 0.2 }));
      assert.equal(await quiet(), traits.acknowledges ? 0 : undefined, "groups that an unwanted wave reached");
      await stage.ear(near, channel);
      assert.equal(await quiet(), traits.acknowledges ? 1 : undefined, "groups that it reached when one wants it");
      const loud = await stage.send(far, stage.wave(channel, { amplitude: 0.9 }));
      assert.equal(loud, traits.acknowledges ? 2 : undefined, "groups that a loud wave reached");
    },
  },
  {
    name: "a member that wants a wave's band is preferred to one that does not",
    async check(stage) {
      const { near, far, traits } = stage;
      const channel = stage.at("orders");
      const group = { vibrator: "workers", group: "workers", name: "work" };
      const choosy = await stage.ear(near, channel, { ...group, lowestBand: LOWEST });
      const open = await stage.ear(near, channel, group);
      const waves = stage.waves(20, channel, { amplitude: 0.2 });
      await stage.sendAll(far, waves);
      await stage.curtain();
      assert.deepEqual(choosy.ids, [], "waves that the choosy member took");
      // Nobody knows the floors of another process.
      if (!traits.crossProcess) {
        assert.equal(choosy.unwanted.length, 0, "waves that were meant for the choosy member");
        stage.heardExactly(open, waves);
      }
    },
  },
  {
    name: "a command of a band that nobody wants comes back refused",
    async check(stage) {
      const { near, far } = stage;
      const channel = stage.at("command");
      const ear = await stage.ear(near, channel, { lowestBand: LOWEST });
      const exchange = new TestExchange();
      await stage.send(far, stage.wave(channel, { kind: "command", amplitude: 0.2, extras: { exchange } }));
      await stage.until(
        () => exchange.told.length > 0,
        () => "the emitter is told that nobody wants its command",
      );
      const [told] = exchange.told;
      assert.equal(told?.what, "refused");
      assert.equal(told.value.code, "AETHER_SHED");
      assert.deepEqual(ear.ids, [], "commands that it took");
    },
  },
];
