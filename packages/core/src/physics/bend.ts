/** Bends: what a wave loses when it goes around an obstacle, and how often it may. docs/physics.md §9. */

/** The part of the amplitude that is left after one bend: 6 dB are lost. */
export const BEND = 0.5;

/** The amplitude of a wave of `amplitude` (0..1) after `bends` bends: `A · 0.5^n`. docs/physics.md §9. */
export function bent(amplitude: number, bends: number): number {
  return amplitude * BEND ** bends;
}

/**
 * How many candidates a wave of `amplitude` may be offered to, the first included: `⌊log2(A / Amin)⌋`, and 1 for
 * whatever is quieter. Even the last try is at least twice `minAmplitude`, so it is still audible on its arrival.
 * `Infinity` when nothing is inaudible. docs/physics.md §9.
 */
export function triesOf(amplitude: number, minAmplitude: number): number {
  return minAmplitude > 0 ? Math.max(1, Math.floor(Math.log2(amplitude / minAmplitude))) : Number.POSITIVE_INFINITY;
}
