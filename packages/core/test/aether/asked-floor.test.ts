import { expect, test } from "vitest";
import { Deadlines } from "../../src/aether/deadlines.ts";
import { Adaptive } from "../../src/aether/receiving/adaptive.ts";
import { timekeeper } from "../../src/clock.ts";
import { floorOptions } from "../../src/physics/floor-options.ts";
import { sampleWave } from "../sample-wave.ts";
import { ManualClock } from "./manual-clock.ts";

test("physics §3: the floor of a member is a quantile of what it is asked about, not of what it lets in", async () => {
  const clock = new ManualClock();
  const loaded = { size: 30, floorMoved: () => {}, bandMoved: () => {} };
  // No band is ever kept away: all that is not heard is shed by the floor.
  const options = floorOptions({ raiseHoldMs: 1e9 });
  const floor = new Adaptive({ options, deadlines: new Deadlines(timekeeper(clock)) }, clock, loaded);
  floor.queued(loaded.size);
  let asked = 0;
  let heard = 0;
  for (let tick = 0; tick < 150; tick++) {
    for (let i = 0; i < 100; i++) {
      const wave = sampleWave({ id: `w-${tick}-${i}`, trace: `w-${tick}-${i}`, amplitude: (i + 0.5) / 100 });
      asked += tick >= 50 ? 1 : 0;
      if (floor.hears(wave)) {
        heard += tick >= 50 && floor.admits(wave) ? 1 : 0;
      } else {
        // It was asked and is handed the wave all the same: that counts once.
        expect(floor.hears(wave)).toBe(false);
        expect(floor.admits(wave)).toBe(false);
      }
    }
    for (let i = 0; i < 20; i++) {
      floor.completed();
    }
    // Steady: once it sheds 0.4 the delay is the target.
    loaded.size = floor.shed < 0.4 ? 30 : 20;
    await clock.advance(20);
  }
  expect(floor.shed).toBeGreaterThan(0.25);
  expect(Math.abs(heard / asked - (1 - floor.shed))).toBeLessThan(0.1);
});
