import { describe, expect, test } from "vitest";
import { SeenIds } from "../../src/inbox/seen-ids.ts";
import { cpuMs } from "../cpu-ms.ts";
import { fc } from "../seeded.ts";

const TEN_MINUTES = 600_000;
const MOST = 100_000;
const SURE = 50_000;

describe("SeenIds", () => {
  test("knows an id the second time", () => {
    const seen = new SeenIds();
    expect(seen.add("a", 0)).toBe(true);
    expect(seen.add("a", 1)).toBe(false);
    expect(seen.add("b", 1)).toBe(true);
  });

  test("knows it for ten minutes, counted from when it was taken", () => {
    const seen = new SeenIds();
    seen.add("a", 1000);
    expect(seen.add("a", 1000 + TEN_MINUTES - 1)).toBe(false);
    expect(seen.add("a", 1000 + TEN_MINUTES)).toBe(true);
    expect(seen.add("a", 1000 + 2 * TEN_MINUTES - 1)).toBe(false);
  });

  test("forgets what it is told to forget", () => {
    const seen = new SeenIds();
    seen.add("a", 0);
    seen.delete("a");
    seen.delete("never");
    expect(seen.add("a", 1)).toBe(true);
  });

  test("knows at least the last 50,000 ids and no more than 100,000, the oldest giving way", () => {
    const seen = new SeenIds();
    const count = 230_000;
    for (let i = 0; i < count; i++) {
      if (!seen.add(`id-${i}`, i)) {
        throw new Error(`id-${i} is new`);
      }
    }
    let known = 0;
    for (let i = count - 1; i >= count - SURE; i--) {
      known += seen.add(`id-${i}`, count) ? 0 : 1;
    }
    expect(known).toBe(SURE);
    expect(seen.add(`id-${count - MOST - 1}`, count)).toBe(true);
    expect(seen.add("id-0", count)).toBe(true);
  });

  test("an id that expired and came again is young again", () => {
    const seen = new SeenIds();
    seen.add("old", 0);
    for (let i = 0; i < 20_000; i++) {
      seen.add(`id-${i}`, TEN_MINUTES - 1);
    }
    expect(seen.add("old", TEN_MINUTES)).toBe(true);
    for (let i = 0; i < SURE - 1; i++) {
      seen.add(`more-${i}`, TEN_MINUTES);
    }
    expect(seen.add("old", TEN_MINUTES + 1)).toBe(false);
  });

  test("behaves like a naive model", () => {
    const step = fc.record({
      id: fc.constantFrom("a", "b", "c", "__proto__"),
      wait: fc.nat(400_000),
      deletes: fc.nat(4),
    });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const seen = new SeenIds();
        const model = new Map<string, number>();
        let now = 0;
        for (const { id, wait, deletes } of steps) {
          now += wait;
          if (deletes === 0) {
            seen.delete(id);
            model.delete(id);
            continue;
          }
          const at = model.get(id);
          const isNew = at === undefined || now - at >= TEN_MINUTES;
          if (isNew) {
            model.set(id, now);
          }
          expect(seen.add(id, now)).toBe(isNew);
        }
      }),
    );
  });

  test("takes an id as quickly when it is full as when it is not, to a factor of 8", () => {
    const seen = new SeenIds();
    let n = 0;
    const time = (count: number): number => {
      const from = cpuMs();
      for (let i = 0; i < count; i++) {
        seen.add(`some-id-${n++}`, n);
      }
      return cpuMs() - from;
    };
    time(MOST - 80_000);
    const filling = time(80_000);
    expect(time(80_000)).toBeLessThan(8 * filling + 100);
  });
});
