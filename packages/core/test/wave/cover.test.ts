import { describe, expect, test } from "vitest";
import { contains, coverOf, overlaps } from "../../src/wave/cover.ts";
import { covers } from "../../src/wave/pattern.ts";
import { fc } from "../seeded.ts";

const token = fc.constantFrom("a", "b", "*");
const pattern = fc
  .tuple(fc.array(token, { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([tokens, open]) => [...tokens, ...(open ? [">"] : [])].join("."));

/** Every channel of up to five tokens of `a`, `b` and `c`. */
const channels: readonly string[] = (() => {
  let last = [""];
  const all: string[] = [];
  for (let length = 0; length < 5; length++) {
    last = last.flatMap((name) => ["a", "b", "c"].map((one) => (name === "" ? one : `${name}.${one}`)));
    all.push(...last);
  }
  return all;
})();

const covered = (of: string): readonly string[] => channels.filter((channel) => covers(of, channel));

describe("patterns as sets of channels", () => {
  test("physics §4: one contains another when it covers all of its channels", () => {
    fc.assert(
      fc.property(pattern, pattern, (outer, inner) => {
        const whole = new Set(covered(outer));
        expect(contains(outer, inner)).toBe(covered(inner).every((channel) => whole.has(channel)));
      }),
    );
  });

  test("physics §4: two overlap when some channel is covered by both", () => {
    fc.assert(
      fc.property(pattern, pattern, (one, other) => {
        const whole = new Set(covered(one));
        expect(overlaps(one, other)).toBe(covered(other).some((channel) => whole.has(channel)));
        expect(overlaps(other, one)).toBe(overlaps(one, other));
      }),
    );
  });

  test("a cover contains all, without overlaps, whatever the order", () => {
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 6 }), (patterns) => {
        const cover = coverOf(patterns);
        for (const one of patterns) {
          expect(cover.some((whole) => contains(whole, one))).toBe(true);
        }
        for (const [at, one] of cover.entries()) {
          expect(cover.slice(at + 1).some((other) => overlaps(one, other))).toBe(false);
        }
        expect(coverOf(cover)).toEqual(cover);
      }),
    );
  });

  test("what does not overlap stays as it is", () => {
    expect(coverOf(["orders.>", "payments.*", "stock"])).toEqual(["orders.>", "payments.*", "stock"]);
    expect(coverOf(["orders.created", "orders.>"])).toEqual(["orders.>"]);
    expect(coverOf(["*.created", "orders.*"])).toEqual(["*.*"]);
    expect(coverOf([])).toEqual([]);
  });
});
