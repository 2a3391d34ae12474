/** Memory pressure: from how much of the limit is used to what is done about it. Pure. */

import { BANDS } from "@aether/core";

/** The share of the limit from which on quiet waves are not listened to any more. */
const SOFT = 0.8;
/** The share from which on it takes no new work. */
const HARD = 0.95;

export interface MemoryPressure {
  /** 0 below the soft limit, 1 at the limit. */
  readonly pressure: number;
  /** What noise floors are raised to: by whole bands, and never above what is critical. */
  readonly floor: number;
  /** Whether it may take work. */
  readonly isReady: boolean;
  /** Whether the limit is reached. */
  readonly isOver: boolean;
}

/** What `used` bytes of `limit` mean; without a limit nothing. */
export function memoryPressureOf(used: number, limit: number | undefined): MemoryPressure {
  if (limit === undefined) {
    return { pressure: 0, floor: 0, isReady: true, isOver: false };
  }
  const share = used / limit;
  const pressure = Math.min(1, Math.max(0, (share - SOFT) / (1 - SOFT)));
  const floor = Math.min(BANDS - 1, Math.ceil(pressure * BANDS)) / BANDS;
  return { pressure, floor, isReady: share < HARD, isOver: share >= 1 };
}
