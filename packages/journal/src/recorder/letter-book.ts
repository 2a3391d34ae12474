/** The dead letters of a ledger: kept in the log, found there again, and written further on when their segments go. */

import type { Clock, DeadLetter, Moment, NewDeadLetter, Surroundings } from "@aether/core";
import type { WaveBodies } from "../body/wave-body.ts";
import type { Log } from "../log/log.ts";
import { placeOf } from "../position.ts";
import { LetterClaims } from "./letter-claims.ts";
import { appendLetter, readLetter } from "./letter-record.ts";
import type { LetterShelf } from "./letter-shelf.ts";
import { appendJson, isFullLog, OWN } from "./own-records.ts";
import type { StoredRecords } from "./stored-records.ts";

/** What a book of letters works with. */
export interface LetterBookParts {
  readonly log: Log;
  readonly records: StoredRecords;
  readonly bodies: WaveBodies;
  readonly clock: Clock;
  readonly surroundings: Surroundings;
  /** Where each letter stands, as the log has said so far. */
  shelf(): LetterShelf;
  /** The log has said something, and it holds. */
  applied(): void;
}

/** Everybody's dead letters of one journal. */
export class LetterBook {
  readonly claims: LetterClaims;
  readonly #parts: LetterBookParts;
  readonly #burying = new Map<string, Promise<void>>();

  constructor(parts: LetterBookParts) {
    this.#parts = parts;
    this.claims = new LetterClaims(parts.clock);
  }

  get shelf(): LetterShelf {
    return this.#parts.shelf();
  }

  /** Keeps `letter` as `id`, unless it is there. */
  async bury(id: string, letter: NewDeadLetter): Promise<void> {
    if (this.shelf.get(id) !== undefined) {
      return;
    }
    const run = this.#burying.get(id) ?? this.#bury(id, letter).finally(() => void this.#burying.delete(id));
    this.#burying.set(id, run);
    await run;
  }

  async #bury(id: string, letter: NewDeadLetter): Promise<void> {
    const position = await appendLetter(this.#parts.log, id, letter, false);
    const { channel } = letter.wave;
    this.shelf.add({ id, channel, at: letter.at, moved: false }, placeOf(position).sequence);
    this.#parts.applied();
  }

  /** Letters leave. Resolves to how many were there. */
  async unbury(fields: {
    readonly reemitted?: readonly string[];
    readonly purged?: readonly string[];
  }): Promise<number> {
    const ids = [...(fields.reemitted ?? []), ...(fields.purged ?? [])];
    if (!ids.some((id) => this.shelf.get(id) !== undefined)) {
      return 0;
    }
    await appendJson(this.#parts.log, OWN.letters, fields);
    const count = this.shelf.remove(fields);
    this.#parts.applied();
    return count;
  }

  /** The letter `id`; `undefined`: it is not there. */
  async letter(id: string, moment: Moment): Promise<DeadLetter | undefined> {
    const { records, bodies } = this.#parts;
    for (let shelved = this.shelf.get(id); shelved !== undefined; ) {
      const record = await records.load(shelved.sequence);
      const letter = record && readLetter(record, bodies, moment);
      const now = this.shelf.get(id);
      if (letter !== undefined || now?.sequence === shelved.sequence) {
        return now && letter;
      }
      shelved = now; // It was moved meanwhile.
    }
    return undefined;
  }

  /** Writes letters up to sequence `upTo` again, so that their segments can go. Resolves to how far there was room for that. */
  async move(upTo: number): Promise<number> {
    const { log, clock, surroundings } = this.#parts;
    const inTheirOrder = [...this.shelf.entries()].sort(([, one], [, other]) => one.sequence - other.sequence);
    for (const [id, { sequence, channel, at }] of inTheirOrder) {
      const letter = sequence <= upTo ? await this.letter(id, { at: clock.monotonic(), surroundings }) : undefined;
      if (letter !== undefined) {
        try {
          const position = await appendLetter(log, id, letter, true);
          this.shelf.add({ id, channel, at, moved: true }, placeOf(position).sequence);
        } catch (error) {
          if (isFullLog(error)) {
            return sequence - 1;
          }
          throw error;
        }
      }
    }
    return upTo;
  }
}
