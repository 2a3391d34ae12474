/** The constants of one medium: what its laws are set to. docs/physics.md lists them with their meaning. */

import { expected } from "../errors.ts";
import type { Attenuation } from "./attenuation.ts";

/** The settings of the laws, as the flow uses them. */
export interface Physics extends Attenuation {
  /** Amplitude below which a wave is inaudible to everybody, 0..1. */
  readonly minAmplitude: number;
  /** How many crossings a chain of waves may make, 1..255. */
  readonly maxHops: number;
  /** No ephemeral wave lives longer than this, whatever its half-life. */
  readonly maxLifetimeMs: number;
  /** Whether louder bands are served more often; false: inboxes are served by arrival. */
  readonly bands: boolean;
  /** Whether waves fade with age and hops. */
  readonly fades: boolean;
  /** Whether resonances have a noise floor. */
  readonly floors: boolean;
  /** Whether waves that failed come back to their emitter. */
  readonly reflects: boolean;
  /** Whether waves go around members of a group that are in trouble. */
  readonly diffracts: boolean;
}

/** The settings of the laws, as they are asked for. */
export interface PhysicsOptions {
  /** Amplitude kept per crossing, above 0 and up to 1. Default 0.95. */
  readonly attenuationFactor?: number | undefined;
  /** Milliseconds in which a wave loses half its amplitude. Default 60,000; `Infinity` is allowed. */
  readonly halfLifeMs?: number | undefined;
  /** Amplitude below which nobody hears a wave, 0..1. Default 0.01. */
  readonly minAmplitude?: number | undefined;
  /** Hops that a chain of waves may make, 1..255. Default 16. */
  readonly maxPropagation?: number | undefined;
  /** `false`: inboxes are served by arrival, whatever the amplitudes. docs/physics.md §1. */
  readonly bands?: boolean | undefined;
  /** `false`: nothing fades, by age or by hops. docs/physics.md §2. */
  readonly attenuation?: boolean | undefined;
  /** `false`: no noise floor keeps a wave out. docs/physics.md §3. */
  readonly floor?: boolean | undefined;
  /** `false`: no wave comes back as a reflection; whoever waits is still told. docs/physics.md §7. */
  readonly reflection?: boolean | undefined;
  /** `false`: members of a group are chosen without a look at how they fare. docs/physics.md §9. */
  readonly diffraction?: boolean | undefined;
}

export const DEFAULT_PHYSICS: Physics = {
  perHop: 0.95,
  halfLifeMs: 60_000,
  minAmplitude: 0.01,
  maxHops: 16,
  maxLifetimeMs: 3_600_000,
  bands: true,
  fades: true,
  floors: true,
  reflects: true,
  diffracts: true,
};

/** One switch for each law. */
const SWITCHES = ["bands", "attenuation", "floor", "reflection", "diffraction"] as const;
const PHYSICS_OPTIONS: readonly string[] = [
  "attenuationFactor",
  "halfLifeMs",
  "minAmplitude",
  "maxPropagation",
  ...SWITCHES,
];

/** What attenuation comes to when it is off. */
const NO_ATTENUATION = {
  perHop: 1,
  halfLifeMs: Number.POSITIVE_INFINITY,
  minAmplitude: 0,
  maxLifetimeMs: Number.POSITIVE_INFINITY,
  fades: false,
} as const;

/** Every law off; the hop limit stays, for it is safety, and so does the way back of what failed. */
const NO_PHYSICS: Physics = {
  ...DEFAULT_PHYSICS,
  ...NO_ATTENUATION,
  bands: false,
  floors: false,
  diffracts: false,
};

/** The laws that `options` ask for; `false` switches them off. Throws `AETHER_BAD_OPTION`. */
export function physicsOf(options: PhysicsOptions | false | undefined): Physics {
  if (options === false) {
    return NO_PHYSICS;
  }
  if (options !== undefined && (typeof options !== "object" || options === null)) {
    throw expected("physics", "an object, or false to switch every law off", options);
  }
  for (const name of Object.keys(options ?? {})) {
    if (!PHYSICS_OPTIONS.includes(name)) {
      throw expected("options of physics", `only ${PHYSICS_OPTIONS.join(", ")}`, name);
    }
  }
  const {
    attenuationFactor: perHop = DEFAULT_PHYSICS.perHop,
    halfLifeMs = DEFAULT_PHYSICS.halfLifeMs,
    minAmplitude = DEFAULT_PHYSICS.minAmplitude,
    maxPropagation: maxHops = DEFAULT_PHYSICS.maxHops,
  } = options ?? {};
  if (typeof perHop !== "number" || !(perHop > 0 && perHop <= 1)) {
    throw expected("physics.attenuationFactor", "a number above 0 and up to 1", perHop);
  }
  if (typeof minAmplitude !== "number" || !(minAmplitude >= 0 && minAmplitude <= 1)) {
    throw expected("physics.minAmplitude", "a number from 0 to 1", minAmplitude);
  }
  if (!Number.isInteger(maxHops) || maxHops < 1 || maxHops > 255) {
    throw expected("physics.maxPropagation", "a whole number from 1 to 255", maxHops);
  }
  for (const name of SWITCHES) {
    const value = options?.[name];
    if (value !== undefined && typeof value !== "boolean") {
      throw expected(`physics.${name}`, "true or false", value);
    }
  }
  const { bands = true, attenuation = true, floor = true, reflection = true, diffraction = true } = options ?? {};
  return {
    ...DEFAULT_PHYSICS,
    perHop,
    halfLifeMs: halfLifeOf(halfLifeMs),
    minAmplitude,
    maxHops,
    ...(!attenuation && NO_ATTENUATION),
    bands,
    floors: floor,
    reflects: reflection,
    diffracts: diffraction,
  };
}

/** `halfLifeMs` if it is one: above 0, `Infinity` included. Throws `AETHER_BAD_OPTION`. */
export function halfLifeOf(halfLifeMs: number): number {
  if (typeof halfLifeMs === "number" && halfLifeMs > 0) {
    return halfLifeMs;
  }
  throw expected("halfLifeMs", "a number of milliseconds above 0 (Infinity: it does not fade)", halfLifeMs);
}
