import { describe, expect, test } from "vitest";
import { ServiceRate } from "../../src/physics/service-rate.ts";
import { fc } from "../seeded.ts";

describe("ServiceRate", () => {
  test("knows nothing at first, and learns nothing from times in which nothing waited", () => {
    const rate = new ServiceRate();
    expect(rate.perMs).toBe(0);
    rate.observe(5, 0);
    rate.observe(5, Number.NaN);
    expect(rate.perMs).toBe(0);
  });

  test("physics §3: it finds a steady rate, whatever part of each tick was busy", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 100, noNaN: true }),
        fc.array(fc.double({ min: 0.01, max: 500, noNaN: true }), { minLength: 1 }),
        (perMs, busy) => {
          const rate = new ServiceRate();
          for (const ms of busy) {
            rate.observe(perMs * ms, ms);
          }
          expect(Math.abs(rate.perMs / perMs - 1)).toBeLessThan(1e-9);
        },
      ),
    );
  });

  test("physics §3: a busy tick weighs more than one in which little was going on", () => {
    const rate = new ServiceRate();
    for (let i = 0; i < 50; i++) {
      rate.observe(20, 20);
      rate.observe(1, 0.01);
    }
    expect(rate.perMs).toBeGreaterThan(1);
    expect(rate.perMs).toBeLessThan(1.1);
  });

  test("physics §3: a receiver that hangs is as slow as its silence is long", () => {
    const rate = new ServiceRate();
    rate.observe(0, 20);
    expect(rate.perMs).toBeCloseTo(1 / 20, 12);
    for (let i = 0; i < 100; i++) {
      rate.observe(20, 20);
    }
    for (let i = 0; i < 500; i++) {
      rate.observe(0, 20);
    }
    expect(rate.perMs).toBeCloseTo(1 / 10_000, 12);
    for (let i = 0; i < 50; i++) {
      rate.observe(20, 20);
    }
    expect(rate.perMs).toBeGreaterThan(0.95);
  });
});
