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

describe("another noise floor", () => {
  async function heardBy(aether: Aether, channel: string, amplitude: number): Promise<void> {
    await aether.vibrator("alpha").emit(channel, {}, { amplitude });
    await turn();
  }

  test("holds for resonances that have none of their own, those to come included: higher and lower", async () => {
    await using aether = await Aether.connect();
    const heard: string[] = [];
    const beta = aether.vibrator("beta", { noiseFloor: 0.3 });
    await beta.resonateOn("a.plain", () => void heard.push("plain"));
    await beta.resonateOn("a.own", () => void heard.push("own"), { noiseFloor: 0.1 });
    beta.setNoiseFloor(0.6);
    await beta.resonateOn("a.late", () => void heard.push("late"));
    await beta.resonateOn("a.later", () => void heard.push("later"), { concurrency: 1 });
    for (const [floor, amplitude, expected] of [
      [0.6, 0.5, ["own"]],
      [0.2, 0.5, ["plain", "own", "late", "later"]],
      [0.2, 0.15, ["own"]],
    ] as const) {
      beta.setNoiseFloor(floor);
      heard.length = 0;
      for (const name of ["plain", "own", "late", "later"]) {
        await heardBy(aether, `a.${name}`, amplitude);
      }
      expect(heard).toEqual(expected);
    }
  });

  test("stays below what it is raised to, and is there when that is taken back", async () => {
    await using aether = await Aether.connect();
    const beta = aether.vibrator("beta");
    const resonance = await beta.resonateOn("a", () => {});
    const floors: number[] = [];
    aether.on("floor", ({ floor }) => floors.push(floor));
    beta.raiseFloor(0.5);
    beta.setNoiseFloor(0.2);
    beta.raiseFloor(0);
    expect(floors).toEqual([0.5, 0.5, 0.2]);
    expect(resonance.stats().floor).toBe(0.2);
  });

  test("that is set while the medium is asked holds all the same", async () => {
    await using aether = await Aether.connect();
    const beta = aether.vibrator("beta");
    const opening = beta.resonateOn("a", () => {});
    beta.setNoiseFloor(0.7);
    expect((await opening).stats().floor).toBe(0.7);
  });

  test("may follow the load, and a number again; nothing that waits is lost", async () => {
    await using aether = await Aether.connect();
    let handled = 0;
    let slow = true;
    const beta = aether.vibrator("beta");
    const resonance = await beta.resonateOn(
      "a",
      () => {
        handled++;
        return slow ? new Promise((resolve) => setTimeout(resolve, 2)) : undefined;
      },
      { concurrency: 1 },
    );
    const alpha = aether.vibrator("alpha");
    const flood = async (waves: number): Promise<void> => {
      for (let i = 0; i < waves; i++) {
        await alpha.emit("a", {}, { amplitude: (i % 10) / 10 + 0.05 });
      }
    };
    await flood(500);
    expect(resonance.stats().shed).toBe(0);
    beta.setNoiseFloor("adaptive");
    await expect.poll(() => resonance.stats().shed, { interval: 20 }).toBeGreaterThan(0);
    beta.setNoiseFloor(0.01);
    expect(resonance.stats()).toMatchObject({ shed: 0, floor: 0.01 });
    slow = false;
    await expect.poll(() => resonance.stats().queued).toBe(0);
    const { received, delivered, absorbed } = resonance.stats();
    expect(delivered).toBe(handled);
    expect(received).toBe(delivered + absorbed.floor);
  });

  test.each([-1, 2, "loud"])("that is none is refused: %s", async (floor) => {
    await using aether = await Aether.connect();
    expect(() => aether.vibrator("beta").setNoiseFloor(floor as number)).toThrow(/noiseFloor/);
  });
});
