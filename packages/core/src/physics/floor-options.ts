/** The constants of the adaptive noise floor, checked, with their defaults. docs/physics.md §3. */

import { expected } from "../errors.ts";
import { BANDS } from "./amplitude.ts";

/** What an adaptive noise floor works by. Times are milliseconds. */
export interface FloorOptions {
  /** Delay that waves may have in the inbox, at least 1. Default 20. */
  readonly targetMs: number;
  /** Time between two decisions. Default 20. */
  readonly tickMs: number;
  /** Gain on the distance from the target, above 0. Default 0.02. */
  readonly alpha: number;
  /** Gain on the change of the delay, above 0. Default 0.1. */
  readonly beta: number;
  /** Most targets that a distance or a change counts as. Default 3. */
  readonly errCap: number;
  /** Largest share of waves that is shed, up to 0.99, which is the default. */
  readonly maxShed: number;
  /** How finely amplitudes are told apart: bins of the histogram. Default 64. */
  readonly bins: number;
  /** How long amplitudes are remembered. Default 500. */
  readonly histTauMs: number;
  /** Below this share, and with less than half the target as delay, nothing is shed. Default 0.2. */
  readonly safeguardShed: number;
  /** Overload, as arrivals over service, from which on the gains shrink. Default 8. */
  readonly rhoKnee: number;
  /** Bands that a medium can keep away. Default 8. */
  readonly bands: number;
  /** How long the lowest band must be shed as a whole before it is kept away. Default 200. */
  readonly raiseHoldMs: number;
  /** Share that must be shed before a band is kept away. Default 0.5. */
  readonly raiseShed: number;
  /** How long it must be calm before a band is let in again. Default 1000. */
  readonly lowerHoldMs: number;
  /** Share below which it is calm. Default 0.05. */
  readonly lowerShed: number;
  /** Most times that `lowerHoldMs` is taken when calm does not last. Default 32. */
  readonly backoffMax: number;
  /** Amplitude below which nothing is admitted, whatever the load. Default 0. */
  readonly staticFloor: number;
}

const DEFAULT_FLOOR: FloorOptions = {
  targetMs: 20,
  tickMs: 20,
  alpha: 0.02,
  beta: 0.1,
  errCap: 3,
  maxShed: 0.99,
  bins: 64,
  histTauMs: 500,
  safeguardShed: 0.2,
  rhoKnee: 8,
  bands: BANDS,
  raiseHoldMs: 200,
  raiseShed: 0.5,
  lowerHoldMs: 1000,
  lowerShed: 0.05,
  backoffMax: 32,
  staticFloor: 0,
};

/** What an option must be, in words and as a check. */
interface Range {
  readonly words: string;
  readonly fits: (value: number) => boolean;
}

const above0: Range = { words: "a finite number above 0", fits: (value) => value > 0 };
const share: Range = { words: "a number from 0 to 1", fits: (value) => value >= 0 && value <= 1 };
const from0: Range = { words: "a finite number of at least 0", fits: (value) => value >= 0 };
const from1: Range = { words: "a finite number of at least 1", fits: (value) => value >= 1 };
const whole = (most: number): Range => ({
  words: `a whole number from 1 to ${most}`,
  fits: (value) => Number.isInteger(value) && value >= 1 && value <= most,
});

const RANGES: { readonly [K in keyof FloorOptions]: Range } = {
  targetMs: from1,
  tickMs: from1,
  alpha: above0,
  beta: above0,
  errCap: above0,
  maxShed: { words: "a number from 0 to 0.99", fits: (value) => value >= 0 && value <= 0.99 },
  bins: whole(4096),
  histTauMs: above0,
  safeguardShed: share,
  rhoKnee: from1,
  bands: whole(BANDS),
  raiseHoldMs: from0,
  raiseShed: share,
  lowerHoldMs: from0,
  lowerShed: share,
  backoffMax: from1,
  staticFloor: share,
};

function isOption(name: string): name is keyof FloorOptions {
  return Object.hasOwn(RANGES, name);
}

/**
 * `options` over the defaults. Throws `AETHER_BAD_OPTION` for what is unknown or out of range, and for gains with
 * which the floor would swing instead of settling at four times the capacity: `(tickMs / targetMs)(alpha + 2 beta)`
 * must be below 1.
 */
export function floorOptions(
  options: { readonly [K in keyof FloorOptions]?: FloorOptions[K] | undefined } = {},
): FloorOptions {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw expected("options of AdaptiveFloor", "an object", options);
  }
  const all: { -readonly [K in keyof FloorOptions]: number } = { ...DEFAULT_FLOOR };
  for (const name of Object.keys(options)) {
    if (!isOption(name)) {
      throw expected("options of AdaptiveFloor", `only ${Object.keys(RANGES).join(", ")}`, name);
    }
    const value: unknown = options[name];
    const { words, fits } = RANGES[name];
    if (value !== undefined) {
      if (typeof value !== "number" || !Number.isFinite(value) || !fits(value)) {
        throw expected(name, words, value);
      }
      all[name] = value;
    }
  }
  const gain = (all.tickMs / all.targetMs) * (all.alpha + 2 * all.beta);
  if (gain >= 1) {
    throw expected("(tickMs / targetMs)(alpha + 2 beta)", "below 1, or the floor would swing", gain);
  }
  return all;
}
