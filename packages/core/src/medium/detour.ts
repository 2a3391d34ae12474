/** Detours: how a wave finds its way through a group of which some members are in trouble. docs/physics.md §9. */

import { triesOf } from "../physics/bend.ts";
import type { Wave } from "../wave/wave.ts";
import type { Listener, Uptake } from "./medium.ts";
import { offer } from "./offer.ts";

/** A member, and the wave as it comes to it. */
interface Offer {
  readonly member: Listener;
  readonly wave: Wave;
}

/**
 * Carries `wave` to one member of a group: what a medium does with each wave that is no broadcast. `candidates` are the
 * members in the order in which they are to be asked.
 *
 * It goes to the first that is clear, hears it and has room; else to one without room; else to one in trouble, which is
 * better than none; else to one that does not hear it. Each member in trouble that stands before halves its amplitude.
 * A command or query that is refused goes on to the next, weaker by a bend each time, until nobody is left or it is too
 * quiet to go on; nobody is asked twice, and nobody who was passed over is gone back to. `refuser` has refused it before.
 */
export function carryAround(wave: Wave, candidates: readonly Listener[], refuser?: Listener): Uptake {
  // One with a fault has no numbers to count on: whoever it comes to absorbs it.
  const tries = wave.fault === undefined ? triesOf(wave.amplitude, wave.surroundings.minAmplitude) : 1;
  const had = wave.around;
  const left = had.length === 0 ? candidates : candidates.filter((member) => !had.includes(instanceOf(member)));
  let met: readonly string[] = refuser === undefined ? [] : [instanceOf(refuser)];
  while (met.length < tries) {
    const next = nextOffer(wave, left, met, tries);
    if (next === undefined) {
      break;
    }
    const { member } = next;
    const uptake = offer(member, next.wave);
    if (uptake !== "refused" || wave.exchange === undefined || !member.diffracts) {
      return uptake;
    }
    met = [...next.wave.around.slice(had.length), instanceOf(member)];
  }
  return "refused";
}

/** Who is asked next, of those that are not among the instances `met`. */
function nextOffer(
  wave: Wave,
  candidates: readonly Listener[],
  met: readonly string[],
  tries: number,
): Offer | undefined {
  const direct = wave.goingAround(met);
  const around = [...met];
  let bent = direct;
  let full: Offer | undefined;
  let opaque: Offer | undefined;
  let deaf: Offer | undefined;
  for (const member of candidates) {
    if (met.includes(instanceOf(member))) {
      continue;
    }
    if (member.opaqueTo(wave)) {
      opaque ??= { member, wave: direct };
      around.push(instanceOf(member));
      if (around.length >= tries) {
        break;
      }
      bent = wave.goingAround(around);
    } else if (!member.hears(bent)) {
      deaf ??= { member, wave: bent };
    } else if (member.full) {
      full ??= { member, wave: bent };
    } else {
      return { member, wave: bent };
    }
  }
  // A wave that its emitter sends again is a luxury: it goes to nobody who is short of anything.
  return wave.around.length > 0 ? undefined : (full ?? opaque ?? deaf);
}

function instanceOf(member: Listener): string {
  return member.presence.instance;
}
