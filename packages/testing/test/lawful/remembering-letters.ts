/** Dead letters that outlive links: the simplest store that keeps every guarantee, as good as its medium's memory. */

import {
  type DeadLetter,
  type DeadLetterPurge,
  type DeadLetterQuery,
  type DeadLetterStats,
  type DeadLetterStore,
  matches,
  type NewDeadLetter,
  type Wave,
} from "@aether/core";

function covers(pattern: string | undefined, channel: string): boolean {
  return pattern === undefined || matches(pattern, channel);
}

/** A copy of the payload, as from a disk; what cannot be written is left out. */
function written(wave: Wave): Wave {
  try {
    return wave.withPayload<unknown>(structuredClone(wave.payload));
  } catch {
    return wave.withPayload(undefined);
  }
}

/** Keeps at most `capacity` letters; the oldest give way. */
export class RememberingLetters implements DeadLetterStore {
  readonly #capacity: number;
  /** In the order they came, by id. */
  readonly #letters = new Map<string, DeadLetter>();
  readonly #taken = new Set<string>();
  #entered = 0;
  #evicted = 0;
  #reemitted = 0;
  #purged = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  async add(letter: NewDeadLetter): Promise<string> {
    const id = `dead:${JSON.stringify([letter.group, letter.name, letter.wave.id])}`;
    if (!this.#letters.has(id)) {
      this.#entered++;
      this.#letters.set(id, { ...letter, id, wave: written(letter.wave), error: { ...letter.error } });
      const [oldest] = this.#letters.keys();
      if (this.#letters.size > this.#capacity && oldest !== undefined) {
        this.#letters.delete(oldest);
        this.#evicted++;
      }
    }
    return id;
  }

  async *list({ pattern, limit }: DeadLetterQuery): AsyncGenerator<DeadLetter> {
    yield* [...this.#letters.values()].filter(({ wave }) => covers(pattern, wave.channel)).slice(0, limit);
  }

  async take(id: string): Promise<DeadLetter | undefined> {
    const letter = this.#taken.has(id) ? undefined : this.#letters.get(id);
    if (letter !== undefined) {
      this.#taken.add(id);
    }
    return letter;
  }

  async putBack(id: string): Promise<void> {
    this.#taken.delete(id);
  }

  async forget(id: string): Promise<void> {
    this.#taken.delete(id);
    this.#reemitted += this.#letters.delete(id) ? 1 : 0;
  }

  async purge({ pattern, id, before = Number.POSITIVE_INFINITY }: DeadLetterPurge): Promise<number> {
    const gone = [...this.#letters.values()].filter(
      (letter) => (id === undefined || letter.id === id) && letter.at < before && covers(pattern, letter.wave.channel),
    );
    for (const letter of gone) {
      this.#letters.delete(letter.id);
      this.#taken.delete(letter.id);
    }
    this.#purged += gone.length;
    return gone.length;
  }

  async stats(): Promise<DeadLetterStats> {
    const [entered, evicted, reemitted, purged] = [this.#entered, this.#evicted, this.#reemitted, this.#purged];
    return { entered, kept: this.#letters.size, evicted, reemitted, purged };
  }
}
