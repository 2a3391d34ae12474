/** Amplitude: how important a wave is, from 0 (inaudible) to 1 (must not be lost). docs/physics.md §1. */

import { expected } from "../errors.ts";

/** Names that people may use for an amplitude. */
export const AMPLITUDES = { critical: 0.95, normal: 0.5, bulk: 0.2, noise: 0.05 } as const;

/** An amplitude as it is written down: a number 0..1 or one of four names. */
export type Amplitude = number | keyof typeof AMPLITUDES;

/** How many bands the amplitudes are divided into. */
export const BANDS = 8;

/** The band of an amplitude at emission: `min(bands − 1, ⌊amplitude · bands⌋)`, 0 is the quietest. */
export function band(amplitude: number, bands: number = BANDS): number {
  const index = Math.floor(amplitude * bands);
  return index < bands ? index : bands - 1;
}

/** The number that `amplitude` stands for; anything but 0..1 or a known name is refused. */
export function amplitudeOf(amplitude: Amplitude): number {
  const value = typeof amplitude === "string" ? AMPLITUDES[amplitude] : amplitude;
  if (typeof value === "number" && value >= 0 && value <= 1) {
    return value;
  }
  throw expected("amplitude", "a number from 0 to 1 or one of critical, normal, bulk, noise", amplitude);
}
