/** How waves go around members of a group that are in trouble. */

import assert from "node:assert/strict";
import type { Wave } from "@aether/core";
import type { Ear, EarOptions } from "../ear.ts";
import type { Guarantee, Stage, Tuned } from "../stage.ts";
import { TestExchange } from "../test-exchange.ts";

/** A group with one member for each of `options`, all on the near link. */
async function members(stage: Stage, channel: string, options: readonly EarOptions[]): Promise<readonly Tuned[]> {
  const group = { vibrator: "workers", group: "workers", name: "work" };
  return await Promise.all(options.map((own) => stage.ear(stage.near, channel, { ...group, ...own })));
}

/** Holds when each of `waves` has reached one of `ears`. */
async function heardByOneEach(stage: Stage, ears: readonly Ear[], waves: readonly Wave[]): Promise<void> {
  const all = waves.map(({ id }) => id).sort();
  const heard = (): readonly string[] => [...new Set(ears.flatMap(({ ids }) => ids))].sort();
  await stage.until(
    () => heard().length >= all.length,
    () => `a group hears ${all.length} waves, and it has heard ${heard().length}`,
  );
  await stage.curtain();
  assert.deepEqual(heard(), all, "the waves that reached a member of the group");
}

function commands(stage: Stage, count: number, channel: string): readonly Wave[] {
  return Array.from({ length: count }, () =>
    stage.wave(channel, { kind: "command", extras: { exchange: new TestExchange() } }),
  );
}

/** How often `ear` was handed the wave that it was handed most often. */
function mostOften({ ids }: Ear): number {
  return Math.max(0, ...ids.map((id) => ids.filter((other) => other === id).length));
}

export const detours: readonly Guarantee[] = [
  {
    name: "a member in trouble is passed over while another is not",
    async check(stage) {
      const { near, traits } = stage;
      const channel = stage.at("orders");
      const ears = await members(stage, channel, [{}, {}, {}]);
      const [ill] = ears;
      assert.ok(ill);
      ill.opaque = true;
      const waves = [...stage.waves(20, channel), ...stage.waves(20, channel, { extras: { key: "a key" } })];
      await stage.sendAll(near, waves);
      await heardByOneEach(stage, ears, waves);
      // Nobody knows how those of another process fare; the wave then reaches one member, whichever it is.
      if (!traits.crossProcess) {
        assert.equal(ill.waves.length, 0, "waves that went to the member in trouble");
      }
    },
  },
  {
    name: "a wave that goes around a member is quieter by half",
    async check(stage) {
      const { near, traits } = stage;
      const channel = stage.at("orders");
      const [ill, well] = await members(stage, channel, [{}, {}]);
      assert.ok(ill && well);
      ill.opaque = true;
      const waves = stage.waves(20, channel, { amplitude: 0.8 });
      await stage.sendAll(near, waves);
      await heardByOneEach(stage, [ill, well], waves);
      for (const { amplitude, around } of well.waves) {
        assert.equal(amplitude, 0.8 * 0.5 ** around.length, `the amplitude of a wave that went around ${around}`);
      }
      const instances = new Set(well.waves.flatMap(({ around }) => around));
      if (!traits.crossProcess) {
        assert.deepEqual([...instances], [ill.presence.instance], "the members that waves went around");
      }
    },
  },
  {
    name: "a group in which every member is in trouble hears every wave all the same",
    async check(stage) {
      const channel = stage.at("orders");
      const ears = await members(stage, channel, [{}, {}]);
      for (const ear of ears) {
        ear.opaque = true;
      }
      const waves = [...stage.waves(10, channel), ...commands(stage, 10, channel)];
      await stage.sendAll(stage.near, waves);
      await heardByOneEach(stage, ears, waves);
    },
  },
  {
    name: "a command that a member refuses is offered to the next, and to none twice",
    async check(stage) {
      const { near, traits } = stage;
      const channel = stage.at("orders");
      const refusing = { uptake: "refused" } as const;
      const [one, other, taking] = await members(stage, channel, [refusing, refusing, {}]);
      assert.ok(one && other && taking);
      const waves = commands(stage, 12, channel);
      for (const wave of waves) {
        const told = await stage.send(near, wave);
        assert.ok(told === undefined || told === 1, `Expected a command to reach 1 group, got ${told}`);
      }
      if (!traits.crossProcess) {
        await stage.hears(taking, waves);
      }
      await stage.curtain();
      for (const ear of [one, other, taking]) {
        assert.ok(traits.duplicates || mostOften(ear) <= 1, "Expected each member to be asked once");
      }
    },
  },
  {
    name: "a query that is sent again goes to nobody who had it",
    async check(stage) {
      const { near, traits } = stage;
      const channel = stage.at("orders");
      const ears = await members(stage, channel, [{}, {}]);
      const alone = await stage.ear(near, channel);
      const query = stage.wave(channel, { kind: "query", extras: { exchange: new TestExchange() } });
      await stage.send(near, query);
      await heardByOneEach(stage, ears, [query]);
      const had = [...ears, alone].filter((ear) => ear.has(query)).map(({ presence }) => presence.instance);
      await stage.send(near, query.sentAgain(had));
      await stage.curtain();
      // Over a network it is the first one's word against the second's; a copy that comes twice is no harm.
      if (!traits.crossProcess && !traits.duplicates) {
        assert.deepEqual(ears.map(mostOften), [1, 1], "how often each member had it");
        assert.equal(mostOften(alone), 1, "how often it reached the listener without a group");
      }
    },
  },
];
