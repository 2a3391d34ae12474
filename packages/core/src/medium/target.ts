/** Targets: whether a wave that names its receiver is meant for a listener. */

import type { Target } from "../wave/wave.ts";
import type { Presence } from "./medium.ts";

/** Whether a wave with the target `to` is for the listener of `presence`; without a target it is for everybody. */
export function isMeantFor(to: Target | undefined, presence: Presence): boolean {
  return (
    to === undefined ||
    (to.group === presence.group &&
      to.name === presence.name &&
      (to.instance === undefined || to.instance === presence.instance))
  );
}
