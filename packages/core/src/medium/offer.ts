/** Offering a wave to a listener, who may not even want to be handed it. docs/physics.md §3. */

import type { Wave } from "../wave/wave.ts";
import type { Listener, Uptake } from "./medium.ts";

/**
 * Hands `wave` to `listener`, or keeps it away and says so, when its band is not wanted. One with a fault has no band to
 * count on: it is handed over, and absorbed.
 */
export function offer(listener: Listener, wave: Wave): Uptake {
  if (listener.lowestBand > 0 && wave.fault === undefined && wave.band < listener.lowestBand) {
    listener.filtered(wave);
    return "refused";
  }
  return listener.receive(wave);
}
