import { describe, expect, test } from "vitest";
import { attenuate, amplitudeAt as standsAt } from "../../src/physics/attenuation.ts";
import {
  checkHeader,
  headerOf,
  type Malformed,
  reamplify,
  rebase,
  type WaveHeader,
  waveOf,
} from "../../src/wave/header.ts";
import { Wave } from "../../src/wave/wave.ts";
import { sampleInit, sampleSurroundings, sampleWave } from "../sample-wave.ts";
import { fc } from "../seeded.ts";
import { forgeries, goodHeader } from "./forgeries.ts";

const moment = { at: 1000, surroundings: sampleSurroundings() };

/** Any wave that an emit could have made. */
const waves = fc
  .record({
    amplitude: fc.double({ min: 0, max: 1, noNaN: true }),
    halfLifeMs: fc.constantFrom(1, 500, 60_000, Number.POSITIVE_INFINITY),
    hops: fc.integer({ min: 1, max: 255 }),
    kind: fc.constantFrom("event" as const, "broadcast" as const, "command" as const),
    cause: fc.constantFrom(undefined, "cause-1"),
    extras: fc.record(
      {
        age: fc.double({ min: 0, max: 1e9, noNaN: true }),
        phase: fc.double({ min: 0, max: 6.28, noNaN: true }),
        weight: fc.double({ min: 0.1, max: 1e6, noNaN: true }),
        key: fc.constantFrom("k", "ключ"),
        headers: fc.constant({ tenant: "a" }),
        version: fc.integer({ min: 1, max: 9 }),
        gain: fc.double({ min: 0.5, max: 10, noNaN: true }),
        named: fc.boolean(),
        reflects: fc.boolean(),
        reflectsBody: fc.boolean(),
        to: fc.constantFrom(
          { group: "workers", name: "orders.*" },
          { group: "workers", name: ">", instance: "worker-1" },
          { group: false as const, name: "orders.>", instance: "worker-1" },
        ),
        emittedAt: fc.integer(),
      },
      { requiredKeys: [] },
    ),
  })
  .map((changes) => sampleWave({ ...changes, payload: "body" }));

/** What people see of a wave, but for the age that it gathers on the way. */
function seen(wave: Wave): unknown {
  const { id, channel, kind, payload, amplitude, phase, weight, key, source, sourceId, emittedAt, hops, cause } = wave;
  const { trace, headers, version, reflects, reflectsBody, to } = wave;
  const texts = { id, channel, kind, payload, key, source, sourceId, cause, trace, headers: { ...headers } };
  return { ...texts, amplitude, phase, weight, emittedAt, hops, version, reflects, reflectsBody, to };
}

describe("headerOf and waveOf", () => {
  test("a wave that travels as a header comes out as it went in, older by what it waited", () => {
    fc.assert(
      fc.property(waves, fc.double({ min: 0, max: 1e6, noNaN: true }), (wave, waited) => {
        const header: unknown = JSON.parse(JSON.stringify(headerOf(wave, 1000 + waited)));
        expect(checkHeader(header)).toBeUndefined();
        const arrived = waveOf(header, wave.payload, { moment, bytes: 512 });
        expect(arrived).toBeInstanceOf(Wave);
        if (arrived instanceof Wave) {
          expect(seen(arrived)).toEqual(seen(wave));
          expect(arrived.halfLifeMs).toBe(wave.halfLifeMs);
          expect([arrived.reflects, arrived.reflectsBody]).toEqual([wave.reflects, wave.reflectsBody]);
          expect([arrived.named, arrived.gain, arrived.band, arrived.bytes]).toEqual([
            wave.named,
            wave.gain,
            wave.band,
            512,
          ]);
          expect(arrived.age).toBeCloseTo(wave.age + waited, 6);
          expect(arrived.sound).toBe(true);
        }
      }),
    );
  });

  test("physics §2: no decay travels as a half-life of 0, and is still bounded by the longest lifetime", () => {
    const header = headerOf(sampleWave({ halfLifeMs: Number.POSITIVE_INFINITY }), 1000);
    expect(header.hl).toBe(0);
    const arrived = waveOf(header, undefined, { moment, bytes: 1 });
    expect(arrived).toBeInstanceOf(Wave);
    expect(
      arrived instanceof Wave && [arrived.halfLifeMs, arrived.hasFaded(3_600_999), arrived.hasFaded(3_601_001)],
    ).toEqual([Number.POSITIVE_INFINITY, false, true]);
  });

  test("a time of emission in the future, or none at all, changes nothing that is decided", () => {
    const now = waveOf(goodHeader, undefined, { moment, bytes: 1 });
    for (const at of [8.64e15, Number.POSITIVE_INFINITY, Number.NaN, -1, "soon", undefined]) {
      const other = waveOf({ ...goodHeader, at }, undefined, { moment, bytes: 1 });
      expect(now instanceof Wave && other instanceof Wave).toBe(true);
      if (now instanceof Wave && other instanceof Wave) {
        expect([0, 1e4, 1e6].map((t) => other.amplitudeAt(t))).toEqual([0, 1e4, 1e6].map((t) => now.amplitudeAt(t)));
        expect(other.hasFaded(1e6)).toBe(now.hasFaded(1e6));
      }
    }
  });

  test("fields that are not known are skipped", () => {
    expect(checkHeader({ ...goodHeader, colour: "red" })).toBeUndefined();
  });

  test.each(forgeries)("physics §0.4: $name is no header", ({ header }) => {
    expect(checkHeader(header)).toBeTypeOf("string");
    const wave: Wave | Malformed = waveOf(header, "body", { moment, bytes: 1 });
    expect(wave).toEqual({ malformed: expect.any(String) });
  });

  test("physics §0.4: whatever came, it is a wave that is well-formed, or it is told what is wrong; nothing throws", () => {
    const field = fc.constantFrom(
      ...Object.keys(goodHeader),
      "ph",
      "w",
      "gain",
      "key",
      "headers",
      "cause",
      "left",
      "pol",
    );
    fc.assert(
      fc.property(fc.dictionary(field, fc.anything(), { maxKeys: 4 }), (changes) => {
        const wave = waveOf({ ...goodHeader, ...changes }, "body", { moment, bytes: 1 });
        if (wave instanceof Wave) {
          expect(Wave.of(wave.toInit()).fault).toBeUndefined();
        } else {
          expect(wave.malformed).toMatch(/^`[\w, ]+` |^it /);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("Wave.of", () => {
  test.each([
    ["a moment that has not come", { moment: { at: 1e12, surroundings: sampleSurroundings() } }],
    ["a moment that is none", { moment: { at: Number.NaN, surroundings: sampleSurroundings() } }],
    ["laws that make it louder", { moment: { at: 0, surroundings: sampleSurroundings({ perHop: 2 }) } }],
    ["laws that are none", { moment: { at: 0, surroundings: sampleSurroundings({ maxLifetimeMs: Number.NaN }) } }],
    ["a size that is none", { bytes: Number.NaN }],
    ["a half-life of 0", { halfLifeMs: 0 }],
    ["an amplitude that cannot be multiplied", { amplitude: 1n as unknown as number }],
    ["no origin", { origin: null as unknown as { source: string; sourceId: string } }],
    [
      "extras that throw",
      {
        extras: new Proxy(
          {},
          {
            get: () => {
              throw new Error("no");
            },
          },
        ),
      },
    ],
  ])("physics §0.4: %s is a fault, and is found without an exception", (_, changes) => {
    const wave = Wave.of({ ...sampleInit(), ...changes });
    expect(wave.fault).toBeTypeOf("string");
    expect(wave.sound).toBe(false);
  });

  test("what is well-formed is sound, and plain", () => {
    expect([sampleWave().fault, sampleWave().sound, sampleWave().plain]).toEqual([undefined, true, true]);
  });
});

describe("rebase", () => {
  test("physics §2: sends what is left, and changes no later amplitude after any further crossings", () => {
    const ms = fc.double({ min: 0, max: 300_000, noNaN: true });
    fc.assert(
      fc.property(
        ms,
        ms,
        ms,
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        fc.nat(4),
        (age, waited, later, a0, hops) => {
          const header = { ...goodHeader, a0, age, arrivedAt: 5000 };
          const now = 5000 + waited;
          const sent = rebase(header, now);
          expect(sent.age).toBe(0);
          expect(sent.a0).toBeCloseTo(standsAt({ a0, hl: header.hl, age, arrivedAt: 5000 }, now), 12);
          const law = { halfLifeMs: header.hl, perHop: 0.95 };
          expect(attenuate(sent.a0, later, hops, law)).toBeCloseTo(
            attenuate(a0, age + waited + later, 1 + hops, law),
            12,
          );
          expect("arrivedAt" in sent).toBe(false);
        },
      ),
    );
  });

  test("before it has crossed anything only its age is counted; the time that is left shrinks", () => {
    expect(rebase({ ...goodHeader, a0: 0.8, age: 60_000 }, 99)).toMatchObject({ a0: 0.4, age: 0 });
    expect(rebase({ ...goodHeader, left: 500, arrivedAt: 0 }, 200).left).toBe(300);
    expect(rebase({ ...goodHeader, left: 500, arrivedAt: 0 }, 900).left).toBe(0);
    expect(rebase({ ...goodHeader, hl: 0, a0: 0.5, age: 1e6 }, 0).a0).toBe(0.5);
  });
});

describe("reamplify", () => {
  const header: WaveHeader = { ...goodHeader, a0: 0.5, hops: 3 };

  test("physics §2: A' = g·A, the gain is carried, and the hops increment anyway", () => {
    const louder = reamplify(header, 1 / 0.95, "beta-1");
    expect(louder).toMatchObject({ a0: 0.5 / 0.95, gain: 1 / 0.95, hops: 4, srcId: "beta-1", id: header.id, age: 0 });
  });

  test.each([
    ["factor", header, 1.06],
    ["gain", { ...header, gain: 9.9 }, 1.05],
    ["hops", { ...header, hops: 16 }, 1.05],
    ["amplitude", { ...header, a0: 0.99 }, 1.05],
  ] as const)("physics §2: guard %s", (refused, given, g) => {
    expect(reamplify(given, g, "beta-1")).toEqual({ refused });
  });

  test("physics §2: no repeater amplifies a wave twice", () => {
    expect(reamplify(header, 1, "beta-1", new Set([header.id]))).toEqual({ refused: "repeated" });
  });

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("refuses a factor of %d", (g) => {
    expect(() => reamplify(header, g, "beta-1")).toThrow(expect.objectContaining({ code: "AETHER_BAD_OPTION" }));
  });
});
