/** A floor that was raised from outside: what is quieter is not heard, until it is taken back. */

import { describe, expect, test } from "vitest";
import { Aether, inProcess } from "../../src/index.ts";

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe("a raised floor", () => {
  test("of a vibrator holds for its resonances, those to come included, until it is taken back", async () => {
    await using aether = await Aether.connect();
    const heard: string[] = [];
    const beta = aether.vibrator("beta");
    const first = await beta.resonateOn("a.first", (wave) => void heard.push(`first ${wave.amplitude}`));
    beta.raiseFloor(0.6);
    const second = await beta.resonateOn("a.second", (wave) => void heard.push(`second ${wave.amplitude}`));
    const alpha = aether.vibrator("alpha");
    for (const amplitude of [0.5, 0.9]) {
      await alpha.emit("a.first", {}, { amplitude });
      await alpha.emit("a.second", {}, { amplitude });
    }
    await turn();
    expect(heard).toEqual(["first 0.9", "second 0.9"]);
    expect([first.stats().floor, second.stats().floor]).toEqual([0.6, 0.6]);
    expect(first.stats().absorbed.floor).toBe(1);

    beta.raiseFloor(0);
    await alpha.emit("a.first", {}, { amplitude: 0.5 });
    await turn();
    expect(heard).toHaveLength(3);
    expect(first.stats().floor).toBe(0.01);
  });

  test("the higher one of a vibrator's and a resonance's own holds", async () => {
    await using aether = await Aether.connect();
    const beta = aether.vibrator("beta");
    const resonance = await beta.resonateOn("a.b", () => undefined);
    const floors: number[] = [];
    aether.on("floor", ({ floor }) => floors.push(floor));
    resonance.raiseFloor(0.8);
    beta.raiseFloor(0.3);
    resonance.raiseFloor(0);
    beta.raiseFloor(0);
    expect(floors).toEqual([0.8, 0.3, 0.01]);
  });

  test("another member of the group takes what one does not listen to any more", async () => {
    const medium = inProcess();
    await using one = await Aether.connect({ medium });
    await using two = await Aether.connect({ medium });
    const heard = { one: 0, two: 0 };
    const first = one.vibrator("beta");
    await first.resonateOn("a.b", () => void heard.one++);
    await two.vibrator("beta").resonateOn("a.b", () => void heard.two++);
    first.raiseFloor(0.875);
    const alpha = two.vibrator("alpha");
    for (let i = 0; i < 20; i++) {
      await alpha.emit("a.b", {}, { amplitude: 0.5 });
    }
    await turn();
    expect(heard).toEqual({ one: 0, two: 20 });
  });

  test("what is no amplitude is refused", async () => {
    await using aether = await Aether.connect();
    expect(() => aether.vibrator("beta").raiseFloor(2)).toThrow(/from 0 to 1/);
  });
});
