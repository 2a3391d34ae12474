import { describe, expect, test } from "vitest";
import { AetherError } from "../../src/errors.ts";
import { AMPLITUDES, type Amplitude, amplitudeOf, BANDS, band } from "../../src/physics/amplitude.ts";
import { fc } from "../seeded.ts";

const amplitude = fc.double({ min: 0, max: 1, noNaN: true });

describe("band", () => {
  test("physics §1: the band of 1 is the highest, that of 0 the lowest", () => {
    expect(band(1)).toBe(BANDS - 1);
    expect(band(1)).toBe(7);
    expect(band(0)).toBe(0);
  });

  test("physics §1: each band is an eighth wide and holds its lower edge", () => {
    for (let b = 0; b < 8; b++) {
      expect(band(b / 8)).toBe(b);
      expect(band((b + 1) / 8 - 1e-12)).toBe(b);
    }
  });

  test("physics §1: the band is monotone", () => {
    fc.assert(
      fc.property(amplitude, amplitude, (a, b) => {
        expect(band(Math.min(a, b))).toBeLessThanOrEqual(band(Math.max(a, b)));
      }),
      { numRuns: 1000 },
    );
  });

  test("physics §1: the band is one of them, for any number of bands", () => {
    fc.assert(
      fc.property(amplitude, fc.integer({ min: 1, max: 30 }), (a, bands) => {
        const index = band(a, bands);
        expect(Number.isInteger(index) && index >= 0 && index < bands).toBe(true);
        expect(index).toBe(Math.min(bands - 1, Math.floor(a * bands)));
      }),
      { numRuns: 1000 },
    );
  });
});

describe("amplitudeOf", () => {
  test("gives a number back as it is", () => {
    fc.assert(
      fc.property(amplitude, (a) => {
        expect(amplitudeOf(a)).toBe(a);
      }),
    );
  });

  test("knows four names", () => {
    expect(AMPLITUDES).toEqual({ critical: 0.95, normal: 0.5, bulk: 0.2, noise: 0.05 });
    expect(amplitudeOf("critical")).toBe(0.95);
    expect(amplitudeOf("normal")).toBe(0.5);
    expect(amplitudeOf("bulk")).toBe(0.2);
    expect(amplitudeOf("noise")).toBe(0.05);
  });

  test.each([
    -0.001,
    1.001,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    "loud",
    "0.5",
    "",
    "constructor",
    "toString",
    "__proto__",
    null,
    undefined,
    true,
    1n,
    [0.5],
    { valueOf: () => 0.5 },
  ])("refuses %o", (bad) => {
    const act = (): number => amplitudeOf(bad as Amplitude);
    expect(act).toThrow(AetherError);
    expect(act).toThrow(
      /^Expected `amplitude` to be a number from 0 to 1 or one of critical, normal, bulk, noise, got /,
    );
  });
});
