import { describe, expect, test } from "vitest";
import type { ReflectCause } from "../../src/wave/exchange.ts";
import { Reflection, reflect } from "../../src/wave/reflection.ts";
import { Wave } from "../../src/wave/wave.ts";
import { sampleWave } from "../sample-wave.ts";
import { fc } from "../seeded.ts";

const cause: ReflectCause = {
  by: "beta",
  byId: "beta-1",
  code: "error",
  error: "AETHER_HANDLER_FAILED",
  message: "out of stock",
  retryable: true,
};

/** The reflection of `wave`, which must have one. */
function back(wave: Wave, changes: Partial<ReflectCause> = {}, now = 1000): Reflection {
  const reflection = reflect(wave, { ...cause, ...changes }, now);
  if (reflection === undefined) {
    throw new Error("It did not reflect");
  }
  return reflection;
}

describe("reflect", () => {
  test("physics §7: sends a wave back to its emitter, with why and by whom", () => {
    const wave = sampleWave({ id: "w1", kind: "command", hops: 2, trace: "t1", extras: { key: "k", weight: 3 } });
    const reflection = back(wave, { retryAfterMs: 40 });
    expect(reflection).toBeInstanceOf(Wave);
    expect(reflection).toBeInstanceOf(Reflection);
    expect(reflection).toMatchObject({
      kind: "reflection",
      channel: "$reflection.alpha-1",
      cause: "w1",
      of: "w1",
      on: "orders.created",
      by: "beta",
      source: "beta",
      sourceId: "beta-1",
      code: "error",
      message: "out of stock",
      retryable: true,
      trace: "t1",
      hops: 3,
      key: "k",
      weight: 3,
      halfLifeMs: 60_000,
      payload: {
        code: "error",
        error: "AETHER_HANDLER_FAILED",
        message: "out of stock",
        retryable: true,
        retryAfterMs: 40,
      },
    });
    expect(reflection.id).not.toBe("w1");
  });

  test("physics §7: a reflection is never reflected", () => {
    expect(reflect(back(sampleWave()), cause, 1000)).toBeUndefined();
    expect(reflect(sampleWave({ kind: "reflection" }), cause, 1000)).toBeUndefined();
  });

  test("physics §7: it is never louder than the wave was, now or at emission", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        fc.double({ min: -1000, max: 1e6, noNaN: true }),
        (amplitude, age, waited) => {
          const wave = sampleWave({ amplitude, extras: { age } });
          const now = 1000 + waited;
          const reflection = back(wave, {}, now);
          expect(reflection.amplitude).toBeLessThanOrEqual(wave.amplitude);
          expect(reflection.amplitude).toBe(wave.amplitudeAt(now));
          expect(reflection.amplitudeAt(now)).toBeLessThanOrEqual(reflection.amplitude);
          expect(reflection.halfLifeMs).toBeLessThanOrEqual(wave.halfLifeMs);
        },
      ),
    );
  });

  test("physics §7: its phase is turned by π, and twice π is no turn", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 2 * Math.PI, maxExcluded: true, noNaN: true }), (phase) => {
        const once = back(sampleWave({ extras: { phase } })).phase;
        expect(once).toBeGreaterThanOrEqual(0);
        expect(once).toBeLessThan(2 * Math.PI);
        // Opposite: the two cancel each other out.
        expect(Math.cos(once) + Math.cos(phase)).toBeCloseTo(0, 9);
        expect(Math.sin(once) + Math.sin(phase)).toBeCloseTo(0, 9);
        const twice = back(sampleWave({ extras: { phase: once } })).phase;
        const apart = Math.abs(twice - phase);
        expect(Math.min(apart, 2 * Math.PI - apart)).toBeLessThan(1e-12);
      }),
    );
  });

  test("its message is cut at 512 characters", () => {
    expect(back(sampleWave(), { message: "x".repeat(512) }).message).toHaveLength(512);
    expect(back(sampleWave(), { message: "x".repeat(100_000) }).message).toBe("x".repeat(512));
    expect(back(sampleWave(), { message: "" }).message).toBe("");
  });

  test("two who send the same wave back make two reflections, one who does it twice makes the same", () => {
    const wave = sampleWave();
    expect(back(wave, { byId: "beta-1" }).id).not.toBe(back(wave, { byId: "beta-2" }).id);
    expect(back(wave).id).toBe(back(wave).id);
  });

  test("starts its own age at now", () => {
    const wave = sampleWave({ extras: { age: 30_000 } });
    const reflection = back(wave, {}, 5000);
    expect(reflection.age).toBe(0);
    expect(reflection.arrivedAt).toBe(5000);
    expect(reflection.amplitudeAt(5000)).toBeCloseTo(reflection.amplitude * 0.95, 12);
  });

  test("carries neither the payload nor the way back of the wave", () => {
    const reflection = back(sampleWave({ payload: { secret: 1 } }));
    expect(JSON.stringify(reflection)).not.toContain("secret");
    expect(reflection.exchange).toBeUndefined();
  });
});
