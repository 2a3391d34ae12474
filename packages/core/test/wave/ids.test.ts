import { describe, expect, test } from "vitest";
import { Ids, randomToken, systemRandom } from "../../src/wave/ids.ts";
import { cpuMs } from "../cpu-ms.ts";
import { fc } from "../seeded.ts";

/** A random that repeats itself in every run. */
function counting(): () => number {
  let step = 0;
  return () => (step++ % 36) / 36;
}

describe("Ids", () => {
  test("a million ids are unique", () => {
    const ids = new Ids(systemRandom);
    const seen = new Set<string>();
    for (let i = 0; i < 1_000_000; i++) {
      seen.add(ids.next());
    }
    expect(seen.size).toBe(1_000_000);
  });

  test("ids of 1,000 instances are unique", () => {
    const seen = new Set<string>();
    for (let i = 0; i < 1000; i++) {
      const ids = new Ids(systemRandom);
      for (let j = 0; j < 50; j++) {
        seen.add(ids.next());
      }
    }
    expect(seen.size).toBe(50_000);
  });

  test("share a prefix of 20 random characters, 103 bits", () => {
    const ids = new Ids(systemRandom);
    const [first, second] = [ids.next(), ids.next()];
    expect(first).toMatch(/^[0-9a-z]{20}-[0-9a-z]{1,8}$/);
    expect(second.slice(0, 21)).toBe(first.slice(0, 21));
    expect(20 * Math.log2(36)).toBeGreaterThan(103);
  });

  test("follow from the random that is given", () => {
    const ids = new Ids(counting());
    const again = new Ids(counting());
    for (let i = 0; i < 5000; i++) {
      const id = ids.next();
      expect(id.startsWith("0123456789abcdefghij-")).toBe(true);
      expect(again.next()).toBe(id);
    }
  });

  test("ask for randomness once, not for every id", () => {
    let asked = 0;
    const ids = new Ids(() => {
      asked++;
      return 0.5;
    });
    const before = asked;
    for (let i = 0; i < 1000; i++) {
      ids.next();
    }
    expect(asked).toBe(before);
  });

  test("are cheap: less than 2 µs each", () => {
    const ids = new Ids(systemRandom);
    const from = cpuMs();
    for (let i = 0; i < 500_000; i++) {
      ids.next();
    }
    expect(cpuMs() - from).toBeLessThan(1000);
  });
});

describe("systemRandom", () => {
  test("gives numbers from 0 up to, not including, 1, that spread evenly", () => {
    const bins = new Array<number>(10).fill(0);
    for (let i = 0; i < 20_000; i++) {
      const number = systemRandom();
      expect(number >= 0 && number < 1).toBe(true);
      const bin = Math.floor(number * 10);
      bins[bin] = (bins[bin] ?? 0) + 1;
    }
    expect(Math.min(...bins)).toBeGreaterThan(1700);
    expect(Math.max(...bins)).toBeLessThan(2300);
  });
});

describe("randomToken", () => {
  test("has the length that was asked for and the characters 0-9 a-z, whatever the random", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.nat(40), (number, length) => {
        expect(randomToken(() => number, length)).toMatch(new RegExp(`^[0-9a-z]{${length}}$`));
      }),
    );
  });
});
