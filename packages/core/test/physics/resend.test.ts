import { describe, expect, test } from "vitest";
import { DEFAULT_RESEND, ResendBudget, resendDelayMs } from "../../src/physics/resend.ts";
import { fc } from "../seeded.ts";

describe("resendDelayMs", () => {
  const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

  test("physics §2: the delay is min(cap, base · 2^n) · U(0, 1), or what the receiver asked for if that is longer", () => {
    fc.assert(
      fc.property(fc.nat(40), chance, fc.double({ min: 0, max: 1e5, noNaN: true }), (n, u, least) => {
        const delay = resendDelayMs(n, u, DEFAULT_RESEND, least);
        expect(delay).toBe(Math.max(least, Math.min(10_000, 100 * 2 ** n) * u));
        expect(resendDelayMs(n, u)).toBeLessThan(10_000);
        expect(resendDelayMs(n, u)).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  test("physics §2: the defaults", () => {
    expect(DEFAULT_RESEND).toEqual({ attempts: 3, baseMs: 100, capMs: 10_000, budget: 0.1 });
    expect([0, 1, 2, 9].map((n) => resendDelayMs(n, 0.5))).toEqual([50, 100, 200, 5000]);
  });
});

describe("ResendBudget", () => {
  interface Step {
    readonly after: number;
    readonly first: number;
    readonly again: number;
  }
  const steps: fc.Arbitrary<Step[]> = fc.array(
    fc.record({ after: fc.constantFrom(0, 1, 300, 5000, 70_000), first: fc.nat(60), again: fc.nat(20) }),
    { maxLength: 60, size: "max" },
  );

  test("physics §2: in any 60 s resends are at most a tenth of first sends, or 3", () => {
    fc.assert(
      fc.property(steps, fc.constantFrom(0.1, 0.5), (history, share) => {
        const budget = new ResendBudget();
        const sent: number[] = [];
        const again: number[] = [];
        let now = 1.7e12 + 0.5;
        for (const { after, first, again: tries } of history) {
          now += after;
          for (let i = 0; i < first; i++) {
            budget.sent(now);
            sent.push(now);
          }
          for (let i = 0; i < tries; i++) {
            if (budget.take(now, share)) {
              again.push(now);
              const within = (times: readonly number[]): number => times.filter((at) => at > now - 60_000).length;
              expect(within(again)).toBeLessThanOrEqual(Math.max(3, share * within(sent)));
            }
          }
        }
      }),
    );
  });

  test("physics §2: what is allowed is given, to the last one; after a minute it is there again", () => {
    const budget = new ResendBudget();
    for (let i = 0; i < 100; i++) {
      budget.sent(5000);
    }
    const taken = (now: number): number => Array.from({ length: 50 }, () => budget.take(now)).filter(Boolean).length;
    expect([taken(5000), taken(30_000), taken(64_999), taken(66_000)]).toEqual([10, 0, 0, 3]);
  });

  test("without a bound everything is allowed", () => {
    const budget = new ResendBudget();
    expect(Array.from({ length: 1000 }, () => budget.take(0, Number.POSITIVE_INFINITY)).every(Boolean)).toBe(true);
  });

  test("a clock that goes back breaks nothing", () => {
    const budget = new ResendBudget();
    budget.sent(100_000);
    expect([budget.take(50_000), budget.take(50_000), budget.take(50_000), budget.take(50_000)]).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });
});
