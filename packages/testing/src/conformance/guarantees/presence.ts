/** What a link knows of who listens. */

import assert from "node:assert/strict";
import type { Presence } from "@aether/core";
import type { Guarantee, Line, Stage } from "../stage.ts";

function presenceOf(line: Line, instance: string): Presence | undefined {
  return [...line.link.present()].find((presence) => presence.instance === instance);
}

/** Both sides of a stage. */
const sides = ({ near, far }: Stage): readonly Line[] => [near, far];

export const presence: readonly Guarantee[] = [
  {
    name: "listeners are known by their presence",
    async check(stage) {
      const ears = [
        await stage.ear(stage.near, stage.at("orders.*"), { vibrator: "alone" }),
        await stage.ear(stage.near, stage.at("orders.*"), { vibrator: "beta", group: "workers", name: "work" }),
        await stage.ear(stage.far, stage.at(">"), { vibrator: "gamma", group: "workers", name: "more work" }),
      ];
      for (const line of sides(stage)) {
        for (const ear of ears) {
          const { instance, vibrator } = ear.presence;
          await stage.until(
            () => presenceOf(line, instance) !== undefined,
            () => `${vibrator} is present`,
          );
          assert.deepEqual({ ...presenceOf(line, instance) }, { ...ear.presence });
        }
      }
      for (const ear of ears) {
        await ear.tuning.close();
        for (const line of sides(stage)) {
          await stage.until(
            () => presenceOf(line, ear.presence.instance) === undefined,
            () => `${ear.presence.vibrator} is no longer present after it was closed`,
          );
        }
      }
    },
  },
  {
    name: "heard tells whether somebody resonates on a channel",
    async check(stage) {
      const [channel, other] = [stage.at("orders.created"), stage.at("orders")];
      for (const line of sides(stage)) {
        assert.equal(line.link.heard(channel), false, "whether a channel is heard before anybody resonates on it");
      }
      const ear = await stage.ear(stage.near, stage.at("orders.*"), { group: "workers" });
      for (const line of sides(stage)) {
        await stage.until(
          () => line.link.heard(channel),
          () => "it is known that a channel is heard",
        );
        assert.equal(line.link.heard(other), false, "whether a channel is heard that no pattern covers");
      }
      await ear.tuning.close();
      for (const line of sides(stage)) {
        await stage.until(
          () => !line.link.heard(channel),
          () => "it is known that a channel is heard no longer",
        );
      }
    },
  },
  {
    name: "interest tells of listeners that come and go",
    async check(stage) {
      const lines = sides(stage);
      const change = async (what: string, act: () => Promise<unknown>): Promise<void> => {
        const before = lines.map(({ interests }) => interests);
        await act();
        await stage.until(
          () => lines.every(({ interests }, i) => interests > (before[i] ?? 0)),
          () => `every link is told that a listener ${what}`,
        );
      };
      const third = await stage.line(stage.near.medium);
      const found: { close(): Promise<void> }[] = [];
      await change("came", async () => found.push((await stage.tune(stage.near, stage.at("orders"))).tuning));
      await change("went", async () => await found[0]?.close());
      await change("came", async () => await stage.tune(third, stage.at("orders")));
      await change("went with its link", async () => await third.close());
    },
  },
];
