import { describe, expect, test } from "vitest";
import { loseEverywhere } from "./power-loss.ts";
import { seedOf } from "./seed.ts";

const seed = seedOf("power loss");
const STEPS = 200;
const SEEDS = 5;

describe("a loss of power", () => {
  test("at any change of the disk takes nothing that was acknowledged, and leaves nothing else", async () => {
    for (let at = 0; at < SEEDS; at++) {
      const { crashes, cuts, wrong } = await loseEverywhere(seed + at, STEPS, { writesThrough: at % 2 === 1 });
      expect({ seed: seed + at, wrong }).toEqual({ seed: seed + at, wrong: [] });
      expect(crashes).toBeGreaterThan(STEPS);
      expect(cuts).toBeGreaterThan(0);
    }
  }, 180_000);

  test.each([false, true])(
    "takes acknowledged waves when files are not synced (written through: %s)",
    async (writesThrough) => {
      const faults = { forgetSync: true, writesThrough };
      expect((await loseEverywhere(seed, STEPS, faults)).wrong.length).toBeGreaterThan(0);
    },
    90_000,
  );

  test("takes acknowledged waves when the directory is not synced", async () => {
    expect((await loseEverywhere(seed, STEPS, { forgetDirectories: true })).wrong.length).toBeGreaterThan(0);
  }, 90_000);

  test("takes acknowledged waves in mode none, as it says", async () => {
    expect((await loseEverywhere(seed, STEPS, {}, "none")).wrong.length).toBeGreaterThan(0);
  }, 90_000);
});
