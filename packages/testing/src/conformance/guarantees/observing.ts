/** Listeners that look on without taking part. */

import assert from "node:assert/strict";
import type { Guarantee } from "../stage.ts";
import { TestExchange } from "../test-exchange.ts";

export const observing: readonly Guarantee[] = [
  {
    name: "an observer sees every wave and takes it from nobody",
    async check(stage) {
      const { near, far } = stage;
      const channel = stage.at("orders");
      const group = { vibrator: "workers", group: "workers", name: "work" };
      const worker = await stage.ear(near, channel, group);
      const alone = await stage.ear(near, channel);
      // It is a member by name, and yet none.
      const observers = [
        await stage.ear(near, stage.at(">"), { ...group, observes: true }),
        await stage.ear(far, channel, { ...group, observes: true }),
      ];
      const extras = { exchange: new TestExchange() };
      const waves = [
        ...stage.waves(10, channel),
        stage.wave(channel, { kind: "broadcast" }),
        stage.wave(channel, { kind: "command", extras }),
        stage.wave(channel, { kind: "query", extras }),
      ];
      await stage.sendAll(far, waves);
      await stage.burst(near, stage.waves(1, stage.at("elsewhere")));
      await stage.hearsExactly(worker, waves);
      await stage.hearsExactly(alone, waves);
      for (const observer of observers) {
        await stage.hears(observer, waves);
        assert.ok(
          observer.waves.every(({ exchange }) => exchange === undefined),
          "Expected observers to be given no way back, got a wave with one",
        );
        const seen = observer.waves.filter((wave) => wave.channel === channel);
        const copies = stage.traits.duplicates ? new Set(seen.map(({ id }) => id)).size : seen.length;
        assert.equal(copies, waves.length, "waves that an observer has seen");
      }
    },
  },
  {
    name: "an observer counts as nobody",
    async check(stage) {
      const { near, far, traits } = stage;
      const channel = stage.at("orders");
      const observer = await stage.ear(near, channel, { observes: true });
      const known = await stage.ear(near, stage.at("known"));
      await stage.until(
        () => far.link.heard(stage.at("known")),
        () => `interest in "${known.presence.pattern}" is known`,
      );
      observer.full = true;
      assert.equal(far.link.heard(channel), false, "whether a channel is heard that is only observed");
      const listed = [...far.link.present()].some(({ instance }) => instance === observer.presence.instance);
      assert.equal(listed, false, "whether an observer is present");
      await stage.within(Promise.resolve(far.link.room(channel)), "an observer keeps nobody waiting for room");
      const wave = stage.wave(channel);
      const heard = await stage.send(far, wave);
      assert.equal(heard, traits.acknowledges ? 0 : undefined, "groups that a wave has reached which is only observed");
      await stage.hears(observer, [wave]);
    },
  },
];
