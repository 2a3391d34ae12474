/** The ways in which the receiver may deal with too much, as options of its resonance. */

import type { ResonanceOptions } from "@aether/core";

/** A name for the table, and what it stands for. */
export interface Policy {
  readonly name: string;
  readonly options: ResonanceOptions;
}

export const ADAPTIVE: Policy = { name: "adaptive floor", options: { noiseFloor: "adaptive" } };
export const FIFO: Policy = { name: "by arrival", options: { order: "fifo", noiseFloor: 0 } };

export const POLICIES: readonly Policy[] = [
  ADAPTIVE,
  { name: "static floor 0.3", options: { noiseFloor: 0.3 } },
  { name: "louder first", options: { noiseFloor: 0 } },
  FIFO,
];
