/** The dead letters of a journal: where each stands in the log, and what became of all of them. */

import { createHash } from "node:crypto";
import type { DeadLetterStats } from "@aether/core";
import type { LetterHead } from "./letter-record.ts";
import { numberOf, texts } from "./own-records.ts";

/** How many letters are kept; over it the oldest give way. */
export const MOST_LETTERS = 10_000;

const ID_DIGITS = 32;

/** The id of the letter of a wave that failed at one resonance. */
export function letterIdOf(group: string | false, name: string, wave: string): string {
  const hash = createHash("sha256").update(JSON.stringify([group, name, wave]));
  return hash.digest("hex").slice(0, ID_DIGITS);
}

/** Where a letter is. */
export interface Shelved {
  readonly sequence: number;
  readonly channel: string;
  readonly at: number;
}

/** Letters by id, oldest first. It changes only as the log says: what is read again after a crash comes out the same. */
export class LetterShelf {
  readonly #letters = new Map<string, Shelved>();
  #entered = 0;
  #evicted = 0;
  #reemitted = 0;
  #purged = 0;

  get(id: string): Shelved | undefined {
    return this.#letters.get(id);
  }

  entries(): readonly (readonly [string, Shelved])[] {
    return [...this.#letters];
  }

  get stats(): DeadLetterStats {
    const [entered, evicted, reemitted, purged] = [this.#entered, this.#evicted, this.#reemitted, this.#purged];
    return { entered, kept: this.#letters.size, evicted, reemitted, purged };
  }

  /** A letter stands at `sequence`. */
  add({ id, channel, at, moved }: LetterHead, sequence: number): void {
    const known = this.#letters.get(id);
    if (known === undefined ? moved : !moved) {
      return; // It left before it was moved; or it was there already.
    }
    this.#letters.set(id, { sequence, channel, at });
    this.#entered += known === undefined ? 1 : 0;
    const [oldest] = this.#letters.keys();
    if (this.#letters.size > MOST_LETTERS && oldest !== undefined) {
      this.#letters.delete(oldest);
      this.#evicted++;
    }
  }

  /** Letters left, as the fields of a record say. Gives how many. */
  remove(fields: Readonly<Record<string, unknown>>): number {
    const reemitted = this.#delete(texts(fields["reemitted"]));
    const purged = this.#delete(texts(fields["purged"]));
    this.#reemitted += reemitted;
    this.#purged += purged;
    return reemitted + purged;
  }

  #delete(ids: readonly string[]): number {
    return ids.filter((id) => this.#letters.delete(id)).length;
  }

  /** As a checkpoint has it. */
  state(): unknown {
    const { entered, evicted, reemitted, purged } = this.stats;
    const list = this.entries().map(([id, { sequence, channel, at }]) => [id, sequence, channel, at]);
    return { entered, evicted, reemitted, purged, list };
  }

  static of(value: unknown): LetterShelf {
    const shelf = new LetterShelf();
    const fields: Readonly<Record<string, unknown>> = { ...Object(value) };
    shelf.#entered = numberOf(fields["entered"]);
    shelf.#evicted = numberOf(fields["evicted"]);
    shelf.#reemitted = numberOf(fields["reemitted"]);
    shelf.#purged = numberOf(fields["purged"]);
    const list: unknown = fields["list"];
    for (const row of Array.isArray(list) ? list : []) {
      const [id, sequence, channel, at]: readonly unknown[] = Array.isArray(row) ? row : [];
      if (typeof id === "string" && typeof channel === "string") {
        shelf.#letters.set(id, { sequence: numberOf(sequence), channel, at: numberOf(at) });
      }
    }
    return shelf;
  }
}
