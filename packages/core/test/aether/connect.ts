/** Aethers that are closed when their test has ended, and the law that their counters must obey. */

import { Aether, type AetherOptions, type Stats } from "@aether/core";
import { expect, onTestFinished } from "vitest";
import { ManualClock } from "./manual-clock.ts";

/** An aether for one test. What still runs at the end of the test is given up. */
export async function connect(options: AetherOptions = {}): Promise<Aether> {
  const aether = await Aether.connect(options);
  onTestFinished(async () => {
    const closing = aether.close({ deadlineMs: 0 });
    if (options.clock instanceof ManualClock) {
      await options.clock.advance(1);
    }
    await closing;
  });
  return aether;
}

/** The sum of all reasons for which waves were absorbed. */
export function absorbedOf(stats: Stats): number {
  return Object.values(stats.absorbed).reduce((sum, count) => sum + count, 0);
}

/** Conservation of waves: what was received is somewhere, exactly. */
export function expectBalance(stats: Stats): void {
  const { received, delivered, coalesced, annihilated, queued } = stats;
  const accounted = delivered + coalesced + annihilated + queued + absorbedOf(stats);
  if (received !== accounted) {
    expect({ ...stats, accounted }).toEqual({ ...stats, accounted: received });
  }
}
