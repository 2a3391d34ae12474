import { expect, test } from "vitest";
import { DAMAGE, damageOften, imageOf } from "./damage.ts";
import { loseEverywhere } from "./power-loss.ts";
import { seedOf } from "./seed.ts";

const seed = seedOf("damage");

test("1,000,000 damaged journals invent nothing", async () => {
  for (const [at, isClosed] of [true, false].entries()) {
    const { wrong } = await damageOften(await imageOf(24, 3, isClosed), DAMAGE, 500_000, seed + at);
    expect(wrong).toEqual([]);
  }
});

test("a loss of power at any change of the disk takes nothing that was acknowledged (50 scripts)", async () => {
  for (let at = 0; at < 50; at++) {
    const { wrong } = await loseEverywhere(seed + at, 200);
    expect({ seed: seed + at, wrong }).toEqual({ seed: seed + at, wrong: [] });
  }
});
