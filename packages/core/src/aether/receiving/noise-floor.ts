/** What a noise floor may be asked to be: a number, or one that follows the load. docs/physics.md §3. */

import { expected } from "../../errors.ts";
import { type FloorOptions, floorOptions } from "../../physics/floor-options.ts";

/** Constants of an adaptive noise floor that people may tune; {@link FloorOptions} has their meaning and defaults. */
export interface AdaptiveFloorOptions extends Partial<Omit<FloorOptions, "staticFloor" | "bands">> {
  /** Amplitude below which it never listens, 0..1. Default 0.01. */
  readonly static?: number | undefined;
}

/** An amplitude from 0 to 1; `"adaptive"`; or that with constants of one's own. */
export type NoiseFloorOption = number | "adaptive" | AdaptiveFloorOptions;

/** A noise floor as a resonance runs by it. */
export interface NoiseFloor {
  /** Amplitude below which it never listens, 0..1. */
  readonly floor: number;
  /** What moves it above that; `undefined`: nothing does. */
  readonly adaptive: FloorOptions | undefined;
}

export const DEFAULT_NOISE_FLOOR: NoiseFloor = { floor: 0.01, adaptive: undefined };

/** The noise floor that `option` asks for. Throws `AETHER_BAD_OPTION`. */
export function noiseFloorOf(option: NoiseFloorOption): NoiseFloor {
  if (option === "adaptive") {
    return noiseFloorOf({});
  }
  if (typeof option === "number" && option >= 0 && option <= 1) {
    return { floor: option, adaptive: undefined };
  }
  if (typeof option !== "object" || option === null || Array.isArray(option)) {
    throw expected("noiseFloor", 'a number from 0 to 1, "adaptive", or an object of its constants', option);
  }
  const { static: floor = DEFAULT_NOISE_FLOOR.floor, ...constants } = option;
  if (typeof floor !== "number" || !(floor >= 0 && floor <= 1)) {
    throw expected("noiseFloor.static", "a number from 0 to 1", floor);
  }
  for (const name of ["staticFloor", "bands"]) {
    if (Object.hasOwn(constants, name)) {
      throw expected("options of noiseFloor", "`static` and the constants of an AdaptiveFloor but `bands`", name);
    }
  }
  return { floor, adaptive: floorOptions({ ...constants, staticFloor: floor }) };
}
