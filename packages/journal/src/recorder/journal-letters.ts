/** The dead letters of recorded waves in a journal: `DeadLetterStore` of one link. */

import {
  type DeadLetter,
  type DeadLetterPurge,
  type DeadLetterQuery,
  type DeadLetterStats,
  type DeadLetterStore,
  type Moment,
  matches,
  type NewDeadLetter,
} from "@aether/core";
import type { Ledger } from "./ledger.ts";
import { letterIdOf } from "./letter-shelf.ts";

function covers(pattern: string | undefined, channel: string): boolean {
  return pattern === undefined || matches(pattern, channel);
}

/** The letters, as one link sees them. */
export class JournalLetters implements DeadLetterStore {
  readonly #ledger: Ledger;
  readonly #moment: () => Moment;

  constructor(ledger: Ledger, moment: () => Moment) {
    this.#ledger = ledger;
    this.#moment = moment;
  }

  async add(letter: NewDeadLetter): Promise<string> {
    const id = letterIdOf(letter.group, letter.name, letter.wave.id);
    await this.#ledger.bury(id, letter);
    return id;
  }

  async *list({ pattern, limit = Number.POSITIVE_INFINITY }: DeadLetterQuery): AsyncGenerator<DeadLetter> {
    let left = limit;
    for (const [id, { channel }] of this.#ledger.letters.entries()) {
      if (left <= 0) {
        return;
      }
      const letter = covers(pattern, channel) ? await this.#ledger.letter(id, this.#moment()) : undefined;
      if (letter !== undefined) {
        yield letter;
        left--;
      }
    }
  }

  async take(id: string): Promise<DeadLetter | undefined> {
    if (!this.#ledger.claims.claim(id)) {
      return undefined;
    }
    const letter = await this.#ledger.letter(id, this.#moment());
    if (letter === undefined) {
      this.#ledger.claims.release(id);
    }
    return letter;
  }

  async putBack(id: string): Promise<void> {
    this.#ledger.claims.release(id);
  }

  async forget(id: string): Promise<void> {
    await this.#ledger.unbury({ reemitted: [id] });
    this.#ledger.claims.release(id);
  }

  async purge({ pattern, id, before = Number.POSITIVE_INFINITY }: DeadLetterPurge): Promise<number> {
    const purged = this.#ledger.letters
      .entries()
      .filter(([one, { channel, at }]) => (id === undefined || one === id) && at < before && covers(pattern, channel))
      .map(([one]) => one);
    return purged.length === 0 ? 0 : await this.#ledger.unbury({ purged });
  }

  async stats(): Promise<DeadLetterStats> {
    return this.#ledger.letters.stats;
  }
}
