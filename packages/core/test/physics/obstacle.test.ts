import { expect, test } from "vitest";
import { opacityOf, tunnelling } from "../../src/physics/obstacle.ts";
import { fc } from "../seeded.ts";

const share = fc.double({ min: 0, max: 1, noNaN: true });

test("physics §9: opacity is 1 when the circuit is open, else the larger of failure rate and |r|", () => {
  fc.assert(
    fc.property(share, share, fc.boolean(), (failureRate, pushBack, open) => {
      const opacity = opacityOf({ open, failureRate, pushBack });
      expect(opacity).toBe(open ? 1 : Math.max(failureRate, pushBack));
      expect(opacity).toBeGreaterThanOrEqual(0);
      expect(opacity).toBeLessThanOrEqual(1);
    }),
  );
});

test("physics §9: a wave tunnels with e^(−2·o·w), surely once the time is over", () => {
  expect(tunnelling(1, 0)).toBe(1);
  expect(tunnelling(1, -100)).toBe(1);
  expect(tunnelling(0, 5000)).toBe(1);
  expect(tunnelling(1, 500)).toBeCloseTo(Math.exp(-1), 12);
  fc.assert(
    fc.property(
      share,
      fc.double({ min: 0, max: 5000, noNaN: true }),
      fc.double({ min: 0, max: 5000, noNaN: true }),
      (o, w, v) => {
        expect(tunnelling(o, w)).toBeGreaterThan(0);
        expect(tunnelling(o, Math.max(w, v))).toBeLessThanOrEqual(tunnelling(o, Math.min(w, v)));
      },
    ),
  );
});
