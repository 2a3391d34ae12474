/** Marks on dead letters: who is emitting which again, and how many have been emitted again or purged. */

import { randomToken, systemRandom } from "@aether/core";
import type { Subjects } from "../subjects.ts";
import type { LetterStreams } from "./letter-streams.ts";
import { isMissing, type Managed, managed } from "./management.ts";
import { type StoringParts, store } from "./storing.ts";

/**
 * How long a claim holds of which nothing is heard, by the wall clocks of whoever looks: longer than any emit waits.
 * Where clocks are too far apart for that, two may emit one letter, and do so under one wave id.
 */
export const CLAIM_MS = 60_000;
/** How often a count is tried that others change at the same time. */
const MOST_ROUNDS = 20;
const TOKEN_LENGTH = 16;
/** Token of the subject of the counts; ids of letters are longer. */
const TALLY = "tally";

/** What marks work with. */
export interface MarkParts extends Managed, StoringParts {
  readonly subjects: Subjects;
  readonly streams: LetterStreams;
}

/** How many letters left by somebody's hand. */
export interface LetterTally {
  readonly reemitted: number;
  readonly purged: number;
}

/** One message of the stream of marks. */
interface Mark {
  /** 0: there is none. */
  readonly sequence: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The marks, as one link sets them. */
export class LetterMarks {
  readonly #parts: MarkParts;
  /** What this link's claims say, by letter. */
  readonly #claims = new Map<string, string>();

  constructor(parts: MarkParts) {
    this.#parts = parts;
  }

  /** Whether letter `id` is this link's to emit again, and nobody else's. */
  async claim(id: string): Promise<boolean> {
    const subject = this.#parts.subjects.mark(id);
    const by = randomToken(systemRandom, TOKEN_LENGTH);
    const data = Buffer.from(JSON.stringify({ by, until: Date.now() + CLAIM_MS }));
    let isClaimed = (await store(subject, data, 0, this.#parts)) !== undefined;
    if (!isClaimed) {
      const { sequence, fields } = await this.#read(subject);
      const { until } = fields;
      // It may be this very claim, of which the answer was lost.
      isClaimed = fields["by"] === by;
      if (!isClaimed && typeof until === "number" && until < Date.now()) {
        isClaimed = (await store(subject, data, sequence, this.#parts)) !== undefined;
        isClaimed ||= (await this.#read(subject)).fields["by"] === by;
      }
    }
    if (isClaimed) {
      this.#claims.set(id, by);
    }
    return isClaimed;
  }

  /** Gives up this link's claim on letter `id`, if it has one. */
  async release(id: string): Promise<void> {
    const by = this.#claims.get(id);
    this.#claims.delete(id);
    const subject = this.#parts.subjects.mark(id);
    if (by !== undefined && (await this.#read(subject)).fields["by"] === by) {
      const { streams } = this.#parts;
      await managed(this.#parts, (manager) => manager.streams.purge(streams.marks, { filter: subject }));
    }
  }

  /** Adds to the counts. */
  async count(what: keyof LetterTally, letters: number): Promise<void> {
    const subject = this.#parts.subjects.mark(TALLY);
    for (let round = 0; round < MOST_ROUNDS && letters > 0; round++) {
      const { sequence, fields } = await this.#read(subject);
      const tally = tallyOf(fields);
      const data = Buffer.from(JSON.stringify({ ...tally, [what]: tally[what] + letters }));
      if ((await store(subject, data, sequence, this.#parts)) !== undefined) {
        return;
      }
    }
  }

  async tally(): Promise<LetterTally> {
    return tallyOf((await this.#read(this.#parts.subjects.mark(TALLY))).fields);
  }

  async #read(subject: string): Promise<Mark> {
    const { streams } = this.#parts;
    try {
      const message = await managed(this.#parts, (manager) =>
        manager.streams.getMessage(streams.marks, { last_by_subj: subject }),
      );
      return message === null ? NO_MARK : { sequence: message.seq, fields: fieldsOf(message.string()) };
    } catch (error) {
      if (isMissing(error)) {
        return NO_MARK;
      }
      throw error;
    }
  }
}

const NO_MARK: Mark = { sequence: 0, fields: {} };

function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  try {
    return { ...JSON.parse(text) };
  } catch {
    return {};
  }
}

function tallyOf(fields: Readonly<Record<string, unknown>>): LetterTally {
  const count = (value: unknown): number => (typeof value === "number" && value > 0 ? value : 0);
  return { reemitted: count(fields["reemitted"]), purged: count(fields["purged"]) };
}
