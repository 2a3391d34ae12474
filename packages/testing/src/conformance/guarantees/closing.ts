/** The end of a link. */

import assert from "node:assert/strict";
import type { Guarantee, Line, Stage } from "../stage.ts";
import { turns } from "../wait.ts";

/** Holds when `act` throws or rejects with `AETHER_CLOSED`. */
async function refuses(what: string, act: () => unknown): Promise<void> {
  let given: unknown;
  try {
    given = await act();
  } catch (error) {
    const code: unknown = error instanceof Error && Reflect.get(error, "code");
    assert.equal(code, "AETHER_CLOSED", `the code with which ${what} is refused`);
    return;
  }
  assert.fail(`Expected ${what} to be refused with AETHER_CLOSED, got ${String(given)}`);
}

async function refusesEverything(stage: Stage, line: Line, channel: string): Promise<void> {
  await refuses("propagate", () => stage.send(line, stage.wave(channel)));
  await refuses("propagate on a new outlet", () => stage.send(line, stage.wave(stage.at("new"))));
  await refuses("resonate", () => stage.tune(line, channel));
}

export const closing: readonly Guarantee[] = [
  {
    name: "closing a link silences its listeners",
    async check(stage) {
      const { far } = stage;
      const channel = stage.at("orders");
      const line = await stage.line(stage.near.medium);
      const ears = [
        await stage.ear(line, channel),
        await stage.ear(line, stage.at(">"), { group: "workers", name: "work" }),
        await stage.ear(line, channel, { observes: true }),
      ];
      const wave = stage.wave(channel);
      await stage.send(far, wave);
      for (const ear of ears) {
        await stage.hears(ear, [wave]);
      }
      await stage.within(line.close(), "a link closes");
      const heard = ears.map((ear) => ear.waves.length);
      await stage.sendAll(far, stage.waves(5, channel));
      await stage.burst(far, [...stage.waves(5, channel), ...stage.waves(2, channel, { kind: "broadcast" })]);
      await stage.curtain();
      assert.deepEqual(
        ears.map((ear) => ear.waves.length),
        heard,
        "waves heard through a link when it was closed",
      );
      await stage.until(
        () => !far.link.heard(channel) && ![...far.link.present()].some(({ pattern }) => pattern === channel),
        () => "listeners of a closed link are no longer known",
      );
    },
  },
  {
    name: "closing a link leaves the others open",
    async check(stage) {
      const { near, far } = stage;
      const channel = stage.at("orders");
      const line = await stage.line(near.medium);
      const group = { group: "workers", name: "work" };
      const staying = [await stage.ear(near, channel), await stage.ear(far, channel, group)];
      await stage.ear(line, channel, group);
      await stage.within(line.close(), "a link closes");
      const waves = stage.waves(10, channel);
      await stage.sendAll(far, waves.slice(0, 5));
      await stage.sendAll(near, waves.slice(5));
      for (const ear of staying) {
        await stage.hearsExactly(ear, waves);
      }
    },
  },
  {
    name: "a wave that was carried arrives although its link closes",
    async check(stage) {
      const channel = stage.at("orders");
      const ear = await stage.ear(stage.near, channel);
      const line = await stage.line();
      const warm = stage.wave(channel);
      await stage.send(line, warm);
      await stage.hears(ear, [warm]);
      const waves = stage.waves(20, channel);
      await stage.burst(line, waves);
      await stage.within(line.close(), "a link closes");
      await stage.hears(ear, waves);
    },
  },
  {
    name: "a closed link refuses with AETHER_CLOSED",
    async check(stage) {
      const channel = stage.at("orders");
      const line = await stage.line();
      await stage.send(line, stage.wave(channel));
      await stage.within(line.close(), "a link closes");
      const ear = await stage.ear(stage.near, channel);
      await refusesEverything(stage, line, channel);
      await stage.curtain();
      assert.deepEqual(ear.ids, [], "waves that got through a closed link");
    },
  },
  {
    name: "a link that is closing refuses as a closed one does",
    async check(stage) {
      const channel = stage.at("orders");
      const line = await stage.line();
      await stage.send(line, stage.wave(channel));
      const closed = line.close();
      await refusesEverything(stage, line, channel);
      await stage.within(closed, "a link closes");
    },
  },
  {
    name: "closing twice is closing once",
    async check(stage) {
      const { near } = stage;
      const channel = stage.at("orders");
      const line = await stage.line(near.medium);
      const staying = await stage.ear(near, channel);
      const [leaving, last] = [await stage.ear(line, channel), await stage.ear(line, channel)];
      const twice = async (): Promise<void> => {
        await Promise.all([leaving.tuning.close(), leaving.tuning.close()]);
        await leaving.tuning.close();
        await Promise.all([line.close(), line.close()]);
        await line.close();
        await last.tuning.close();
      };
      await stage.within(twice(), "what is closed can be closed again");
      const wave = stage.wave(channel);
      await stage.send(near, wave);
      await stage.hearsExactly(staying, [wave]);
      await turns();
    },
  },
];
