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
import type { LetterBook } from "./letter-book.ts";
import { letterIdOf } from "./letter-shelf.ts";

function covers(pattern: string | undefined, channel: string): boolean {
  return pattern === undefined || matches(pattern, channel);
}

/** The letters, as one link sees them. */
export class JournalLetters implements DeadLetterStore {
  readonly #letters: LetterBook;
  readonly #moment: () => Moment;

  constructor(letters: LetterBook, moment: () => Moment) {
    this.#letters = letters;
    this.#moment = moment;
  }

  async add(letter: NewDeadLetter): Promise<string> {
    const id = letterIdOf(letter.group, letter.name, letter.wave.id);
    await this.#letters.bury(id, letter);
    return id;
  }

  async *list({ pattern, limit = Number.POSITIVE_INFINITY }: DeadLetterQuery): AsyncGenerator<DeadLetter> {
    let left = limit;
    for (const [id, { channel }] of this.#letters.shelf.entries()) {
      if (left <= 0) {
        return;
      }
      const letter = covers(pattern, channel) ? await this.#letters.letter(id, this.#moment()) : undefined;
      if (letter !== undefined) {
        yield letter;
        left--;
      }
    }
  }

  async take(id: string): Promise<DeadLetter | undefined> {
    if (!this.#letters.claims.claim(id)) {
      return undefined;
    }
    const letter = await this.#letters.letter(id, this.#moment());
    if (letter === undefined) {
      this.#letters.claims.release(id);
    }
    return letter;
  }

  async putBack(id: string): Promise<void> {
    this.#letters.claims.release(id);
  }

  async forget(id: string): Promise<void> {
    await this.#letters.unbury({ reemitted: [id] });
    this.#letters.claims.release(id);
  }

  async purge({ pattern, id, before = Number.POSITIVE_INFINITY }: DeadLetterPurge): Promise<number> {
    const purged = this.#letters.shelf
      .entries()
      .filter(([one, { channel, at }]) => (id === undefined || one === id) && at < before && covers(pattern, channel))
      .map(([one]) => one);
    return purged.length === 0 ? 0 : await this.#letters.unbury({ purged });
  }

  async stats(): Promise<DeadLetterStats> {
    return this.#letters.shelf.stats;
  }
}
