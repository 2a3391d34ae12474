import { describe, expect, test } from "vitest";
import { type Gate, lowestBandOf } from "../../src/aether/receiving/gate.ts";
import { band } from "../../src/physics/amplitude.ts";
import { DEFAULT_PHYSICS } from "../../src/physics/physics.ts";
import { fc } from "../seeded.ts";

const share = fc.double({ min: 0, max: 1, noNaN: true });
const gateAt = (floor: number): Gate => ({ floor, echo: true, allowed: undefined, dedupe: false });

describe("lowestBandOf", () => {
  test("physics §3: a medium that keeps lower bands away keeps nothing away that would have been heard", () => {
    fc.assert(
      fc.property(share, share, fc.double({ min: 1e-3, max: 1, noNaN: true }), (floor, amplitude, perHop) => {
        if (band(amplitude) < lowestBandOf(gateAt(floor), DEFAULT_PHYSICS)) {
          expect(amplitude * perHop).toBeLessThan(floor);
        }
      }),
      { numRuns: 5000 },
    );
  });

  test("physics §3: it is the highest such band: of the next one a wave may be heard, if its crossing costs nothing", () => {
    fc.assert(
      fc.property(share, (floor) => {
        expect(band(floor)).toBe(lowestBandOf(gateAt(floor), DEFAULT_PHYSICS));
      }),
    );
  });

  test("without floors every band is wanted", () => {
    expect(lowestBandOf(gateAt(0.9), { ...DEFAULT_PHYSICS, floors: false })).toBe(0);
  });
});
