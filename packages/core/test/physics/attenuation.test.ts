import { describe, expect, test } from "vitest";
import { amplitudeAt, attenuate, lifetimeMs } from "../../src/physics/attenuation.ts";
import { fc } from "../seeded.ts";

const amplitude = fc.double({ min: 1e-3, max: 1, noNaN: true });
const age = fc.double({ min: 0, max: 600_000, noNaN: true });
const hops = fc.integer({ min: 0, max: 32 });
const law = fc.record({
  halfLifeMs: fc.oneof(fc.double({ min: 10_000, max: 1e9, noNaN: true }), fc.constant(Number.POSITIVE_INFINITY)),
  perHop: fc.double({ min: 0.5, max: 1, noNaN: true }),
});
const runs = { numRuns: 2000 };

function expectClose(actual: number, wanted: number, relative: number): void {
  expect(Math.abs(actual - wanted)).toBeLessThanOrEqual(relative * Math.abs(wanted));
}

describe("attenuate", () => {
  test("physics §2: attenuation is a semigroup, to 1e-12", () => {
    fc.assert(
      fc.property(amplitude, age, age, hops, hops, law, (a, t1, t2, h1, h2, by) => {
        const twice = attenuate(attenuate(a, t1, h1, by), t2, h2, by);
        expectClose(twice, attenuate(a, t1 + t2, h1 + h2, by), 1e-12);
      }),
      runs,
    );
  });

  test("physics §2: it is A0 · e^(−αt) · β^h with α = ln 2 / hl", () => {
    fc.assert(
      fc.property(amplitude, age, hops, law, (a, t, h, by) => {
        const alpha = Math.LN2 / by.halfLifeMs;
        expectClose(attenuate(a, t, h, by), a * Math.exp(-alpha * t) * by.perHop ** h, 1e-11);
      }),
      runs,
    );
  });

  test("physics §2: it never increases, neither with age nor with hops", () => {
    fc.assert(
      fc.property(amplitude, age, age, hops, hops, law, (a, t1, t2, h1, h2, by) => {
        const now = attenuate(a, t1, h1, by);
        expect(now).toBeLessThanOrEqual(a);
        // The one rounding of the power may differ by the last bit between two numbers of hops.
        expect(attenuate(a, t1 + t2, h1 + h2, by)).toBeLessThanOrEqual(now * (1 + 1e-15));
      }),
      runs,
    );
  });

  test("physics §2: half of it is left after one half-life", () => {
    fc.assert(
      fc.property(amplitude, fc.double({ min: 1, max: 1e12, noNaN: true }), (a, halfLifeMs) => {
        expect(attenuate(a, halfLifeMs, 0, { halfLifeMs, perHop: 0.95 })).toBe(a / 2);
      }),
    );
  });

  test("physics §2: with an infinite half-life age costs nothing and hops still do", () => {
    const by = { halfLifeMs: Number.POSITIVE_INFINITY, perHop: 0.9 };
    expect(attenuate(0.8, 1e15, 0, by)).toBe(0.8);
    expectClose(attenuate(0.8, 1e15, 2, by), 0.8 * 0.81, 1e-12);
  });

  test("physics §2: a negative age counts as none, so nothing grows", () => {
    expect(attenuate(0.5, -60_000, 0, { halfLifeMs: 60_000, perHop: 1 })).toBe(0.5);
  });

  test("physics §2: from 1 a wave makes 89 hops at 0.95, 43 at 0.9 and 20 at 0.8 until it is inaudible", () => {
    for (const [perHop, most] of [
      [0.95, 89],
      [0.9, 43],
      [0.8, 20],
    ] as const) {
      const by = { halfLifeMs: 60_000, perHop };
      expect(attenuate(1, 0, most, by)).toBeGreaterThanOrEqual(0.01);
      expect(attenuate(1, 0, most + 1, by)).toBeLessThan(0.01);
    }
  });

  test("physics §2: the rank log2 A0 + t0/hl + hops·log2 β is a constant of the wave", () => {
    fc.assert(
      fc.property(amplitude, age, age, hops, fc.integer({ min: 0, max: 8 }), law, (a, t0, dt, h, dh, by) => {
        fc.pre(Number.isFinite(by.halfLifeMs));
        const rank = Math.log2(a) + t0 / by.halfLifeMs + h * Math.log2(by.perHop);
        const now = t0 + dt;
        const left = attenuate(a, now - t0, h, by);
        // What a relay sends on: the amplitude that is left, at its own time, with the hops already paid.
        const rebased = Math.log2(left) + now / by.halfLifeMs;
        expect(Math.abs(rebased - rank)).toBeLessThan(1e-9);
        const further = attenuate(left, 0, dh, by);
        expect(Math.abs(Math.log2(further) - (Math.log2(left) + dh * Math.log2(by.perHop)))).toBeLessThan(1e-9);
      }),
      runs,
    );
  });

  test("physics §2: with one half-life the order of two waves by amplitude is the order of their ranks, at any time", () => {
    fc.assert(
      fc.property(amplitude, amplitude, age, age, age, law, (a, b, ta, tb, later, by) => {
        const now = Math.max(ta, tb) + later;
        const [x, y] = [attenuate(a, now - ta, 1, by), attenuate(b, now - tb, 1, by)];
        const rank = Math.log2(a) + ta / by.halfLifeMs - (Math.log2(b) + tb / by.halfLifeMs);
        if (Math.abs(rank) > 1e-9) {
          expect(Math.sign(x - y)).toBe(Math.sign(rank));
        }
      }),
      runs,
    );
  });
});

describe("amplitudeAt", () => {
  const wave = { a0: 0.8, hl: 60_000, age: 30_000, arrivedAt: 1000 };

  test("physics §2: adds the time since arrival to the age that was gathered before", () => {
    expectClose(amplitudeAt(wave, 31_000), 0.8 * 0.95 * 0.5, 1e-12);
    expectClose(amplitudeAt(wave, 31_000, { perHop: 0.5 }), 0.8 * 0.5 * 0.5, 1e-12);
  });

  test("physics §2: costs one crossing, even at once", () => {
    expectClose(amplitudeAt({ ...wave, age: 0 }, 1000), 0.76, 1e-12);
  });

  test("physics §2: a clock that stands before the arrival makes nothing louder", () => {
    expect(amplitudeAt(wave, 0)).toBe(amplitudeAt(wave, 1000));
  });

  test("physics §2: rebasing changes no later amplitude", () => {
    fc.assert(
      fc.property(amplitude, age, age, age, law, (a0, before, relayAt, later, { halfLifeMs: hl, perHop }) => {
        const original = { a0, hl, age: before, arrivedAt: 0 };
        const left = amplitudeAt(original, relayAt, { perHop });
        const rebased = { a0: left / perHop, hl, age: 0, arrivedAt: relayAt };
        expectClose(
          amplitudeAt(rebased, relayAt + later, { perHop }),
          amplitudeAt(original, relayAt + later, { perHop }),
          1e-12,
        );
      }),
      runs,
    );
  });
});

describe("lifetimeMs", () => {
  const published = { halfLifeMs: 60_000, perHop: 0.95, minAmplitude: 0.01 };

  test.each([
    [1, 398.6],
    [0.5, 338.6],
    [0.1, 199.3],
  ])("physics §2: a wave of amplitude %d lives %d s with the defaults", (a, seconds) => {
    expect(lifetimeMs(a, 0) / 1000).toBeCloseTo(seconds, 1);
    expect(lifetimeMs(a, 0, published)).toBe(lifetimeMs(a, 0));
  });

  test("physics §2: at the end of its lifetime a wave has the least audible amplitude, to 1e-9", () => {
    fc.assert(
      fc.property(
        amplitude,
        hops,
        fc.double({ min: 1, max: 1e9, noNaN: true }),
        fc.double({ min: 0.5, max: 1, noNaN: true }),
        fc.double({ min: 1e-6, max: 0.5, noNaN: true }),
        (a, h, halfLifeMs, perHop, minAmplitude) => {
          const by = { halfLifeMs, perHop, minAmplitude };
          const lifetime = lifetimeMs(a, h, by);
          if (attenuate(a, 0, h, by) > minAmplitude) {
            expectClose(attenuate(a, lifetime, h, by), minAmplitude, 1e-9);
          } else {
            expect(lifetime).toBe(0);
          }
        },
      ),
      runs,
    );
  });

  test("physics §2: it grows with amplitude and shrinks with hops", () => {
    fc.assert(
      fc.property(amplitude, amplitude, hops, hops, (a, b, h, more) => {
        expect(lifetimeMs(Math.max(a, b), h)).toBeGreaterThanOrEqual(lifetimeMs(Math.min(a, b), h));
        expect(lifetimeMs(a, h + more)).toBeLessThanOrEqual(lifetimeMs(a, h));
      }),
    );
  });

  test("physics §2: it is infinite without fading, and 0 for what was never heard", () => {
    expect(lifetimeMs(0.5, 1, { ...published, halfLifeMs: Number.POSITIVE_INFINITY })).toBe(Number.POSITIVE_INFINITY);
    expect(lifetimeMs(0.5, 1, { ...published, minAmplitude: 0 })).toBe(Number.POSITIVE_INFINITY);
    expect(lifetimeMs(0.009, 0)).toBe(0);
    expect(lifetimeMs(0.01, 0)).toBe(0);
    expect(lifetimeMs(0, 0, { ...published, minAmplitude: 0 })).toBe(0);
    expect(lifetimeMs(0.005, 0, { ...published, halfLifeMs: Number.POSITIVE_INFINITY })).toBe(0);
  });
});
