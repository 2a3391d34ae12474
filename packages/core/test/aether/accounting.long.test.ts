import { describe, expect, test } from "vitest";
import { connect } from "./connect.ts";
import { seeded } from "./seed.ts";
import { World } from "./world.ts";

describe("conservation of waves, for long", () => {
  test.each([
    ["watched", true, "explicit"],
    ["watched", true, "implicit"],
    ["unwatched", false, "explicit"],
    ["unwatched", false, "implicit"],
  ] as const)("holds over five million random waves, %s (%s), with %s causality", async (_, isWatched, causality) => {
    const aether = await connect({ physics: { maxPropagation: 2 }, causality });
    const world = new World(aether, seeded(`long conservation, ${isWatched}, ${causality}`), isWatched);
    await world.build();
    const count = 5_000_000;
    await world.run(count);
    expect(aether.stats()).toMatchObject(world.sum());
    expect(aether.stats().emitted).toBeGreaterThanOrEqual(count);
    await aether.close();
    expect(aether.stats()).toMatchObject({ queued: 0, running: 0 });
  });
});
