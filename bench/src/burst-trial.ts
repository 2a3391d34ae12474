/** A trial whose passes emit one burst at once, and end when every delivery of it has been counted. */

import { speedTrial } from "./harness.ts";
import type { Trial } from "./row.ts";
import type { Tally } from "./tally.ts";
import { BURST } from "./traffic.ts";

/** Emits per second by `emit`, which `tally` counts one delivery each of. */
export function burstTrial(tally: Tally, emit: () => Promise<unknown>, close: () => Promise<void>): Trial {
  return speedTrial({
    operations: BURST,
    async pass() {
      const sent = new Array<unknown>(BURST);
      for (let i = 0; i < BURST; i++) sent[i] = emit();
      await Promise.all(sent);
      await tally.reach(BURST);
    },
    verify: () => tally.verify(),
    close,
  });
}
