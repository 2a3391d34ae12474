/** What is recorded, and where groups stand in it. */

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import type { From, RecordedGroup } from "@aether/core";
import { turns } from "../wait.ts";
import type { RecorderGuarantee, RecordStage } from "./record-stage.ts";

/** Milliseconds between waves whose times must differ. */
const APART_MS = 15;

/** The place of `group`, once it is as `isRight` says. */
async function placeOf(
  stage: RecordStage,
  group: string,
  isRight: (place: RecordedGroup | undefined) => boolean,
): Promise<RecordedGroup | undefined> {
  for (let looks = 0; ; looks++) {
    const groups = await stage.within(stage.recorder(stage.far).groups(), "groups are listed");
    const place = groups.find((candidate) => candidate.group === group);
    if (isRight(place)) {
      return place;
    }
    assert.ok(looks * APART_MS < stage.stage.deadlineMs, `Expected another place of "${group}", got ${show(place)}`);
    await pause(APART_MS);
  }
}

function show(place: RecordedGroup | undefined): string {
  return place === undefined ? "none" : JSON.stringify(place);
}

export const places: readonly RecorderGuarantee[] = [
  {
    name: "a group begins where it was told to",
    async check(stage) {
      const channel = stage.at("orders");
      const [first, second, third, fourth] = stage.waves(4, channel);
      assert.ok(first && second && third && fourth);
      await stage.record(first);
      await pause(APART_MS);
      const time = new Date();
      await pause(APART_MS);
      const position = await stage.record(second);
      await stage.record(third);
      const beginnings: readonly (readonly [From, readonly (typeof first)[]])[] = [
        ["start", [first, second, third, fourth]],
        ["new", [fourth]],
        [{ position }, [second, third, fourth]],
        [{ time }, [second, third, fourth]],
      ];
      const hands = await Promise.all(beginnings.map(([from]) => stage.hand(stage.near, channel, from)));
      await stage.record(fourth);
      for (const [i, hand] of hands.entries()) {
        const [from, waves] = beginnings[i] ?? ["new", []];
        await stage.have([hand], waves);
        await turns();
        const ids = waves.map(({ id }) => id);
        assert.deepEqual(hand.ids, ids, `what is handed to a group that begins at ${JSON.stringify(from)}`);
      }
    },
  },
  {
    name: "a wave on a channel that nobody follows is kept",
    async check(stage) {
      const channel = stage.at("orders.lonely");
      await stage.hand(stage.near, stage.at("payments"));
      const waves = stage.waves(5, channel);
      await stage.recordAll(waves);
      const hand = await stage.hand(stage.near, channel);
      await stage.haveExactly([hand], waves, channel);
    },
  },
  {
    name: "what is declared by anybody is recorded for everybody",
    async check(stage) {
      const { near, far } = stage;
      const [one, other, never] = ["one", "other", "never"].map((word) => `${stage.stage.token}${word}`);
      assert.ok(one && other && never);
      await stage.within(stage.recorder(far).declare([`${one}.>`]), "patterns are declared");
      await stage.within(stage.recorder(near).declare([`${one}.orders.*`, other]), "patterns are declared");
      const recorded = [`${one}.a`, `${one}.orders.created`, `${one}.>`, `${one}.*.x`, other, stage.at(">")];
      const others = [`${never}.a`, ">", one, `${other}.a`, "*.a"];
      for (const line of [near, far]) {
        const recorder = stage.recorder(line);
        await stage.until(
          () => recorded.every((pattern) => recorder.records(pattern)),
          () => `all of ${recorded.filter((pattern) => !recorder.records(pattern))} is known to be recorded`,
        );
        const wrong = others.filter((pattern) => recorder.records(pattern));
        assert.deepEqual(wrong, [], "patterns that are not recorded as a whole, and said to be");
      }
      const wave = stage.wave(`${one}.orders.created`);
      const hand = await stage.hand(far, `${one}.orders.*`);
      await stage.record(wave, near);
      await stage.have([hand], [wave]);
    },
  },
  {
    name: "groups can be listed and dropped",
    async check(stage) {
      const channel = stage.at("orders");
      const workers = { group: "workers", name: "work" };
      const hand = await stage.hand(stage.near, channel, "start", { ...workers, settles: false, most: 3 });
      const waves = stage.waves(3, channel);
      const positions = await stage.recordAll(waves);
      await stage.have([hand], waves);
      const group = String(hand.presence.group);
      const full = await placeOf(stage, group, (place) => place?.pending === 3);
      assert.deepEqual(full, { group, name: "work", pattern: channel, position: undefined, pending: 3 });
      await hand.done(waves[0]?.id ?? "");
      await hand.done(waves[1]?.id ?? "");
      const place = await placeOf(stage, group, (candidate) => candidate?.pending === 1);
      assert.deepEqual(place, { group, name: "work", pattern: channel, position: positions[1], pending: 1 });
      await hand.close();
      await stage.within(stage.recorder(stage.near).drop(group, "work"), "a group is dropped");
      await placeOf(stage, group, (candidate) => candidate === undefined);
      const anew = await stage.hand(stage.near, channel, "start", workers);
      await stage.haveExactly([anew], waves, channel);
    },
  },
];
