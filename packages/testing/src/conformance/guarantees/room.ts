/** How a medium keeps an emitter from outrunning those who hear it. */

import assert from "node:assert/strict";
import type { Guarantee } from "../stage.ts";
import { turns } from "../wait.ts";

export const room: readonly Guarantee[] = [
  {
    name: "a crowded listener slows its emitter",
    async check(stage) {
      const { near, traits } = stage;
      const channel = stage.at("orders");
      const ear = await stage.ear(near, channel, { uptake: "crowded" });
      const wave = stage.wave(channel);
      const told = stage.propagate(near, wave);
      // Nobody knows the inboxes of another process.
      if (!traits.crossProcess) {
        assert.ok(told instanceof Promise, "Expected propagate to give a promise for a crowded listener");
      }
      const heard = await stage.within(Promise.resolve(told), "propagate settles though its listener is crowded");
      assert.equal(heard, traits.acknowledges ? 1 : undefined, "how many groups propagate tells of");
      await stage.hears(ear, [wave]);
    },
  },
  {
    name: "room is told once every group has it",
    async check(stage) {
      const { near, far, traits } = stage;
      const channel = stage.at("orders");
      const group = { vibrator: "workers", group: "workers", name: "work" };
      const ask = (): Promise<void> | undefined => far.link.room(channel);
      await stage.within(Promise.resolve(ask()), "there is room where nobody hears");
      const alone = await stage.ear(near, channel);
      const members = [await stage.ear(near, channel, group), await stage.ear(near, channel, group)];
      await stage.within(Promise.resolve(ask()), "there is room while nobody is full");
      if (traits.crossProcess) {
        return; // Nobody knows the inboxes of another process.
      }
      const [first, second] = members;
      assert.ok(first && second);
      first.full = true;
      assert.equal(ask(), undefined, "room while one of two members has it");
      second.full = true;
      alone.full = true;
      let told = false;
      const asking = async (): Promise<void> => {
        for (let wait = ask(); wait !== undefined; wait = ask()) {
          await wait;
        }
        told = true;
      };
      const asked = asking();
      for (const full of [alone, second]) {
        await turns();
        assert.equal(told, false, `whether there is room while "${full.presence.vibrator}" is full`);
        full.makeRoom();
      }
      await stage.within(asked, "room is told");
    },
  },
];
