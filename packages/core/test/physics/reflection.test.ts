import { describe, expect, test } from "vitest";
import {
  backpressure,
  impedanceOf,
  invertedPhase,
  reflectance,
  reflectionCoefficient,
  transmittance,
} from "../../src/physics/reflection.ts";
import { fc } from "../seeded.ts";

const impedance = fc.oneof(
  fc.double({ min: 1e-9, max: 1e9, noNaN: true }),
  fc.double({ min: Number.MIN_VALUE, max: Number.MAX_VALUE, noNaN: true }),
  fc.constant(Number.POSITIVE_INFINITY),
);
const share = fc.double({ min: 0, max: 1, noNaN: true });
const phase = fc.double({ min: 0, max: 2 * Math.PI, maxExcluded: true, noNaN: true });
const runs = { numRuns: 2000 };

describe("reflectionCoefficient", () => {
  test("physics §7: |r| is at most 1", () => {
    fc.assert(
      fc.property(impedance, impedance, (z1, z2) => {
        expect(Math.abs(reflectionCoefficient(z1, z2))).toBeLessThanOrEqual(1);
      }),
      runs,
    );
  });

  test("physics §7: r is antisymmetric", () => {
    fc.assert(
      fc.property(impedance, impedance, (z1, z2) => {
        expect(reflectionCoefficient(z1, z2) + reflectionCoefficient(z2, z1)).toBe(0);
      }),
      runs,
    );
  });

  test("physics §7: r is (Z1 − Z2) / (Z1 + Z2)", () => {
    const ordinary = fc.double({ min: 1e-9, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(ordinary, ordinary, (z1, z2) => {
        expect(Math.abs(reflectionCoefficient(z1, z2) - (z1 - z2) / (z1 + z2))).toBeLessThan(1e-12);
      }),
      runs,
    );
  });

  test("physics §7: a rigid end returns everything inverted, a matched load nothing", () => {
    expect(reflectionCoefficient(1, Number.POSITIVE_INFINITY)).toBe(-1);
    expect(reflectionCoefficient(Number.POSITIVE_INFINITY, 1)).toBe(1);
    expect(reflectionCoefficient(1, 1)).toBe(0);
    expect(reflectionCoefficient(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)).toBe(0);
  });

  test.each([0, -1, Number.NaN, "1"])("refuses %s as an impedance", (z) => {
    const refused = expect.objectContaining({ code: "AETHER_BAD_OPTION" });
    expect(() => Reflect.apply(reflectionCoefficient, undefined, [z, 1])).toThrow(refused);
    expect(() => Reflect.apply(reflectionCoefficient, undefined, [1, z])).toThrow(refused);
  });
});

describe("energy", () => {
  test("physics §7: R + T = 1, and T = 4·Z1·Z2 / (Z1 + Z2)²", () => {
    const ordinary = fc.double({ min: 1e-6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(ordinary, ordinary, (z1, z2) => {
        const r = reflectionCoefficient(z1, z2);
        expect(reflectance(r)).toBeGreaterThanOrEqual(0);
        expect(reflectance(r) + transmittance(r)).toBeCloseTo(1, 15);
        expect(transmittance(r)).toBeCloseTo((4 * z1 * z2) / (z1 + z2) ** 2, 12);
      }),
      runs,
    );
  });

  test.each([1.01, -1.01, Number.NaN])("refuses %d as a coefficient", (r) => {
    expect(() => reflectance(r)).toThrow(expect.objectContaining({ code: "AETHER_BAD_OPTION" }));
    expect(() => transmittance(r)).toThrow(expect.objectContaining({ code: "AETHER_BAD_OPTION" }));
  });
});

describe("backpressure", () => {
  test.each([
    [0, 1, 0],
    [0.5, 2, 1 / 3],
    [1, Number.POSITIVE_INFINITY, 1],
  ])("physics §7: a receiver that sheds %d has the impedance %d and pushes back by %d", (shed, z, pressure) => {
    expect(impedanceOf(shed)).toBe(z);
    expect(backpressure(shed)).toBeCloseTo(pressure, 15);
  });

  test("physics §7: it is u / (2 − u), and grows with what is shed", () => {
    fc.assert(
      fc.property(share, share, (u, more) => {
        expect(Math.abs(backpressure(u) - u / (2 - u))).toBeLessThan(1e-12);
        expect(backpressure(Math.max(u, more))).toBeGreaterThanOrEqual(backpressure(u));
      }),
      runs,
    );
  });

  test.each([-0.1, 1.1, Number.NaN, Number.POSITIVE_INFINITY])("refuses %d as a share", (shed) => {
    expect(() => impedanceOf(shed)).toThrow(expect.objectContaining({ code: "AETHER_BAD_OPTION" }));
    expect(() => backpressure(shed)).toThrow(expect.objectContaining({ code: "AETHER_BAD_OPTION" }));
  });
});

describe("invertedPhase", () => {
  test("physics §7: double inversion restores the phase", () => {
    fc.assert(
      fc.property(phase, (before) => {
        const once = invertedPhase(before);
        expect(once).toBeGreaterThanOrEqual(0);
        expect(once).toBeLessThan(2 * Math.PI);
        const apart = Math.abs(invertedPhase(once) - before);
        expect(Math.min(apart, 2 * Math.PI - apart)).toBeLessThan(1e-12);
      }),
      runs,
    );
  });

  test("physics §7: a wave and its inversion cancel each other out", () => {
    fc.assert(
      fc.property(phase, (before) => {
        const after = invertedPhase(before);
        expect(Math.cos(before) + Math.cos(after)).toBeCloseTo(0, 9);
        expect(Math.sin(before) + Math.sin(after)).toBeCloseTo(0, 9);
      }),
      runs,
    );
  });
});
