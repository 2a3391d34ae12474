/** The members that share one group's work on one channel. */

import type { Listener } from "./medium.ts";

/** Gives each member its turn, and prefers one that has room. */
export class Circle {
  readonly members: readonly Listener[];
  #next = 0;

  constructor(members: readonly Listener[]) {
    this.members = members;
  }

  /** Whether nobody has room. */
  get full(): boolean {
    return this.members.every((member) => member.full);
  }

  /** The next member in turn that has room; the next in turn when none has. */
  pick(): Listener | undefined {
    for (let tries = 0; tries < this.members.length; tries++) {
      const member = this.#advance();
      if (member?.full === false) {
        return member;
      }
    }
    return this.#advance();
  }

  #advance(): Listener | undefined {
    const member = this.members[this.#next];
    this.#next = this.#next + 1 < this.members.length ? this.#next + 1 : 0;
    return member;
  }
}
