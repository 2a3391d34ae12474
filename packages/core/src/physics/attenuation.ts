/** Attenuation: a wave loses amplitude with age and with every crossing, and so has a lifetime. docs/physics.md §2. */

/** How fast waves fade. */
export interface Attenuation {
  /** Time in milliseconds in which half of the amplitude is lost; `Infinity`: age costs nothing. */
  readonly halfLifeMs: number;
  /** The part of the amplitude that is kept at each crossing, above 0 and up to 1. */
  readonly perHop: number;
}

/** What {@link amplitudeAt} needs to know of a wave, under the names of the envelope. */
export interface Emission {
  /** Amplitude at the last emission, 0..1. */
  readonly a0: number;
  /** Half-life in milliseconds; 0 stands for none, as it does on the wire. */
  readonly hl: number;
  /** Milliseconds gathered before it arrived here. */
  readonly age: number;
  /** When it arrived here, in milliseconds on the receiver's monotonic clock. */
  readonly arrivedAt: number;
}

const DEFAULT_PER_HOP = 0.95;
const DEFAULT_LIMITS = { halfLifeMs: 60_000, perHop: DEFAULT_PER_HOP, minAmplitude: 0.01 };

/** The part of `amplitude` that is left after `ageMs` and `hops` crossings: `A · 2^(−t/hl) · β^h`. docs/physics.md §2. */
export function attenuate(amplitude: number, ageMs: number, hops: number, law: Attenuation): number {
  const ages = ageMs > 0 && law.halfLifeMs < Number.POSITIVE_INFINITY;
  const aged = ages ? amplitude * 2 ** (-ageMs / law.halfLifeMs) : amplitude;
  return hops === 1 ? aged * law.perHop : aged * law.perHop ** hops;
}

/** The amplitude of a wave after its one crossing, at `now` on the receiver's monotonic clock. docs/physics.md §2. */
export function amplitudeAt(wave: Emission, now: number, law: { readonly perHop: number } = DEFAULT_LIMITS): number {
  const age = wave.age + Math.max(0, now - wave.arrivedAt);
  return attenuate(wave.a0, age, 1, { halfLifeMs: wave.hl || Number.POSITIVE_INFINITY, perHop: law.perHop });
}

/** How long a wave stays audible: `hl · log2(A·β^h / Amin)` in milliseconds, 0 when it never was. docs/physics.md §2. */
export function lifetimeMs(
  amplitude: number,
  hops: number,
  law: Attenuation & { readonly minAmplitude: number } = DEFAULT_LIMITS,
): number {
  const heard = attenuate(amplitude, 0, hops, law);
  if (!(heard > law.minAmplitude)) {
    return 0;
  }
  return law.minAmplitude === 0 ? Number.POSITIVE_INFINITY : law.halfLifeMs * Math.log2(heard / law.minAmplitude);
}

/**
 * How many crossings a wave of `amplitude` may make and still be audible: `⌊ln(Amin / A0) / ln β⌋`; 0 when it never was,
 * `Infinity` where crossings cost nothing. The hop limit, which is safety, holds besides. docs/physics.md §2.
 */
export function maxHops(
  amplitude: number,
  law: { readonly perHop: number; readonly minAmplitude: number } = DEFAULT_LIMITS,
): number {
  if (!(amplitude >= law.minAmplitude && amplitude > 0)) {
    return 0;
  }
  return law.perHop === 1
    ? Number.POSITIVE_INFINITY
    : Math.floor(Math.log(law.minAmplitude / amplitude) / Math.log(law.perHop));
}
