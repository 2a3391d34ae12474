import { expect, test } from "vitest";
import { bent, triesOf } from "../../src/physics/bend.ts";
import { fc } from "../seeded.ts";

const amplitude = fc.double({ min: 1e-6, max: 1, noNaN: true });
const least = fc.double({ min: 1e-6, max: 0.5, noNaN: true });

test("physics §9: the amplitude strictly falls with each bend, by half", () => {
  fc.assert(
    fc.property(amplitude, fc.nat(30), (a, n) => {
      expect(bent(a, 0)).toBe(a);
      expect(bent(a, n + 1)).toBe(bent(a, n) / 2);
      expect(bent(a, n + 1)).toBeLessThan(bent(a, n));
    }),
  );
});

test("physics §9: the number of tries is the floor of log2(A / Amin): 6 at 1, 5 at 0.5, 3 at 0.1, 2 at 0.05", () => {
  expect([1, 0.5, 0.1, 0.05].map((a) => triesOf(a, 0.01))).toEqual([6, 5, 3, 2]);
});

test("physics §9: there are no more tries than log2(A / Amin), but for the first one", () => {
  fc.assert(
    fc.property(amplitude, least, (a, min) => {
      const tries = triesOf(a, min);
      expect(tries).toBeGreaterThanOrEqual(1);
      expect(tries === 1 || tries <= Math.log2(a / min)).toBe(true);
    }),
  );
});

test("physics §9: every try but the first is audible, its crossing included", () => {
  fc.assert(
    fc.property(amplitude, least, (a, min) => {
      const tries = triesOf(a, min);
      expect(tries === 1 || bent(a, tries - 1) * 0.95 >= min).toBe(true);
    }),
  );
});

test("physics §9: louder waves are more persistent, and the tries of all are few", () => {
  fc.assert(
    fc.property(amplitude, amplitude, least, (a, b, min) => {
      expect(triesOf(Math.max(a, b), min)).toBeGreaterThanOrEqual(triesOf(Math.min(a, b), min));
      expect(triesOf(1, 0.01)).toBe(6);
    }),
  );
});

test("where nothing is inaudible, candidates alone set the limit", () => {
  expect(triesOf(0.5, 0)).toBe(Number.POSITIVE_INFINITY);
});
