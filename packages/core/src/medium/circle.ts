/** The members that share one group's work on one channel. */

import type { Wave } from "../wave/wave.ts";
import type { Listener } from "./medium.ts";

/** Whose turn it is in one group, on whatever channel. */
export class Rota {
  next = 0;
}

/** Gives each member its turn. Those come first who hear the wave and have room for it. */
export class Circle {
  readonly members: readonly Listener[];
  readonly #rota: Rota;

  constructor(members: readonly Listener[], rota: Rota) {
    this.members = members;
    this.#rota = rota;
  }

  /** Whether nobody has room. */
  get full(): boolean {
    return this.members.every((member) => member.full);
  }

  /**
   * The next member in turn that hears `wave` and has room; else the next that hears it; else the next. A wave that
   * may be emitted again goes to the same member each time, so that this one can know it again.
   */
  pick(wave: Wave): Listener | undefined {
    const count = this.members.length;
    const start = wave.named ? hash(wave.id) % count : this.#rota.next++ % count;
    let second: Listener | undefined;
    for (let tries = 0; tries < count; tries++) {
      const member = this.members[(start + tries) % count];
      if (member?.hears(wave) === true) {
        if (!member.full) {
          return member;
        }
        second ??= member;
      }
    }
    return second ?? this.members[start];
  }
}

/** A number of 32 bits that is the same for the same text (FNV-1a). */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  }
  return value >>> 0;
}
