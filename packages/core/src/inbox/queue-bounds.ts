/** The bounds and the order that a queue is asked for, checked. */

import { expected } from "../errors.ts";
import { BANDS } from "../physics/amplitude.ts";

/** Bounds and order of a queue. */
export interface AmplitudeQueueOptions {
  /** Most items, at least 1. */
  readonly cap: number;
  /** Most bytes; default no bound. */
  readonly capBytes?: number | undefined;
  /** How many bands, 1..30; default 8. */
  readonly bands?: number | undefined;
  /** Share of each band in the order of service; default `2^band`. */
  readonly weights?: readonly number[] | undefined;
  /**
   * `"banded"` (default): louder bands more often; `"fifo"`: by arrival, one band; `"strongest"`: always the one that
   * is loudest now.
   */
  readonly order?: "banded" | "fifo" | "strongest" | undefined;
}

/** The bounds and bands that `options` ask for. Throws `AETHER_BAD_OPTION`. */
export function queueBounds(options: AmplitudeQueueOptions): { cap: number; capBytes: number; bands: number } {
  if (typeof options !== "object" || options === null) {
    throw expected("options of AmplitudeQueue", "an object with `cap`", options);
  }
  const { cap, capBytes = Number.POSITIVE_INFINITY, bands = BANDS, order = "banded" } = options;
  if (!Number.isInteger(cap) || cap < 1) {
    throw expected("cap", "a whole number of at least 1", cap);
  }
  if (typeof capBytes !== "number" || !(capBytes >= 1)) {
    throw expected("capBytes", "a number of at least 1", capBytes);
  }
  if (!Number.isInteger(bands) || bands < 1 || bands > 30) {
    throw expected("bands", "a whole number from 1 to 30", bands);
  }
  if (order !== "banded" && order !== "fifo" && order !== "strongest") {
    throw expected("order", '"banded", "fifo" or "strongest"', order);
  }
  return { cap, capBytes, bands: order === "fifo" ? 1 : bands };
}
