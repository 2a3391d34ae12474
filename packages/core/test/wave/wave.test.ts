import { inspect } from "node:util";
import { describe, expect, expectTypeOf, test } from "vitest";
import { isMeantFor } from "../../src/medium/target.ts";
import { attenuate } from "../../src/physics/attenuation.ts";
import type { Exchange } from "../../src/wave/exchange.ts";
import { Wave, type WaveExtras } from "../../src/wave/wave.ts";
import { StillClock, sampleInit, sampleSurroundings, sampleWave } from "../sample-wave.ts";
import { fc } from "../seeded.ts";

const exchange: Exchange = {
  deadline: 5000,
  over: false,
  reached: () => {},
  refused: () => {},
  admitted: () => {},
  answered: () => {},
  silent: () => {},
  returned: () => {},
  reflected: () => {},
  onOver: () => () => {},
};

const extras: WaveExtras = {
  age: 30_000,
  phase: Math.PI,
  weight: 2,
  key: "order-1",
  headers: { tenant: "acme" },
  position: "1-7",
  version: 3,
  exchange,
  named: true,
  emittedAt: 1_699_999_999_000,
};

/** Every public name of a wave. */
const names = Object.getOwnPropertyNames(Wave.prototype).filter((name) => name !== "constructor");
const methods = names.filter(
  (name) => typeof Object.getOwnPropertyDescriptor(Wave.prototype, name)?.value === "function",
);

describe("a wave", () => {
  test("tells what it was made of", () => {
    const payload = { orderId: "1" };
    const wave = sampleWave({
      id: "w1",
      payload,
      amplitude: 0.8,
      cause: "w0",
      trace: "t0",
      hops: 3,
      bytes: 77,
      extras,
    });
    expect(wave).toMatchObject({
      id: "w1",
      channel: "orders.created",
      kind: "event",
      amplitude: 0.8,
      phase: Math.PI,
      weight: 2,
      source: "alpha",
      sourceId: "alpha-1",
      emittedAt: 1_699_999_999_000,
      halfLifeMs: 60_000,
      hops: 3,
      cause: "w0",
      trace: "t0",
      key: "order-1",
      headers: { tenant: "acme" },
      position: "1-7",
      version: 3,
      age: 30_000,
      arrivedAt: 1000,
      bytes: 77,
      band: 6,
      named: true,
    });
    expect(wave.payload).toBe(payload);
    expect(wave.exchange).toBe(exchange);
  });

  test("has defaults for what few waves have", () => {
    const wave = sampleWave();
    expect(wave).toMatchObject({ phase: 0, weight: 1, headers: {}, age: 0, named: false });
    expect([wave.key, wave.position, wave.version, wave.cause, wave.exchange]).toEqual(Array(5).fill(undefined));
    expect(wave.emittedAt).toBe(1_700_000_001_000);
    expect(Object.isFrozen(wave.headers)).toBe(true);
  });

  test("lets nobody write any of its properties", () => {
    expect(names.length - methods.length).toBeGreaterThan(20);
    for (const wave of [sampleWave(), sampleWave({ extras })]) {
      const before = JSON.stringify(wave);
      for (const name of names.filter((name) => !methods.includes(name))) {
        expect(() => assign(wave, name), `wave.${name} = …`).toThrow(TypeError);
      }
      expect(JSON.stringify(wave)).toBe(before);
    }
  });

  test("lets nobody replace what it can do: others hear the same wave", () => {
    expect(methods).toContain("amplitudeAt");
    for (const name of methods) {
      expect(() => assign(sampleWave(), name), `wave.${name} = …`).toThrow(TypeError);
    }
  });

  test("its properties cannot be written in TypeScript either", () => {
    const wave = sampleWave({ payload: 1 });
    expectTypeOf(wave).toEqualTypeOf<Wave<number>>();
    expect(() => {
      // @ts-expect-error a wave is read-only
      wave.amplitude = 1;
    }).toThrow(TypeError);
    expect(() => {
      // @ts-expect-error a wave is read-only
      wave.payload = 2;
    }).toThrow(TypeError);
    expect(() => {
      // @ts-expect-error headers are read-only
      wave.headers["tenant"] = "other";
    }).toThrow(TypeError);
  });

  test("is plain when nothing waits for it and it comes once", () => {
    expect(sampleWave().plain).toBe(true);
    expect(sampleWave({ extras: { key: "k", headers: { a: "b" }, phase: 1, version: 2 } }).plain).toBe(true);
    expect(sampleWave({ extras: { exchange } }).plain).toBe(false);
    expect(sampleWave({ extras: { named: true } }).plain).toBe(false);
    expect(sampleWave({ extras: { age: 5 } }).plain).toBe(false);
  });

  test("physics §1: its band is that of its amplitude at emission, for good", () => {
    const clock = new StillClock();
    const wave = sampleWave({ amplitude: 0.9, surroundings: sampleSurroundings({ clock }) });
    clock.time += 600_000;
    expect(wave.amplitudeAt()).toBeLessThan(0.001);
    expect(wave.band).toBe(7);
  });
});

function assign(target: object, name: string): void {
  (target as Record<string, unknown>)[name] = "changed";
}

describe("withPayload", () => {
  test("keeps everything but the payload", () => {
    const wave = sampleWave({ payload: 1, cause: "w0", hops: 4, extras });
    const other = wave.withPayload("two");
    expectTypeOf(other).toEqualTypeOf<Wave<string>>();
    expect(other).not.toBe(wave);
    expect([wave.payload, other.payload]).toEqual([1, "two"]);
    for (const name of names.filter((name) => name !== "payload")) {
      const [kept, was] = [Reflect.get(other, name), Reflect.get(wave, name)] as unknown[];
      expect(kept, name).toBe(was);
    }
  });
});

describe("what people see of a wave", () => {
  test("its JSON has its facts, and none of its machinery", () => {
    const wave = sampleWave({ id: "w1", trace: "t1", payload: { a: 1 }, cause: "w0", extras });
    expect(JSON.parse(JSON.stringify(wave))).toEqual({
      id: "w1",
      channel: "orders.created",
      kind: "event",
      payload: { a: 1 },
      amplitude: 0.5,
      phase: Math.PI,
      weight: 2,
      source: "alpha",
      sourceId: "alpha-1",
      emittedAt: 1_699_999_999_000,
      halfLifeMs: 60_000,
      hops: 1,
      cause: "w0",
      trace: "t1",
      key: "order-1",
      headers: { tenant: "acme" },
      position: "1-7",
      version: 3,
    });
  });

  test("inspecting it shows the same", () => {
    const text = inspect(sampleWave({ id: "w1", payload: { a: 1 }, extras: { key: "k" } }));
    for (const part of ["id: 'w1'", "channel: 'orders.created'", "payload: { a: 1 }", "amplitude: 0.5", "key: 'k'"]) {
      expect(text).toContain(part);
    }
    expect(text).not.toMatch(/surroundings|clock|exchange/);
  });
});

describe("amplitudeAt", () => {
  test("physics §2: is one crossing and the age, the part before arrival included", () => {
    const wave = sampleWave({ amplitude: 0.8, arrivedAt: 1000, extras: { age: 30_000 } });
    expect(wave.amplitudeAt(1000)).toBeCloseTo(0.8 * 0.95 * 2 ** -0.5, 12);
    expect(wave.amplitudeAt(31_000)).toBeCloseTo(0.8 * 0.95 * 0.5, 12);
    expect(wave.arrivalAmplitude).toBe(wave.amplitudeAt(1000));
  });

  test("physics §2: the hops before this crossing are not counted again", () => {
    expect(sampleWave({ hops: 12 }).amplitudeAt(1000)).toBe(sampleWave({ hops: 1 }).amplitudeAt(1000));
  });

  test("without an argument is that of this moment", () => {
    const clock = new StillClock();
    const wave = sampleWave({ surroundings: sampleSurroundings({ clock }) });
    expect(wave.amplitudeAt()).toBe(wave.amplitudeAt(1000));
    clock.time += 60_000;
    expect(wave.amplitudeAt()).toBeCloseTo(0.5 * 0.95 * 0.5, 12);
  });

  test("physics §2: agrees with attenuate", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1e7, noNaN: true }),
        fc.double({ min: 0, max: 1e7, noNaN: true }),
        fc.double({ min: 1, max: 1e9, noNaN: true }),
        (amplitude, age, waited, halfLifeMs) => {
          const wave = sampleWave({ amplitude, halfLifeMs, arrivedAt: 0, extras: { age } });
          const law = { halfLifeMs, perHop: 0.95 };
          expect(wave.amplitudeAt(waited)).toBeCloseTo(attenuate(amplitude, age + waited, 1, law), 12);
          expect(wave.arrivalAmplitude).toBeCloseTo(attenuate(amplitude, age, 1, law), 12);
        },
      ),
    );
  });
});

describe("hasFaded", () => {
  const times = fc.oneof(
    fc.double({ min: 0, max: 1e6, noNaN: true }),
    fc.constantFrom(0, 1, 59_999, 60_000, 60_001, 3_600_000, 3_600_001),
  );

  test("physics §2: is what a naive computation says", () => {
    const verdicts = { true: 0, false: 0 };
    fc.assert(
      fc.property(
        fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 0.05, noNaN: true })),
        times,
        times,
        fc.oneof(fc.double({ min: 1, max: 1e7, noNaN: true }), fc.constantFrom(60_000, Number.POSITIVE_INFINITY)),
        fc.constantFrom(0, 0.01, 0.3),
        fc.constantFrom(3_600_000, 500, Number.POSITIVE_INFINITY),
        fc.constantFrom(0.95, 1, 0.5),
        (amplitude, age, waited, halfLifeMs, minAmplitude, maxLifetimeMs, perHop) => {
          const surroundings = sampleSurroundings({ minAmplitude, maxLifetimeMs, perHop });
          const wave = sampleWave({ amplitude, halfLifeMs, arrivedAt: 1000, surroundings, extras: { age } });
          const left = amplitude * perHop * 0.5 ** ((age + waited) / halfLifeMs);
          // At the very edge two ways of rounding may differ.
          fc.pre(left === 0 || minAmplitude === 0 || Math.abs(left / minAmplitude - 1) > 1e-9);
          const naive = age + waited > maxLifetimeMs || left < minAmplitude;
          verdicts[`${naive}`]++;
          expect(wave.hasFaded(1000 + waited)).toBe(naive);
        },
      ),
      { numRuns: 5000 },
    );
    expect(verdicts.true).toBeGreaterThan(500);
    expect(verdicts.false).toBeGreaterThan(500);
  });

  test("physics §2: once faded, a wave stays faded", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), times, times, (amplitude, t, later) => {
        const wave = sampleWave({ amplitude });
        fc.pre(wave.hasFaded(1000 + t));
        expect(wave.hasFaded(1000 + t + later)).toBe(true);
      }),
    );
  });

  test("physics §2: no wave is older than the longest lifetime, even one that never fades", () => {
    const wave = sampleWave({ amplitude: 1, halfLifeMs: Number.POSITIVE_INFINITY });
    expect(wave.hasFaded(1000 + 3_600_000)).toBe(false);
    expect(wave.hasFaded(1000 + 3_600_001)).toBe(true);
    const aged = sampleWave({ amplitude: 1, halfLifeMs: Number.POSITIVE_INFINITY, extras: { age: 3_000_000 } });
    expect(aged.hasFaded(1000 + 600_000)).toBe(false);
    expect(aged.hasFaded(1000 + 600_001)).toBe(true);
  });

  test("physics §2: with every law off nothing fades", () => {
    const surroundings = sampleSurroundings({ perHop: 1, minAmplitude: 0, maxLifetimeMs: Number.POSITIVE_INFINITY });
    const wave = sampleWave({ amplitude: 0, halfLifeMs: Number.POSITIVE_INFINITY, surroundings });
    expect(wave.hasFaded(1e15)).toBe(false);
  });
});

test("toInit gives everything back that the wave was made of", () => {
  const init = sampleInit({ extras, payload: { a: 1 } });
  expect(Wave.of(init).toInit()).toEqual(init);
});

describe("a receiver that is named", () => {
  test.each([null, 5, "workers", {}, { group: false, name: "a" }, { group: "workers", name: "" }])(
    "is none when it is %j",
    (to) => {
      const wave = Wave.of(Object.assign(sampleInit(), { extras: { to } }));
      expect(wave.fault).toContain("`to`");
      expect(isMeantFor(wave.to, { vibrator: "b", instance: "b-1", pattern: "a", group: "b", name: "a" })).toBe(
        typeof to !== "object" || to === null,
      );
    },
  );

  test("may be a group's resonance, or one instance", () => {
    const presence = { vibrator: "b", instance: "b-1", pattern: "a", group: "b", name: "a" } as const;
    const alone = { ...presence, group: false } as const;
    expect(isMeantFor({ group: "b", name: "a" }, presence)).toBe(true);
    expect(isMeantFor({ group: "b", name: "a", instance: "b-2" }, presence)).toBe(false);
    expect(isMeantFor({ group: false, name: "a", instance: "b-1" }, alone)).toBe(true);
    expect(isMeantFor({ group: "b", name: "a" }, alone)).toBe(false);
    expect(sampleWave({ extras: { to: { group: "b", name: "a" } } }).fault).toBeUndefined();
  });
});
