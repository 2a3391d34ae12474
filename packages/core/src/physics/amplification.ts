/** Re-amplification: what a repeater may give back to a wave, so that no loop of repeaters ever grows. docs/physics.md §2. */

/** What a repeater knows of a wave. */
export interface Amplifiable {
  /** Amplitude with which it stands at the repeater, 0..1. */
  readonly amplitude: number;
  /** By how much it was amplified in all before. */
  readonly gain: number;
  /** Crossings of the whole chain so far. */
  readonly hops: number;
}

/** The laws that bound repeaters. */
export interface Repeating {
  /** The part of the amplitude that is kept at each crossing, above 0 and up to 1. */
  readonly perHop: number;
  /** Most crossings of a chain. */
  readonly maxHops: number;
}

/**
 * Why a wave is not amplified. `"factor"`: by more than one crossing costs. `"gain"`: in all by more than 10.
 * `"repeated"`: this repeater has amplified it before. `"hops"`: its chain is at the hop limit. `"amplitude"`: it would
 * be louder than 1.
 */
export type AmplifyRefusal = "factor" | "gain" | "repeated" | "hops" | "amplitude";

/** No wave is amplified by more than this in all, whatever repeaters it meets: 20 dB. */
export const MOST_GAIN = 10;
/** What rounding may add to a product that should be the limit itself. */
const ROUNDING = 1e-12;

/** The most by which a repeater may amplify: `1/β`, what one crossing costs. */
export function mostFactor({ perHop }: Pick<Repeating, "perHop">): number {
  return 1 / perHop;
}

/**
 * `wave` amplified by `factor`: `A' = g·A` and `gain' = gain·g`, one hop further. Or why not: `g ≤ 1/β`,
 * `gain·g ≤ 10`, not `known` to the repeater, `hops < maxHops`, `A' ≤ 1`, in this order. `lenient` leaves the first out:
 * then a wave may live `hl · log2 10` longer, and no more.
 */
export function amplified(
  wave: Amplifiable,
  factor: number,
  law: Repeating,
  known = false,
  lenient = false,
): Amplifiable | AmplifyRefusal {
  if (!(factor > 0) || (!lenient && factor > mostFactor(law) * (1 + ROUNDING))) {
    return "factor";
  }
  const gain = wave.gain * factor;
  if (!(gain <= MOST_GAIN)) {
    return "gain";
  }
  if (known) {
    return "repeated";
  }
  if (!(wave.hops < law.maxHops)) {
    return "hops";
  }
  const amplitude = wave.amplitude * factor;
  if (!(amplitude <= 1 + ROUNDING)) {
    return "amplitude";
  }
  return { amplitude: Math.min(1, amplitude), gain, hops: wave.hops + 1 };
}
