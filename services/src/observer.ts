/** The gateway's observer: sees every wave, takes part in nothing, and can slow nobody down. */

import type { ResonanceOptions, Wave } from "@aether/core";
import { defineService, type Service } from "@aether/service";

/** Waves are shown in the order they came in, also where a louder one is right behind. */
const BY_ARRIVAL: ResonanceOptions = { order: "fifo" };

/** An observer that hands each wave to `show`. */
export function observer(show: (wave: Wave) => void): Service {
  return defineService("gateway-observer", async ({ aether }) => {
    await aether.observe(">", (wave) => show(wave), BY_ARRIVAL);
  });
}
