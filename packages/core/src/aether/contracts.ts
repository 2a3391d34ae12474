/** Contracts: those that an aether has seen, so that a payload can be checked where only a name is given. */

import type { Channel } from "../wave/channel.ts";
import { matches } from "../wave/pattern.ts";
import { Recent } from "../wave/recent.ts";

const MOST_CONTRACTS = 4096;

/** The contracts of one aether, by name; those that were used last are kept. */
export class Contracts {
  readonly #known = new Recent<string, Channel>(MOST_CONTRACTS);

  /** A contract that waves are emitted by. One that they are heard by goes first. */
  emits(contract: Channel): void {
    if (this.#known.get(contract.name) === undefined) {
      this.#known.set(contract.name, contract);
    }
  }

  /** A contract that waves are heard by. */
  hears(contract: Channel): void {
    this.#known.set(contract.name, contract);
  }

  /** The contract of `channel`: the one of its name, else one whose pattern covers it. */
  of(channel: string): Channel | undefined {
    const named = this.#known.get(channel);
    if (named !== undefined) {
      return named;
    }
    for (const contract of this.#known.values()) {
      if (matches(contract.name, channel)) {
        return contract;
      }
    }
    return undefined;
  }
}
