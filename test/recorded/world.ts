/** Aethers over one medium with a memory, on a clock that stands still. */

import type { Aether, AetherOptions, Medium, Recorder } from "@aether/core";
import { connect } from "../../packages/core/test/aether/connect.ts";
import { ManualClock } from "../../packages/core/test/aether/manual-clock.ts";
import { remembering } from "../../packages/testing/test/lawful/remembering.ts";

/** A medium, and an aether on it that has everything below `orders` recorded. */
export interface World {
  readonly aether: Aether;
  readonly medium: Medium;
  readonly clock: ManualClock;
  /** One more aether on the medium, as in another process. */
  join(options?: AetherOptions): Promise<Aether>;
  /** How many waves `group` has not handled. */
  pending(group: string): Promise<number>;
}

export async function world(options: AetherOptions = {}): Promise<World> {
  const clock = new ManualClock();
  const medium = remembering(clock);
  const join = (more: AetherOptions = {}): Promise<Aether> =>
    connect({ medium, clock, random: () => 0.999_999, ...more });
  const aether = await join({ recorded: ["orders.>"], ...options });
  const pending = async (group: string): Promise<number> => {
    const recorder = await recorderOf(medium);
    const places = (await recorder.groups()).filter((place) => place.group === group);
    return places.reduce((sum, place) => sum + place.pending, 0);
  };
  return { aether, medium, clock, join, pending };
}

/** A recorder on a link of its own. */
export async function recorderOf(medium: Medium): Promise<Recorder> {
  const { recorder } = await medium.open({
    connected: () => undefined,
    disconnected: () => undefined,
    interest: () => undefined,
    reflected: () => undefined,
    moment: () => {
      throw new Error("Expected nothing to arrive here");
    },
  });
  if (recorder === undefined) {
    throw new Error("Expected a medium that records");
  }
  return recorder;
}
