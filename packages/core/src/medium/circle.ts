/** The members that share one group's work on one channel. */

import { hash32 } from "../physics/hash.ts";
import { attraction } from "../physics/rendezvous.ts";
import type { Wave } from "../wave/wave.ts";
import { carryAround } from "./detour.ts";
import type { Listener, Uptake } from "./medium.ts";

/** Whose turn it is in one group, on whatever channel. */
export class Rota {
  next = 0;
}

/** Gives each member its turn. Those come first who hear the wave, have room for it, and are not in trouble. */
export class Circle {
  readonly members: readonly Listener[];
  readonly #rota: Rota;
  /** Whether waves go around members in trouble: all of them must want that. Without it keys mean nothing here. */
  readonly #diffracts: boolean;
  /** Of each member's instance; made when the first wave asks for it. */
  #hashes: readonly number[] | undefined;

  constructor(members: readonly Listener[], rota: Rota) {
    this.members = members;
    this.#rota = rota;
    this.#diffracts = members.every((member) => member.diffracts);
  }

  /** Whether nobody has room. */
  get full(): boolean {
    return this.members.every((member) => member.full);
  }

  /**
   * Hands `wave` to one member. A wave with a key, or with an id that may be emitted again and is to be known again,
   * goes to the same member each time, by rendezvous hashing; others take turns. Members that are full, do not hear the
   * wave, or are in trouble are passed over. docs/physics.md §9.
   */
  carry(wave: Wave): Uptake {
    const owner = (this.#diffracts ? wave.key : undefined) ?? (wave.named ? wave.id : undefined);
    const isAgain = wave.around.length > 0;
    const turn = owner !== undefined ? 0 : isAgain ? this.#rota.next : this.#rota.next++;
    const first = owner === undefined ? this.members[turn % this.members.length] : this.#owner(hash32(owner));
    let refuser: Listener | undefined;
    if (first !== undefined && !isAgain && isClear(first, wave)) {
      const uptake = first.receive(wave);
      if (uptake !== "refused" || wave.exchange === undefined || !first.diffracts) {
        return uptake;
      }
      refuser = first;
    }
    const candidates = owner === undefined ? this.#inTurn(turn) : this.#ranked(hash32(owner));
    return carryAround(wave, candidates, refuser);
  }

  /** Members from the one whose turn it is on. What that one leaves is dealt to the others in turn as well. */
  #inTurn(turn: number): readonly Listener[] {
    const { members } = this;
    const { length } = members;
    const start = turn % length;
    const others = [...members.slice(start + 1), ...members.slice(0, start)];
    const shift = Math.floor(turn / length) % Math.max(1, length - 1);
    return [...members.slice(start, start + 1), ...others.slice(shift), ...others.slice(0, shift)];
  }

  #attraction(keyHash: number, i: number): number {
    this.#hashes ??= this.members.map(({ presence }) => hash32(presence.instance));
    return attraction(keyHash, this.#hashes[i] ?? 0);
  }

  /** The member that stands first for a key. */
  #owner(keyHash: number): Listener | undefined {
    let best = 0;
    let most = this.#attraction(keyHash, 0);
    for (let i = 1; i < this.members.length; i++) {
      const attracted = this.#attraction(keyHash, i);
      if (attracted > most) {
        most = attracted;
        best = i;
      }
    }
    return this.members[best];
  }

  /** All members in the order in which they are asked for a key. */
  #ranked(keyHash: number): readonly Listener[] {
    return this.members
      .map((member, i) => ({ member, attracted: this.#attraction(keyHash, i) }))
      .sort((a, b) => b.attracted - a.attracted)
      .map(({ member }) => member);
  }
}

/** Whether `member` takes `wave` as it is. */
function isClear(member: Listener, wave: Wave): boolean {
  return member.hears(wave) && !member.full && !member.opaqueTo(wave);
}
