import { describe, expect, test } from "vitest";
import { amplified, MOST_GAIN, mostFactor } from "../../src/physics/amplification.ts";
import { attenuate, lifetimeMs } from "../../src/physics/attenuation.ts";
import { fc } from "../seeded.ts";

const HALF_LIFE = 60_000;

/** A walk of a wave over nodes that all repeat: each step waits, crosses, and is amplified or ends. */
interface Walk {
  readonly perHop: number;
  readonly a0: number;
  readonly steps: readonly { readonly node: number; readonly waitMs: number; readonly share: number }[];
}

const walks: fc.Arbitrary<Walk> = fc.record({
  perHop: fc.double({ min: 0.3, max: 1, noNaN: true }),
  a0: fc.double({ min: 0.01, max: 1, noNaN: true }),
  steps: fc.array(
    fc.record({ node: fc.nat(9), waitMs: fc.nat(90_000), share: fc.double({ min: 0.01, max: 1, noNaN: true }) }),
    { maxLength: 300, size: "max" },
  ),
});

/** Each amplitude at which the wave stands, with the time since its first emission. Nodes forget when `forgetful`. */
function standing(
  { perHop, a0, steps }: Walk,
  factorOf: (share: number) => number,
  options: { readonly maxHops: number; readonly forgetful: boolean; readonly lenient: boolean },
): { readonly t: number; readonly a: number; readonly gain: number }[] {
  const law = { halfLifeMs: HALF_LIFE, perHop };
  const known = new Set<number>();
  const seen: { t: number; a: number; gain: number }[] = [];
  let wave = { amplitude: a0, gain: 1, hops: 1 };
  let t = 0;
  for (const { node, waitMs, share } of steps) {
    t += waitMs;
    const heard = attenuate(wave.amplitude, waitMs, 1, law);
    const stands = { ...wave, amplitude: heard };
    seen.push({ t, a: heard, gain: wave.gain });
    const repeatable = { perHop, maxHops: options.maxHops };
    const louder = amplified(stands, factorOf(share), repeatable, known.has(node), options.lenient);
    if (typeof louder === "string") {
      break;
    }
    if (!options.forgetful) {
      known.add(node);
    }
    wave = { ...louder };
    seen.push({ t, a: wave.amplitude, gain: wave.gain });
  }
  return seen;
}

describe("amplified", () => {
  test("physics §2: with g ≤ 1/β, in any topology and any loop, A ≤ A0·2^(−t/hl), even if repeaters forget", () => {
    fc.assert(
      fc.property(walks, fc.boolean(), (walk, forgetful) => {
        const options = { maxHops: 1000, forgetful, lenient: false };
        for (const { t, a } of standing(walk, (share) => share * mostFactor(walk), options)) {
          expect(a).toBeLessThanOrEqual(walk.a0 * 2 ** (-t / HALF_LIFE) * (1 + 1e-9));
        }
      }),
    );
  });

  test("physics §2: with any g the gain is at most 10, so a wave lives hl·log2 10 longer and no more", () => {
    let loudest = 0;
    fc.assert(
      fc.property(walks, (walk) => {
        const options = { maxHops: 1000, forgetful: true, lenient: true };
        const law = { halfLifeMs: HALF_LIFE, perHop: 1, minAmplitude: 0.01 };
        const longest = lifetimeMs(walk.a0, 0, law) + HALF_LIFE * Math.log2(MOST_GAIN);
        for (const { t, a, gain } of standing(walk, (share) => 3 * share, options)) {
          expect(gain).toBeLessThanOrEqual(MOST_GAIN);
          expect(a).toBeLessThanOrEqual(1);
          expect(a).toBeLessThanOrEqual(MOST_GAIN * walk.a0 * 2 ** (-t / HALF_LIFE) * (1 + 1e-9));
          loudest = Math.max(loudest, a / (walk.a0 * 2 ** (-t / HALF_LIFE)));
          if (a >= 0.01) {
            expect(t).toBeLessThanOrEqual(longest + 1e-3);
          }
        }
      }),
    );
    // Otherwise nothing was shown: some walk must have been louder than the first theorem allows.
    expect(loudest).toBeGreaterThan(1.5);
  });

  test("physics §2: a loop of repeaters with the default g ends at the hop limit", () => {
    let wave = { amplitude: 0.9, gain: 1, hops: 1 };
    for (let turns = 0; ; turns++) {
      const next = amplified({ ...wave, amplitude: wave.amplitude * 0.95 }, mostFactor({ perHop: 0.95 }), {
        perHop: 0.95,
        maxHops: 16,
      });
      if (typeof next === "string") {
        expect([next, turns]).toEqual(["hops", 15]);
        break;
      }
      wave = { ...next };
    }
  });

  test("exactly what a crossing costs may be given back to a wave of 1, whatever the rounding", () => {
    for (let n = 1; n < 1000; n++) {
      const perHop = n / 1000;
      const law = { perHop, maxHops: 16 };
      const louder = amplified({ amplitude: perHop, gain: perHop, hops: 1 }, mostFactor(law), law);
      expect(louder).toMatchObject({ amplitude: expect.closeTo(1, 12), hops: 2 });
    }
  });

  test.each([Number.NaN, 0, -1, Number.POSITIVE_INFINITY])("a factor of %d is none", (g) => {
    expect(amplified({ amplitude: 0.5, gain: 1, hops: 1 }, g, { perHop: 0.95, maxHops: 16 })).toBe("factor");
  });

  test("of several reasons the first is told", () => {
    const law = { perHop: 0.5, maxHops: 16 };
    expect(amplified({ amplitude: 0.9, gain: 9, hops: 16 }, 3, law, true)).toBe("factor");
    expect(amplified({ amplitude: 0.9, gain: 9, hops: 16 }, 2, law, true)).toBe("gain");
    expect(amplified({ amplitude: 0.9, gain: 2, hops: 16 }, 2, law, true)).toBe("repeated");
    expect(amplified({ amplitude: 0.9, gain: 2, hops: 16 }, 2, law)).toBe("hops");
    expect(amplified({ amplitude: 0.9, gain: 2, hops: 15 }, 2, law)).toBe("amplitude");
  });
});
