/** Waves that are handed over in runs, by media that do so. Others keep these guarantees by offering each wave. */

import assert from "node:assert/strict";
import { BANDS, type Wave } from "@aether/core";
import type { Ear, RunFault } from "../ear.ts";
import type { Guarantee, Stage } from "../stage.ts";

/** Waves of several kinds, amplitudes and half-lives. */
function mixture(stage: Stage, channel: string): readonly Wave[] {
  return Array.from({ length: 60 }, (_, i) =>
    stage.wave(channel, {
      amplitude: [0.5, 0.5, 0.5, 0.9, 0.12][i % 5] ?? 0.5,
      extras: i % 9 === 8 ? { named: true } : undefined,
      bytes: 100,
    }),
  );
}

/** Holds when `ears` have heard `waves`, and none of them was handed a run with `fault`. */
async function flawless(stage: Stage, ears: readonly Ear[], waves: readonly Wave[], fault: RunFault): Promise<void> {
  for (const ear of ears) {
    await stage.hears(ear, waves);
    assert.ok(!ear.faults.has(fault), `Expected no run that is ${fault}, got one at "${ear.presence.pattern}"`);
  }
}

export const runs: readonly Guarantee[] = [
  {
    name: "no handler runs inside the call stack of propagate",
    async check(stage) {
      const channel = stage.at("orders");
      const ears = [await stage.ear(stage.near, channel), await stage.ear(stage.near, stage.at("*"))];
      const [plain, mixed] = [stage.waves(20, channel), mixture(stage, channel)];
      await stage.burst(stage.far, plain);
      await stage.burst(stage.far, mixed);
      await flawless(stage, ears, [...plain, ...mixed], "inside propagate");
    },
  },
  {
    name: "a run holds only waves that its listener takes without a look",
    async check(stage) {
      const channel = stage.at("orders");
      const ears = [
        await stage.ear(stage.near, channel, { openBand: 4 }),
        await stage.ear(stage.near, stage.at("*"), { openBand: 0 }),
      ];
      const waves = mixture(stage, channel);
      await stage.burst(stage.far, waves);
      await flawless(stage, ears, waves, "unasked");
      for (const ear of ears) {
        ear.openBand = BANDS;
        ear.tuning.pressure();
      }
      const looked = mixture(stage, channel);
      await stage.burst(stage.far, looked);
      await flawless(stage, ears, looked, "unasked");
    },
  },
  {
    name: "a run is no longer than its listener takes at once",
    async check(stage) {
      const [channel, other] = [stage.at("orders"), stage.at("others")];
      const waves = [...stage.waves(30, channel, { bytes: 100 }), ...stage.waves(30, other, { bytes: 100 })];
      const mixed = waves.map((_, i) => waves[(i * 31) % waves.length] ?? stage.wave(channel));
      const ears = [
        await stage.ear(stage.near, stage.at("*"), { runWaves: 7 }),
        await stage.ear(stage.near, stage.at("*"), { runBytes: 450 }),
      ];
      await stage.burst(stage.far, mixed.slice(0, 40));
      await stage.burst(stage.far, mixed.slice(40));
      await flawless(stage, ears, waves, "too long");
    },
  },
  {
    name: "waves that may be handled at once are of one band",
    async check(stage) {
      const channel = stage.at("orders");
      const ears = [await stage.ear(stage.near, channel), await stage.ear(stage.near, stage.at("*"))];
      const waves = mixture(stage, channel);
      await stage.burst(stage.far, waves);
      await stage.burst(stage.far, stage.waves(10, channel));
      await flawless(stage, ears, waves, "several bands");
    },
  },
];
