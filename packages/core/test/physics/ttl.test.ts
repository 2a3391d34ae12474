import { describe, expect, test } from "vitest";
import { attenuate, lifetimeMs, maxHops } from "../../src/physics/attenuation.ts";
import { amqpExpiration, mqttExpirySeconds } from "../../src/physics/ttl.ts";
import { fc } from "../seeded.ts";

describe("lifetimes for other systems", () => {
  test("physics §2: MQTT's expiry is the lifetime in whole seconds, AMQP's in whole milliseconds, never shorter", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(5), (amplitude, hops) => {
        const life = lifetimeMs(amplitude, hops);
        const seconds = mqttExpirySeconds(life) ?? -1;
        const ms = Number(amqpExpiration(life));
        expect(seconds).toBe(Math.ceil(life / 1000));
        expect(ms).toBe(Math.ceil(life));
        expect(seconds * 1000).toBeGreaterThanOrEqual(life);
        expect(ms - life).toBeLessThan(1);
      }),
    );
  });

  test("what never expires has no expiry, and what is over has 0", () => {
    expect([mqttExpirySeconds(Number.POSITIVE_INFINITY), amqpExpiration(Number.POSITIVE_INFINITY)]).toEqual([
      undefined,
      undefined,
    ]);
    expect([mqttExpirySeconds(Number.NaN), mqttExpirySeconds(-5), amqpExpiration(0)]).toEqual([undefined, 0, "0"]);
    expect([mqttExpirySeconds(338_631.4), amqpExpiration(338_631.4)]).toEqual([339, "338632"]);
  });
});

describe("maxHops", () => {
  test.each([
    [0.95, 89],
    [0.9, 43],
    [0.8, 20],
  ])("physics §2: from amplitude 1 at %d a wave makes %d hops until it is inaudible", (perHop, hops) => {
    expect(maxHops(1, { perHop, minAmplitude: 0.01 })).toBe(hops);
  });

  test("physics §2: after as many hops it is audible, after one more it is not", () => {
    const factor = fc.double({ min: 0.05, max: 0.999, noNaN: true });
    fc.assert(
      fc.property(factor, fc.double({ min: 0.011, max: 1, noNaN: true }), (perHop, amplitude) => {
        const hops = maxHops(amplitude, { perHop, minAmplitude: 0.01 });
        const law = { perHop, halfLifeMs: 1 };
        expect(attenuate(amplitude, 0, hops, law)).toBeGreaterThanOrEqual(0.01 * (1 - 1e-9));
        expect(attenuate(amplitude, 0, hops + 1, law)).toBeLessThan(0.01 * (1 + 1e-9));
      }),
    );
  });

  test("it is 0 for what was never heard, and infinite where crossings cost nothing or everything is heard", () => {
    expect([maxHops(0.005), maxHops(0), maxHops(Number.NaN)]).toEqual([0, 0, 0]);
    expect(maxHops(0.5, { perHop: 1, minAmplitude: 0.01 })).toBe(Number.POSITIVE_INFINITY);
    expect(maxHops(0.5, { perHop: 0.9, minAmplitude: 0 })).toBe(Number.POSITIVE_INFINITY);
  });
});
