import { describe, expect, test } from "vitest";
import { Spectrum } from "../../src/wave/spectrum.ts";
import { cpuMs } from "../cpu-ms.ts";
import { fc } from "../seeded.ts";
import { naiveMatch, someChannel, somePattern } from "./naive-matcher.ts";

const entries = fc.array(fc.tuple(somePattern, fc.integer({ min: 0, max: 5 })), { maxLength: 40 });
const channels = fc.array(someChannel, { minLength: 1, maxLength: 8 });

function spectrumOf(list: readonly (readonly [string, number])[]): Spectrum<number> {
  const spectrum = new Spectrum<number>();
  for (const [pattern, item] of list) {
    spectrum.add(pattern, item);
  }
  return spectrum;
}

function found(spectrum: Spectrum<number>, channel: string): number[] {
  return spectrum.match(channel).sort((a, b) => a - b);
}

function naive(list: readonly (readonly [string, number])[], channel: string): number[] {
  return list
    .filter(([pattern]) => naiveMatch(pattern, channel))
    .map(([, item]) => item)
    .sort((a, b) => a - b);
}

describe("Spectrum", () => {
  test("physics §4: finds what a naive matcher finds, through adds and removes", () => {
    const steps = fc.array(
      fc.tuple(fc.integer({ min: 0, max: 2 }).map(Boolean), somePattern, fc.integer({ min: 0, max: 3 }), someChannel),
      { maxLength: 80, size: "max" },
    );
    let hits = 0;
    fc.assert(
      fc.property(steps, (list) => {
        const spectrum = new Spectrum<number>();
        const model: [string, number][] = [];
        for (const [adds, pattern, item, channel] of list) {
          if (adds) {
            spectrum.add(pattern, item);
            model.push([pattern, item]);
          } else {
            const at = model.findIndex((entry) => entry[0] === pattern && entry[1] === item);
            expect(spectrum.remove(pattern, item)).toBe(at >= 0);
            if (at >= 0) {
              model.splice(at, 1);
            }
          }
          expect(spectrum.size).toBe(model.length);
          const matched = found(spectrum, channel);
          hits += matched.length;
          expect(matched).toEqual(naive(model, channel));
        }
        // And the other way round: everything that is left can be removed, most recent first or not.
        for (const [pattern, item] of model) {
          expect(spectrum.remove(pattern, item)).toBe(true);
        }
        expect(spectrum.size).toBe(0);
      }),
      { numRuns: 300 },
    );
    expect(hits).toBeGreaterThan(1000);
  });

  test("physics §4: adding and removing again restores it", () => {
    fc.assert(
      fc.property(entries, entries, channels, (kept, passing, asked) => {
        const spectrum = spectrumOf(kept);
        for (const [pattern, item] of passing) {
          spectrum.add(pattern, item + 100);
        }
        for (const [pattern, item] of passing) {
          expect(spectrum.remove(pattern, item + 100)).toBe(true);
        }
        expect(spectrum.size).toBe(kept.length);
        for (const channel of asked) {
          expect(found(spectrum, channel)).toEqual(naive(kept, channel));
        }
      }),
    );
  });

  test("physics §4: what it finds does not depend on the order of adding", () => {
    fc.assert(
      fc.property(
        entries.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
        channels,
        ([list, shuffled], asked) => {
          const [one, other] = [spectrumOf(list), spectrumOf(shuffled)];
          for (const channel of asked) {
            expect(found(one, channel)).toEqual(found(other, channel));
          }
        },
      ),
    );
  });

  test("an item that was added twice is found twice, and removed one at a time", () => {
    const spectrum = spectrumOf([
      ["a.*", 1],
      ["a.*", 1],
      ["a.>", 1],
    ]);
    expect(spectrum.match("a.b")).toEqual([1, 1, 1]);
    expect(spectrum.remove("a.*", 1)).toBe(true);
    expect(spectrum.match("a.b")).toEqual([1, 1]);
    expect(spectrum.remove("a.*", 1)).toBe(true);
    expect(spectrum.remove("a.*", 1)).toBe(false);
    expect(spectrum.match("a.b")).toEqual([1]);
  });

  test("keeps the items of one pattern in the order they came in", () => {
    const spectrum = spectrumOf([3, 1, 2].map((item) => ["a.b", item] as const));
    expect(spectrum.match("a.b")).toEqual([3, 1, 2]);
    spectrum.remove("a.b", 1);
    expect(spectrum.match("a.b")).toEqual([3, 2]);
  });

  test("removes nothing that is not there", () => {
    const spectrum = spectrumOf([["a.b", 1]]);
    for (const pattern of ["a", "a.b.c", "a.*", "a.>", ">", "*.b", "b"]) {
      expect(spectrum.remove(pattern, 1)).toBe(false);
    }
    expect(spectrum.remove("a.b", 2)).toBe(false);
    expect(spectrum.size).toBe(1);
    expect(spectrum.match("a.b")).toEqual([1]);
  });

  test("its generation rises with every change, and only then", () => {
    const spectrum = new Spectrum<number>();
    const generations = [spectrum.generation];
    const step = (act: () => void): void => {
      act();
      generations.push(spectrum.generation);
    };
    step(() => spectrum.add("a", 1));
    step(() => spectrum.add("a", 1));
    step(() => spectrum.remove("a", 1));
    expect(new Set(generations).size).toBe(4);
    expect(generations).toEqual([...generations].sort((a, b) => a - b));
    const before = spectrum.generation;
    spectrum.match("a");
    spectrum.remove("a", 7);
    expect(spectrum.generation).toBe(before);
  });

  test("a list that was found is not changed by what comes later", () => {
    const spectrum = spectrumOf([["a", 1]]);
    const before = spectrum.match("a");
    spectrum.add("a", 2);
    expect(before).toEqual([1]);
    before.push(99);
    expect(spectrum.match("a")).toEqual([1, 2]);
  });

  test("empty again, it keeps no memory of 50,000 patterns that were in it", () => {
    const spectrum = new Spectrum<number>();
    const pattern = (i: number): string =>
      `${"x".repeat(40)}${i}.${i % 3 === 0 ? "*" : `y${i}`}.${i % 2 === 0 ? ">" : "z"}`;
    const cycle = (from: number): void => {
      for (let i = from; i < from + 50_000; i++) {
        spectrum.add(pattern(i), i);
      }
      for (let i = from; i < from + 50_000; i++) {
        spectrum.remove(pattern(i), i);
      }
    };
    cycle(0);
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    cycle(50_000);
    globalThis.gc?.();
    expect(spectrum.size).toBe(0);
    expect(globalThis.gc, "run with --expose-gc").toBeDefined();
    // 50,000 patterns weigh more than 15 MB.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(2_000_000);
  });

  test("a channel is found in no more time among 50,000 patterns than among 50, to a factor of 20", () => {
    const [few, many] = [50, 50_000].map((count) => {
      const spectrum = new Spectrum<number>();
      for (let i = 0; i < count; i++) {
        spectrum.add(`orders.o${i}.*`, i);
      }
      return spectrum;
    });
    const time = (spectrum: Spectrum<number> | undefined): number => {
      const from = cpuMs();
      for (let i = 0; i < 20_000; i++) {
        expect(spectrum?.match("orders.o7.created").length === 1).toBe(true);
      }
      return cpuMs() - from;
    };
    time(few);
    time(many);
    expect(time(many)).toBeLessThan(20 * time(few));
  });
});
