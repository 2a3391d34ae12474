/** Who hears a wave when listeners share their work. */

import assert from "node:assert/strict";
import type { Wave } from "@aether/core";
import type { Ear } from "../ear.ts";
import type { Guarantee, Line, Stage, Tuned } from "../stage.ts";
import { turns } from "../wait.ts";

/** A group with a member at each of `lines`. */
async function members(
  stage: Stage,
  lines: readonly Line[],
  patterns: readonly string[],
  group: string,
  name = "work",
): Promise<readonly Tuned[]> {
  return await Promise.all(
    lines.map((line, i) => stage.ear(line, patterns[i % patterns.length] ?? "", { vibrator: group, group, name })),
  );
}

/** Holds when each of `waves` has reached one of `ears`, and no second one. */
async function heardByOneEach(stage: Stage, ears: readonly Ear[], waves: readonly Wave[]): Promise<void> {
  const heard = (): readonly string[] => ears.flatMap(({ ids }) => ids);
  const all = waves.map(({ id }) => id).sort();
  await stage.until(
    () => new Set(heard()).size >= all.length,
    () => `a group hears ${all.length} waves, and it has heard ${new Set(heard()).size}`,
  );
  await stage.curtain();
  const found = stage.traits.duplicates ? [...new Set(heard())] : [...heard()];
  assert.deepEqual(found.sort(), all, "the waves that reached a member of the group");
}

export const groups: readonly Guarantee[] = [
  {
    name: "a wave reaches one member of each group",
    async check(stage) {
      const { near, far } = stage;
      const channel = stage.at("orders.created");
      const first = await members(stage, [near, far, near], [channel], "first");
      const second = await members(stage, [far, near], [channel], "second");
      const third = await members(stage, [near], [channel], "third");
      const overlapping = await members(stage, [near, far], [stage.at("orders.*"), stage.at(">")], "overlapping");
      const waves = stage.waves(40, channel);
      await stage.sendAll(far, waves.slice(0, 20));
      await stage.burst(near, waves.slice(20));
      for (const group of [first, second, third]) {
        await heardByOneEach(stage, group, waves);
      }
      const orders = overlapping.flatMap((ear) => ear.waves.filter((wave) => wave.channel === channel));
      assert.equal(new Set(orders.map(({ id }) => id)).size, waves.length, "waves that overlapping members have heard");
      assert.ok(stage.traits.duplicates || orders.length === waves.length, "Expected overlapping members to share");
    },
  },
  {
    name: "a group's members share the work",
    async check(stage) {
      const channel = stage.at("orders");
      const ears = await members(stage, [stage.near, stage.far], [channel], "workers");
      const waves = stage.waves(64, channel);
      for (const wave of waves) {
        await stage.send(stage.far, wave);
        // What is emitted in one tick may travel together, and then goes to one member.
        await turns(1);
      }
      await heardByOneEach(stage, ears, waves);
      for (const ear of ears) {
        assert.ok(ear.waves.length > 0, "Expected each member to hear some of 64 waves, got one that heard none");
      }
    },
  },
  {
    name: "a listener without a group hears every wave",
    async check(stage) {
      const { near, far } = stage;
      const channel = stage.at("orders");
      const same = { vibrator: "twin", name: "work" };
      const ears = [await stage.ear(near, channel, same), await stage.ear(near, channel, same)];
      ears.push(await stage.ear(far, channel, same));
      await members(stage, [near, far], [channel], "workers");
      const waves = stage.waves(20, channel);
      await stage.sendAll(far, waves.slice(0, 10));
      await stage.burst(far, waves.slice(10));
      for (const ear of ears) {
        await stage.hearsExactly(ear, waves);
      }
    },
  },
  {
    name: "listeners of one group under different names share nothing",
    async check(stage) {
      const channel = stage.at("orders");
      const group = { vibrator: "workers", group: "workers" };
      const bill = await stage.ear(stage.near, channel, { ...group, name: "bill" });
      const ship = await stage.ear(stage.near, channel, { ...group, name: "ship" });
      const waves = stage.waves(20, channel);
      await stage.sendAll(stage.far, waves);
      await stage.hearsExactly(bill, waves);
      await stage.hearsExactly(ship, waves);
    },
  },
  {
    name: "a broadcast reaches every member of every group",
    async check(stage) {
      const { near, far } = stage;
      const channel = stage.at("orders");
      const first = await members(stage, [near, far, near], [channel], "first");
      const second = await members(stage, [far], [channel], "second");
      const alone = await stage.ear(near, channel);
      const waves = stage.waves(10, channel, { kind: "broadcast" });
      await stage.sendAll(far, waves);
      for (const ear of [...first, ...second, alone]) {
        await stage.hearsExactly(ear, waves);
      }
    },
  },
  {
    name: "a member that has room is preferred to one that is full",
    async check(stage) {
      const { near, traits } = stage;
      const channel = stage.at("orders");
      const [full, free] = await members(stage, [near, near], [channel], "workers");
      assert.ok(full && free);
      full.full = true;
      const waves = stage.waves(20, channel);
      await stage.sendAll(near, waves);
      await heardByOneEach(stage, [full, free], waves);
      // Nobody knows the inboxes of another process; the wave then reaches one member, whichever it is.
      if (!traits.crossProcess) {
        assert.equal(full.waves.length, 0, "waves that went to the full member");
      }
      free.full = true;
      const more = stage.waves(4, channel);
      await stage.sendAll(near, more);
      await heardByOneEach(stage, [full, free], [...waves, ...more]);
    },
  },
  {
    name: "a member that hears a wave is preferred to one that does not",
    async check(stage) {
      const { near, traits } = stage;
      const channel = stage.at("orders");
      const [deaf, keen] = await members(stage, [near, near], [channel], "workers");
      assert.ok(deaf && keen);
      deaf.deaf = true;
      const waves = stage.waves(20, channel);
      await stage.sendAll(near, waves);
      await heardByOneEach(stage, [deaf, keen], waves);
      // Nobody knows the floors of another process; the wave then reaches one member, whichever it is.
      if (!traits.crossProcess) {
        assert.equal(deaf.waves.length, 0, "waves that went to the deaf member");
      }
    },
  },
  {
    name: "a wave that names its receiver reaches nobody else",
    async check(stage) {
      const { near, far } = stage;
      const channel = stage.at("orders");
      const [first, second] = await members(stage, [near, far], [channel], "workers", "bill");
      const ship = await members(stage, [near, far], [channel], "workers", "ship");
      const others = await members(stage, [far], [channel], "others", "bill");
      const twin = await stage.ear(near, channel, { vibrator: "twin", name: "bill" });
      const sibling = await stage.ear(near, channel, { vibrator: "twin", name: "bill" });
      assert.ok(first && second);
      const to = { group: "workers", name: "bill" };
      const toOne = { ...to, instance: second.presence.instance };
      const toTwin = { group: false, name: "bill", instance: twin.presence.instance } as const;
      const forGroup = stage.waves(10, channel, { extras: { to } });
      const forOne = stage.waves(10, channel, { extras: { to: toOne } });
      const forMembers = stage.waves(3, channel, { kind: "broadcast", extras: { to } });
      const forTwin = stage.waves(10, channel, { extras: { to: toTwin } });
      await stage.sendAll(far, forGroup);
      await heardByOneEach(stage, [first, second], forGroup);
      const before = [...second.waves];
      await stage.sendAll(far, [...forOne, ...forMembers, ...forTwin]);
      await stage.hears(first, forMembers);
      await stage.hearsExactly(second, [...before, ...forOne, ...forMembers]);
      await stage.hearsExactly(twin, forTwin);
      assert.ok(!forOne.some(({ id }) => first.ids.includes(id)), "Expected the other member to hear none for the one");
      for (const ear of [...ship, ...others, sibling]) {
        stage.heardExactly(ear, []);
      }
    },
  },
  {
    name: "what a member that left would have heard goes to the rest of its group",
    async check(stage) {
      const { near, far } = stage;
      const channel = stage.at("orders");
      const [leaving, staying] = await members(stage, [near, far], [channel], "workers");
      assert.ok(leaving && staying);
      const early = stage.waves(6, channel);
      await stage.sendAll(far, early);
      await heardByOneEach(stage, [leaving, staying], early);
      await stage.within(leaving.tuning.close(), "a listener closes");
      const late = stage.waves(20, channel);
      await stage.sendAll(far, late);
      await stage.hears(staying, late);
    },
  },
];
