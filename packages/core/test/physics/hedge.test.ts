import { describe, expect, test } from "vitest";
import { HedgeBudget, Latencies } from "../../src/physics/hedge.ts";
import { fc } from "../seeded.ts";

describe("latencies", () => {
  test("physics §9: p95 of the last 256, unknown before there were 20", () => {
    const latencies = new Latencies();
    for (let i = 1; i <= 19; i++) {
      latencies.add(i);
    }
    expect(latencies.p95).toBeUndefined();
    latencies.add(20);
    expect(latencies.p95).toBe(19);
    for (let i = 0; i < 256; i++) {
      latencies.add(i);
    }
    expect(latencies.p95).toBe(243);
  });

  test("physics §9: of any latencies about 95 of 100 are no longer than p95, and it is one of them", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 20, maxLength: 600 }), (all) => {
        const latencies = new Latencies();
        for (const ms of all) {
          latencies.add(ms);
        }
        const last = all.slice(-256);
        const p95 = latencies.p95 ?? Number.NaN;
        expect(last).toContain(p95);
        expect(last.filter((ms) => ms <= p95).length / last.length).toBeGreaterThanOrEqual(0.95);
      }),
    );
  });
});

/** Asks twice if it may. */
function take(budget: HedgeBudget, share?: number): boolean {
  const allowed = budget.allows(share);
  if (allowed) {
    budget.spend();
  }
  return allowed;
}

describe("the budget of hedges", () => {
  test("physics §9: of the last 1000 queries at most 2 % are asked twice, and one of few", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 3000 }), (wishes) => {
        const budget = new HedgeBudget();
        const taken = wishes.map((wish) => {
          budget.asked();
          return wish && take(budget);
        });
        for (let end = 0; end <= taken.length; end += 97) {
          const window = taken.slice(Math.max(0, end - 1000), end);
          expect(window.filter(Boolean).length).toBeLessThanOrEqual(Math.max(1, Math.floor(0.02 * window.length)));
        }
      }),
      { numRuns: 30 },
    );
  });

  test("physics §9: who always hedges uses all of it, and no more", () => {
    const budget = new HedgeBudget();
    let taken = 0;
    for (let i = 0; i < 100_000; i++) {
      budget.asked();
      taken += Number(take(budget));
    }
    expect(taken).toBeLessThanOrEqual(2000);
    expect(taken).toBeGreaterThan(1900);
  });

  test("a budget of 0 allows nothing, one of 1 everything", () => {
    const budget = new HedgeBudget();
    budget.asked();
    expect(take(budget, 0)).toBe(false);
    for (let i = 0; i < 50; i++) {
      budget.asked();
      expect(take(budget, 1)).toBe(true);
    }
  });
});
