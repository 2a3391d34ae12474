import type { AetherEvents, ResonanceOptions } from "@aether/core";
import { describe, expect, test } from "vitest";
import { connect, expectBalance } from "./connect.ts";
import { ManualClock, turns } from "./manual-clock.ts";
import { overloaded } from "./overloaded.ts";
import { rejection } from "./until.ts";

const adaptive: ResonanceOptions = { noiseFloor: "adaptive" };

/** Emits `count` waves, one each `everyMs`, and lets that time pass. */
async function each(clock: ManualClock, count: number, everyMs: number, emit: (i: number) => unknown): Promise<void> {
  for (let i = 0; i < count; i++) {
    clock.schedule(() => void emit(i), i * everyMs);
  }
  await clock.advance(count * everyMs);
}

/** Amplitudes from 0.02 to 1, evenly spread and well mixed. */
function mixed(i: number): number {
  return 0.02 + (0.98 * ((i * 37) % 100)) / 100;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** A receiver that takes 10 ms for a wave, one at a time, and somebody who emits one each millisecond. */
async function flooded(options: ResonanceOptions = adaptive, physics?: { readonly floor: false }) {
  const clock = new ManualClock();
  const aether = await connect({ clock, causality: "explicit", ...(physics && { physics }) });
  const resonance = await aether
    .vibrator("receiver")
    .resonateOn("work", () => new Promise<void>((resolve) => void clock.schedule(resolve, 10)), {
      concurrency: 1,
      ...options,
    });
  const emitter = aether.vibrator("emitter");
  const floors: AetherEvents["floor"][] = [];
  aether.on("floor", (event) => void floors.push(event));
  const flood = (ms: number, amplitudeOf = mixed): Promise<void> =>
    each(clock, ms, 1, (i) => emitter.emit("work", i, { amplitude: amplitudeOf(i) }));
  return { clock, aether, resonance, emitter, floors, flood };
}

describe("an adaptive noise floor", () => {
  test("physics §3: at twice the capacity critical waves are in time, and hardly any work is in vain", async () => {
    for (const seed of [1, 2]) {
      const { critical, normal, goodput, delays } = await overloaded({
        load: () => 2,
        seconds: 8,
        options: adaptive,
        seed,
      });
      expect(critical).toBeGreaterThanOrEqual(99.4);
      expect(normal).toBeGreaterThan(90);
      expect(goodput).toBeGreaterThanOrEqual(90);
      expect(mean(delays.slice(50))).toBeGreaterThan(12);
      expect(mean(delays.slice(50))).toBeLessThan(28);
    }
  });

  test("the control: by arrival, and with no floor, nearly everything is late", async () => {
    const options: ResonanceOptions = { order: "fifo", noiseFloor: 0 };
    const { critical, goodput } = await overloaded({ load: () => 2, seconds: 8, options });
    expect(critical).toBeLessThan(10);
    expect(goodput).toBeLessThan(12);
  });

  test("physics §3: after a step from half to three times the capacity it settles within a second", async () => {
    const load = (ms: number): number => (ms >= 2000 && ms < 5000 ? 3 : 0.5);
    const { critical, delays, resonance, clock } = await overloaded({ load, seconds: 7, options: adaptive });
    const during = delays.slice(100, 250);
    const settled = during.findIndex((_, at) => at > 2 && mean(during.slice(at, at + 10)) < 40);
    expect(settled * 20).toBeLessThan(1000);
    expect(mean(during.slice(50))).toBeLessThan(40);
    expect(mean(delays.slice(300))).toBeLessThan(10);
    expect(critical).toBeGreaterThan(98);
    await clock.advance(20_000);
    expect(resonance.stats()).toMatchObject({ floor: 0.01, shed: 0, delayMs: 0 });
  });

  test("below the capacity it sheds nothing that is loud, and next to nothing that is quiet", async () => {
    const { critical, normal, bulk } = await overloaded({ load: () => 0.7, seconds: 6, options: adaptive });
    expect(critical).toBeGreaterThan(99.9);
    expect(normal).toBeGreaterThan(99.5);
    expect(bulk).toBeGreaterThan(97);
  });

  test("physics §3: a slow receiver may have four waves waiting for each slot that comes free", async () => {
    const { resonance, flood } = await flooded();
    await flood(4000);
    // 10 ms each: the target in force is 40 ms, not 20.
    expect(resonance.stats().delayMs).toBeGreaterThan(20);
    expect(resonance.stats().delayMs).toBeLessThan(80);
    expect(resonance.stats().delivered).toBeGreaterThan(380);
  });

  test("shows itself in the stats of its resonance, and tells when it moves", async () => {
    const { clock, resonance, floors, flood } = await flooded();
    expect(resonance.stats()).toMatchObject({ floor: 0.01, shed: 0, delayMs: 0 });
    await flood(2000);
    const { floor, shed, delayMs } = resonance.stats();
    expect(floor).toBeGreaterThan(0.4);
    expect(shed).toBeGreaterThan(0.1);
    expect(shed).toBeLessThanOrEqual(0.99);
    expect(delayMs).toBeGreaterThan(0);
    expect(floors.length).toBeGreaterThan(0);
    expect(floors.at(-1)).toEqual({
      vibrator: "receiver",
      pattern: "work",
      floor,
      shed: expect.any(Number),
      delayMs: expect.any(Number),
    });
    await clock.advance(60_000);
    expect(resonance.stats()).toMatchObject({ floor: 0.01, shed: 0, delayMs: 0, queued: 0 });
    expect(floors.at(-1)).toMatchObject({ floor: 0.01 });
    for (const [i, event] of floors.entries()) {
      expect(event.floor).not.toBe(floors[i - 1]?.floor ?? 0.01);
    }
    expectBalance(resonance.stats());
  });

  test("has no timer when there is nothing to do, and none that keeps a process alive", async () => {
    const clock = new ManualClock();
    const held = new Set<object>();
    let ticking = 0;
    const aether = await connect({
      clock: {
        now: () => clock.now(),
        monotonic: () => clock.monotonic(),
        schedule(task, delayMs) {
          ticking++;
          const alarm = clock.schedule(() => {
            ticking--;
            held.delete(alarm);
            task();
          }, delayMs);
          held.add(alarm);
          return {
            cancel() {
              ticking--;
              held.delete(alarm);
              alarm.cancel();
            },
            hold: (alive) => void (alive ? held.add(alarm) : held.delete(alarm)),
          };
        },
      },
    });
    const resonance = await aether.vibrator("receiver").resonateOn("work", adaptive);
    expect(ticking).toBe(0);
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 100; i++) {
      await emitter.emit("work", i);
      await clock.advance(10);
    }
    expect(resonance.stats().shed).toBeGreaterThan(0);
    expect(ticking).toBe(1);
    expect(held.size).toBe(0);
    await resonance.batches().next();
    await clock.advance(60_000);
    expect(resonance.stats()).toMatchObject({ shed: 0, queued: 0 });
    expect(ticking).toBe(0);
  });

  test("ends with its resonance", async () => {
    const { clock, resonance, flood } = await flooded();
    await flood(1000);
    await Promise.all([resonance.close({ deadlineMs: 100 }), clock.advance(200)]);
    await clock.advance(60_000);
    expect(clock.pending).toBe(0);
    expectBalance(resonance.stats());
  });

  test("a receiver that hangs sheds, the quiet first", async () => {
    const { clock, aether, emitter } = await flooded();
    const stuck = await aether
      .vibrator("stuck")
      .resonateOn("stuck", () => new Promise(() => {}), { ...adaptive, concurrency: 2, handlerTimeoutMs: 600_000 });
    await each(clock, 3000, 1, (i) => emitter.emit("stuck", i, { amplitude: 0.3 + 0.6 * mixed(i) }));
    expect(stuck.stats().floor).toBeGreaterThan(0.5);
    expect(stuck.stats().queued).toBeLessThan(1500);
    expect(stuck.stats().delayMs).toBeLessThan(1e9);
  });

  test("whoever pulls too slowly sheds as well", async () => {
    const { clock, aether, emitter } = await flooded();
    const pulled = await aether.vibrator("pulling").resonateOn("pull", adaptive);
    void (async () => {
      for await (const _ of pulled) {
        await new Promise<void>((resolve) => void clock.schedule(resolve, 10));
      }
    })();
    await each(clock, 2000, 1, (i) => emitter.emit("pull", i, { amplitude: mixed(i) }));
    expect(pulled.stats().floor).toBeGreaterThan(0.4);
    expect(pulled.stats().delivered).toBeGreaterThan(180);
    expect(pulled.stats().delayMs).toBeLessThan(200);
    expectBalance(pulled.stats());
  });

  test("a command it is too quiet for rejects with the floor in force, and when to try again", async () => {
    const { resonance, emitter, flood } = await flooded();
    await flood(1500);
    const { floor, delayMs } = resonance.stats();
    for (const kind of ["command", "query"] as const) {
      const asked =
        kind === "query"
          ? emitter.query("work", 0, { amplitude: 0.02 })
          : emitter.emit("work", 0, { amplitude: 0.02, kind });
      expect(await rejection(asked)).toMatchObject({
        code: "AETHER_SHED",
        retryable: true,
        details: { floor, retryAfterMs: Math.ceil(2 * delayMs), by: "receiver" },
      });
    }
  });

  test("what had to give way in a full inbox comes back with the time to wait", async () => {
    const { clock, emitter, flood } = await flooded({ ...adaptive, inbox: { capacity: 20 } });
    const told: unknown[] = [];
    emitter.onReflection(({ code, payload }) => void told.push({ code, wait: payload.retryAfterMs }));
    void emitter.emit("work", 0, { amplitude: 0.3, kind: "command" }).catch(() => undefined);
    for (let i = 0; i < 40; i++) {
      void emitter.emit("work", i, { amplitude: 0.3, kind: "command" }).catch(() => undefined);
    }
    await clock.advance(25);
    await flood(10, () => 0.9);
    expect(told).toContainEqual({ code: "overload", wait: expect.any(Number) });
  });

  test("what a loaded member sheds goes to one of its group that has time", async () => {
    const { clock, aether, emitter } = await flooded();
    const add = (ms: number) =>
      aether
        .vibrator("pair")
        .resonateOn("pair", () => new Promise<void>((resolve) => void clock.schedule(resolve, ms)), {
          ...adaptive,
          concurrency: 1,
        });
    const [slow, quick] = [await add(20), await add(1)];
    await each(clock, 3000, 1.5, (i) => emitter.emit("pair", i, { amplitude: mixed(i) }));
    await clock.advance(500);
    const total = slow.stats().delivered + quick.stats().delivered;
    // 667 a second; one can do 50, the other 1000: alone by turns the first would have to shed 283 of each 333.
    expect(total).toBeGreaterThan(2800);
    expect(slow.stats().delivered).toBeGreaterThan(150);
    expectBalance(slow.stats());
    expectBalance(quick.stats());
  });

  test("physics §3: in a storm it wants no low bands; the medium keeps them away, and they are counted", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock, causality: "explicit" });
    const resonance = await aether
      .vibrator("receiver")
      .resonateOn("work", () => new Promise<void>((resolve) => void clock.schedule(resolve, 10)), {
        ...adaptive,
        concurrency: 1,
      });
    const emitter = aether.vibrator("emitter");
    const storm = (ms: number): Promise<void> =>
      each(clock, 2 * ms, 0.5, (i) => emitter.emit("work", i, { amplitude: mixed(i) / (1 + (i % 2)) }));
    await storm(4000);
    const { floor, received, absorbed, delivered } = resonance.stats();
    expect(floor).toBeGreaterThan(0.5);
    expect(received).toBe(8000);
    expect(absorbed.floor).toBeGreaterThan(7000);
    expect(delivered).toBeGreaterThan(380);
    expectBalance(resonance.stats());
    const refused = await rejection(emitter.emit("work", 0, { amplitude: 0.1, kind: "command" }));
    expect(refused).toMatchObject({ code: "AETHER_SHED", details: { floor: expect.any(Number) } });
    // Calm: one band after the other comes back.
    await clock.advance(60_000);
    expect(resonance.stats()).toMatchObject({ floor: 0.01, shed: 0 });
    expect((await emitter.emit("work", 0, { amplitude: 0.1 })).heard).toBe(1);
    await clock.advance(100_000);
    expect(clock.pending).toBe(0);
    expectBalance(resonance.stats());
  });

  test.each<[string, { readonly floor: false } | false]>([
    ["physics.floor: false", { floor: false }],
    ["physics: false", false],
  ])("with %s it is not even made", async (_, physics) => {
    const clock = new ManualClock();
    const aether = await connect({ clock, physics });
    const resonance = await aether.vibrator("receiver").resonateOn("work", adaptive);
    for (let i = 0; i < 200; i++) {
      await aether.vibrator("emitter").emit("work", i, { amplitude: 0.1 });
    }
    expect(clock.pending).toBe(0);
    await clock.advance(10_000);
    expect(resonance.stats()).toMatchObject({ queued: 200, floor: 0, shed: 0, delayMs: 0 });
  });

  test("a static floor shows itself, and neither sheds nor measures", async () => {
    const { clock, resonance, flood } = await flooded({ noiseFloor: 0.3 });
    await flood(500);
    expect(resonance.stats()).toMatchObject({ floor: 0.3, shed: 0, delayMs: 0 });
    expect(clock.pending).toBeLessThanOrEqual(2);
  });

  test("observers have none", async () => {
    const { clock, aether, flood } = await flooded();
    let seen = 0;
    await aether.observe("work", () => void seen++);
    await flood(1000);
    expect(seen).toBe(1000);
    await clock.advance(1);
  });

  test("keeps a static floor of its own: 0.01, or the one it is given", async () => {
    const { resonance, flood } = await flooded({ noiseFloor: { static: 0.2 } });
    expect(resonance.stats().floor).toBe(0.2);
    await flood(100, () => 0.15);
    expect(resonance.stats().absorbed.floor).toBe(100);
  });

  test("is a default of a vibrator, which a resonance may change", async () => {
    const aether = await connect();
    const beta = aether.vibrator("beta", { noiseFloor: { static: 0.2 } });
    const own = await beta.resonateOn("a", { noiseFloor: 0.4 });
    const inherited = await beta.resonateOn("b");
    const other = await beta.resonateOn("c", { concurrency: 3 });
    expect([own, inherited, other].map((resonance) => resonance.stats().floor)).toEqual([0.4, 0.2, 0.2]);
  });

  test("a longer target sheds less, and holds that", async () => {
    const { resonance, flood } = await flooded({ noiseFloor: { targetMs: 200 } });
    await flood(4000);
    expect(resonance.stats().delayMs).toBeGreaterThan(120);
    expect(resonance.stats().delayMs).toBeLessThan(300);
  });

  test.each<[string, unknown]>([
    ["a word", "loud"],
    ["a list", [0.5]],
    ["nothing", null],
    ["a static floor above 1", { static: 1.5 }],
    ["a target below 1 ms", { targetMs: 0.2 }],
    ["gains that swing", { alpha: 1 }],
    ["another name of the static floor", { staticFloor: 0.1 }],
    ["bands of its own", { bands: 4 }],
    ["something unknown", { target: 20 }],
  ])("refuses %s", async (_, noiseFloor) => {
    const aether = await connect();
    const options = { noiseFloor } as ResonanceOptions;
    expect(await rejection(aether.vibrator("beta").resonateOn("a", options))).toMatchObject({
      code: "AETHER_BAD_OPTION",
      message: expect.stringMatching(/^Expected `.+got /),
    });
    expect(() => aether.vibrator("gamma", options)).toThrow(expect.objectContaining({ code: "AETHER_BAD_OPTION" }));
    await turns();
  });
});
