import {
  type Aether,
  type AetherOptions,
  type Resonance,
  seededRandom,
  UnrecoverableError,
  type Wave,
} from "@aether/core";
import { describe, expect, test } from "vitest";
import { connect, expectBalance } from "./connect.ts";
import { ManualClock, turns } from "./manual-clock.ts";
import { rejection } from "./until.ts";

/** A service of two instances, of which the first may be ill. */
interface Pair {
  readonly aether: Aether;
  readonly clock: ManualClock;
  readonly first: Resonance;
  readonly second: Resonance;
  /** Instance ids. */
  readonly ids: readonly [string, string];
  readonly heard: { readonly first: Wave[]; readonly second: Wave[] };
  ill: boolean;
  emit(count: number, options?: object): Promise<void>;
}

async function pair(options: AetherOptions = {}): Promise<Pair> {
  const clock = new ManualClock();
  const aether = await connect({ clock, random: seededRandom(7), ...options });
  const heard: Pair["heard"] = { first: [], second: [] };
  const [one, other] = [aether.vibrator("beta"), aether.vibrator("beta")];
  const first = await one.resonateOn("a", (wave) => {
    heard.first.push(wave);
    if (made.ill) {
      throw new Error("ill");
    }
    return "first";
  });
  const second = await other.resonateOn("a", (wave) => {
    heard.second.push(wave);
    return "second";
  });
  const emitter = aether.vibrator("emitter");
  const made: Pair = {
    aether,
    clock,
    first,
    second,
    ids: [one.id, other.id],
    heard,
    ill: true,
    async emit(count, emitOptions) {
      for (let i = 0; i < count; i++) {
        await emitter.emit("a", i, emitOptions);
        await turns(1);
      }
    },
  };
  return made;
}

/** Lets the first member fail until it is passed over. */
async function fail(t: Pair): Promise<void> {
  await t.emit(40);
  expect(t.first.stats()).toMatchObject({ delivered: 20, failed: 20 });
}

describe("a member that always fails", () => {
  test("stops receiving after 20 failures, and its peer takes everything", async () => {
    const t = await pair();
    await fail(t);
    await t.emit(30);
    expect(t.first.stats()).toMatchObject({ received: 20, failed: 20, diffracted: 0 });
    expect(t.second.stats()).toMatchObject({ received: 50, delivered: 50, failed: 0, diffracted: 15 });
    expect(t.aether.stats().diffracted).toBe(15);
    expectBalance(t.aether.stats());
  });

  test("gets one probe after 5 s, and is back when it has healed", async () => {
    const t = await pair();
    await fail(t);
    await t.clock.advance(5000);
    await t.emit(10);
    expect(t.first.stats(), "the probe failed").toMatchObject({ received: 21, failed: 21 });
    t.ill = false;
    await t.clock.advance(5000);
    await t.emit(20);
    expect(t.first.stats()).toMatchObject({ received: 31, failed: 21 });
    expect(t.second.stats().delivered + t.first.stats().delivered).toBe(70);
  });

  test("keeps failing half of the work without diffraction", async () => {
    for (const physics of [false, { diffraction: false }] as const) {
      const t = await pair({ physics });
      await t.emit(100);
      await t.emit(100, { key: "k" });
      expect(t.first.stats()).toMatchObject({ received: 100, failed: 100, diffracted: 0 });
      expect(t.second.stats()).toMatchObject({ received: 100, diffracted: 0 });
    }
  });

  test("hears waves all the same when it is the only one, or the others fail as well", async () => {
    const t = await pair();
    await t.second.close();
    await t.emit(50);
    expect(t.first.stats()).toMatchObject({ received: 50, failed: 50 });
    const third = await t.aether.vibrator("beta").resonateOn("a", () => {
      throw new Error("ill as well");
    });
    await t.emit(60);
    expect(t.first.stats().failed + third.stats().failed).toBe(110);
    expect(t.aether.stats()).toMatchObject({ received: 110, queued: 0 });
  });

  test("fails with retries as well, and with errors that allow none", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock, random: seededRandom(3) });
    const options = { maxAttempts: 3, backoffMs: { base: 1, max: 1 } };
    const ill = await aether.vibrator("beta").resonateOn("a", throwing, options);
    const well = await aether.vibrator("beta").resonateOn("a", () => {});
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 200; i++) {
      await emitter.emit("a", i);
      await clock.advance(2);
    }
    expect(ill.stats().received).toBeLessThan(25);
    expect(well.stats().received).toBeGreaterThan(175);

    function throwing(wave: Wave): never {
      throw (wave.payload as number) % 2 === 0 ? new Error("again") : new UnrecoverableError("for good");
    }
  });
});

describe("a wave that goes around a member", () => {
  test("is the same wave, at half of its amplitude, and those who look on are told", async () => {
    const t = await pair();
    await fail(t);
    const told: unknown[] = [];
    t.aether.on("diffracted", ({ id, wave, vibrator, pattern, around, bends }) =>
      told.push([id, wave.amplitude, vibrator, pattern, around, bends]),
    );
    t.heard.second.length = 0;
    await t.emit(2, { amplitude: 0.8, key: "k", headers: { a: "b" } });
    await t.emit(2, { amplitude: 0.8, headers: { a: "b" } });
    const [straight, around] = [0.8, 0.4].map((a) => t.heard.second.filter(({ amplitude }) => amplitude === a));
    expect(t.heard.second).toHaveLength(4);
    expect(straight?.every((wave) => wave.around.length === 0)).toBe(true);
    expect(around?.every((wave) => wave.around[0] === t.ids[0] && wave.around.length === 1)).toBe(true);
    expect(around?.map(({ headers, trace, id }) => [headers, trace === id])).toEqual(
      around?.map(() => [{ a: "b" }, true]),
    );
    expect(told).toEqual(around?.map(({ id }) => [id, 0.4, "beta", "a", [t.ids[0]], 1]));
  });

  test("answers its query, and its command is taken", async () => {
    const t = await pair();
    await fail(t);
    const alpha = t.aether.vibrator("alpha");
    const answers: unknown[] = [];
    for (let i = 0; i < 6; i++) {
      answers.push((await alpha.query("a", i)).payload);
      expect((await alpha.emit("a", i, { kind: "command" })).heard).toBe(1);
    }
    expect(answers).toEqual(new Array(6).fill("second"));
  });

  test("stays where it is when it is too quiet to go around: nothing is lost for that", async () => {
    const t = await pair();
    await fail(t);
    await t.emit(10, { amplitude: 0.019 });
    expect(t.first.stats().received + t.second.stats().received).toBe(50);
    expect(t.first.stats().received).toBeGreaterThan(20);
  });
});

describe("waves with a key", () => {
  test("go to one member each, and move only while that one is in trouble", async () => {
    const t = await pair();
    t.ill = false;
    const owner = async (): Promise<string> => {
      const owners: number[] = [];
      t.heard.first.length = 0;
      for (let k = 0; k < 40; k++) {
        await t.emit(2, { key: `key-${k}` });
        owners.push(t.heard.first.splice(0).length);
      }
      return owners.join("");
    };
    const before = await owner();
    expect(before).toMatch(/^[02]+$/);
    expect(before).toMatch(/2.*0|0.*2/);
    t.ill = true;
    await t.emit(60);
    expect(await owner()).toBe("0".repeat(40));
    t.ill = false;
    await t.clock.advance(5000);
    await t.emit(2);
    expect(await owner()).toBe(before);
  });
});

describe("a command that a member refuses", () => {
  /** Members of one group that refuse, by their floors or because they are full, and what each is offered. */
  async function refusing(floors: readonly number[], options: AetherOptions = {}) {
    const aether = await connect(options);
    const offered: number[] = [];
    aether.on("absorbed", ({ wave }) => offered.push(wave?.amplitude ?? -1));
    const members = await Promise.all(
      floors.map((noiseFloor) => aether.vibrator("beta").resonateOn("a", () => 1, { noiseFloor })),
    );
    return { aether, offered, members, alpha: aether.vibrator("alpha") };
  }

  test.each([
    [1, 6],
    [0.5, 5],
    [0.1, 3],
    [0.05, 2],
    [0.015, 1],
  ])("is offered to others, weaker each time: at amplitude %f %i times", async (amplitude, tries) => {
    const t = await refusing(new Array<number>(10).fill(1));
    const reflections: unknown[] = [];
    t.alpha.onReflection((reflection) => void reflections.push(reflection));
    const error = await rejection(t.alpha.emit("a", {}, { kind: "command", amplitude }));
    expect(error).toMatchObject({ code: "AETHER_SHED" });
    expect(t.offered).toEqual(Array.from({ length: tries }, (_, n) => amplitude / 2 ** n));
    expect(t.members.map((member) => member.stats().received).filter((count) => count > 1)).toEqual([]);
    await turns();
    expect(reflections).toEqual([]);
  });

  test("is taken by the next that wants it, and its refusals are forgotten", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const full = await aether.vibrator("beta").resonateOn("a", { inbox: { capacity: 1 } });
    const roomy = await aether.vibrator("beta").resonateOn("a", () => undefined, { inbox: { capacity: 1 } });
    roomy.pause();
    const emitter = aether.vibrator("emitter");
    await emitter.emit("a", 1, { amplitude: 0.9 });
    await emitter.emit("a", 2, { amplitude: 0.1 });
    expect([full.stats().queued, roomy.stats().queued]).toEqual([1, 1]);
    const silent = rejection(aether.vibrator("alpha").query("a", 3));
    await turns();
    roomy.resume();
    expect(await silent).toMatchObject({ code: "AETHER_NO_ANSWER" });
    expect(full.stats()).toMatchObject({ queued: 1, absorbed: { evicted: 1 } });
    expect(roomy.stats()).toMatchObject({ absorbed: { evicted: 1 }, diffracted: 1 });
  });

  test("is refused at once without diffraction", async () => {
    const t = await refusing([1, 1, 1], { physics: { diffraction: false } });
    await rejection(t.alpha.emit("a", {}, { kind: "command" }));
    expect(t.offered).toEqual([0.5]);
  });

  test("tells that nobody resonates when nobody does", async () => {
    const aether = await connect();
    const error = await rejection(aether.vibrator("alpha").query("a"));
    expect(error).toMatchObject({ code: "AETHER_NO_RESONATOR" });
  });
});
