/** Receipts: what an emit resolves to. */

import type { Wave } from "../wave/wave.ts";

/** What became of an emitted wave. */
export interface Receipt {
  /** Id of the wave. */
  readonly id: string;
  /**
   * `"travelled"`: the medium has it. `"faded"`: too quiet to cross the medium. `"exhausted"`: over the hop limit.
   */
  readonly outcome: "travelled" | "faded" | "exhausted";
  /** Groups that took it, where the medium knows. */
  readonly heard?: number;
  /** Where it was recorded. */
  readonly position?: string;
}

/** The receipt of a wave that has travelled. */
export function receiptOf({ id }: Wave, heard: number | undefined): Receipt {
  return heard === undefined ? { id, outcome: "travelled" } : { id, outcome: "travelled", heard };
}
