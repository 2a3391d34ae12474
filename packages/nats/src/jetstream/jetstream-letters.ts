/** The dead letters of recorded waves on JetStream: `DeadLetterStore` of one link. docs/wire-format.md. */

import {
  AetherError,
  type DeadLetter,
  type DeadLetterPurge,
  type DeadLetterQuery,
  type DeadLetterStats,
  type DeadLetterStore,
  type NewDeadLetter,
  type Wave,
} from "@aether/core";
import { Pack } from "../link/pack.ts";
import { outbound } from "../wire/envelope.ts";
import { decodeLetter, encodeLetter, type LetterFacts } from "../wire/letter.ts";
import type { PayloadWriter } from "../wire/payloads.ts";
import type { Slab } from "../wire/slab.ts";
import { LetterMarks, type MarkParts } from "./letter-marks.ts";
import type { LetterStreams } from "./letter-streams.ts";
import { isMissing, managed } from "./management.ts";
import { letterIdOf } from "./names.ts";
import type { RecordedParts } from "./recorded-waves.ts";
import { store } from "./storing.ts";
import { deliveries } from "./stream-reader.ts";

/** What the letters of one link work with. */
export interface LettersParts extends MarkParts, RecordedParts {
  readonly slab: Slab;
  readonly writer: PayloadWriter;
  /** A subject that was never used; one token follows. */
  inbox(): string;
}

/** A letter and its number in the stream. */
interface Stored {
  readonly sequence: number;
  readonly letter: DeadLetter;
}

const ID = /^[0-9a-f]{32}$/;
/** What is left of the text of an error where the letter would be too large. */
const SHORT_TEXT = 256;

/** The letters, as one link keeps and sees them. */
export class JetStreamLetters implements DeadLetterStore {
  readonly #parts: LettersParts;
  readonly #streams: LetterStreams;
  readonly #marks: LetterMarks;

  constructor(parts: LettersParts) {
    this.#parts = parts;
    this.#streams = parts.streams;
    this.#marks = new LetterMarks(parts);
  }

  async add(letter: NewDeadLetter): Promise<string> {
    const { group, name, wave } = letter;
    const id = letterIdOf(group, name, wave.id);
    const subject = this.#parts.subjects.letters(id, wave.channel);
    // Where another one is the last of its subject the letter is there already.
    await store(subject, this.#messageOf(letter, subject), 0, this.#parts);
    return id;
  }

  /** As much of the letter as can be written and sent. */
  #messageOf(letter: NewDeadLetter, subject: string): Buffer {
    const { wave, error } = letter;
    const short = { ...error, message: error.message.slice(0, SHORT_TEXT), stack: undefined };
    const bare = wave.withPayload<unknown>(undefined);
    const forms: readonly (readonly [NewDeadLetter["error"], Wave])[] = [
      [error, wave],
      [short, wave],
      [error, bare],
    ];
    let last: unknown;
    for (const [said, carried] of forms) {
      try {
        const message = this.#encode({ ...letter, error: said }, carried, subject);
        this.#parts.assertSendable(subject, message.length);
        return message;
      } catch (problem) {
        if (problem instanceof AetherError && problem.code === "AETHER_UNAUTHORISED") {
          throw problem;
        }
        last = problem;
      }
    }
    throw last;
  }

  #encode({ error, attempts, group, name, instance, at }: NewDeadLetter, wave: Wave, subject: string): Buffer {
    const { arrivals, writer, slab } = this.#parts;
    const { channel, source, sourceId, position } = wave;
    const seal = arrivals.sealOf(channel);
    const pack = new Pack(subject, seal, { source, sourceId });
    pack.add(outbound(wave, undefined, writer));
    const facts: LetterFacts = { error, attempts, group, name, instance, at, position };
    return encodeLetter(facts, pack.encode(slab), seal);
  }

  async *list({ pattern, limit = Number.POSITIVE_INFINITY }: DeadLetterQuery): AsyncGenerator<DeadLetter> {
    let left = limit;
    for await (const { letter } of this.#stored(pattern)) {
      yield letter;
      if (--left <= 0) {
        return;
      }
    }
  }

  async *#stored(pattern = ">"): AsyncGenerator<Stored> {
    const info = await this.#streams.info(this.#streams.letters);
    if (info === undefined || info.state.messages === 0) {
      return;
    }
    const filter = this.#parts.subjects.letters("*", pattern);
    const reading = { ...this.#parts, stream: this.#streams.letters };
    for await (const { sequence, message } of deliveries({ from: 1, last: info.state.last_seq }, filter, reading)) {
      const letter = this.#read(message.subject, message.data);
      if (letter !== undefined) {
        yield { sequence, letter };
      }
    }
  }

  #read(subject: string, data: Uint8Array): DeadLetter | undefined {
    const { subjects, arrivals } = this.#parts;
    const place = subjects.readLetter(subject);
    return place && decodeLetter(place.id, data, place.channel, arrivals.sealOf(place.channel), arrivals.moment());
  }

  async take(id: string): Promise<DeadLetter | undefined> {
    if (!ID.test(id) || (await this.#find(id)) === undefined || !(await this.#marks.claim(id))) {
      return undefined;
    }
    // Whoever had claimed it before may have removed it meanwhile.
    const stored = await this.#find(id);
    if (stored === undefined) {
      await this.putBack(id);
    }
    return stored?.letter;
  }

  async #find(id: string): Promise<Stored | undefined> {
    const { subjects } = this.#parts;
    const query = { last_by_subj: subjects.letters(id, ">") };
    const message = await this.#orMissing((manager) => manager.streams.getMessage(this.#streams.letters, query), null);
    const letter = message === null ? undefined : this.#read(message.subject, message.data);
    return message === null || letter === undefined ? undefined : { sequence: message.seq, letter };
  }

  async putBack(id: string): Promise<void> {
    try {
      await this.#marks.release(id);
    } catch {
      // The claim ends by itself.
    }
  }

  async forget(id: string): Promise<void> {
    const stored = ID.test(id) ? await this.#find(id) : undefined;
    if (stored !== undefined && (await this.#delete(stored))) {
      await this.#count("reemitted", 1);
    }
    await this.putBack(id);
  }

  async purge({ pattern = ">", id, before }: DeadLetterPurge): Promise<number> {
    if (id !== undefined && !ID.test(id)) {
      return 0;
    }
    const purged = before === undefined ? await this.#purge(id, pattern) : await this.#purgeOld(id, pattern, before);
    await this.#count("purged", purged);
    return purged;
  }

  async #purge(id: string | undefined, pattern: string): Promise<number> {
    const filter = this.#parts.subjects.letters(id ?? "*", pattern);
    const answer = await this.#orMissing(({ streams }) => streams.purge(this.#streams.letters, { filter }), undefined);
    return answer?.purged ?? 0;
  }

  async #purgeOld(id: string | undefined, pattern: string, before: number): Promise<number> {
    let purged = 0;
    for await (const stored of this.#stored(pattern)) {
      const { letter } = stored;
      if (letter.at < before && (id === undefined || letter.id === id) && (await this.#delete(stored))) {
        purged++;
      }
    }
    return purged;
  }

  /** False: it was gone. */
  async #delete({ sequence }: Stored): Promise<boolean> {
    try {
      return await this.#orMissing(
        ({ streams }) => streams.deleteMessage(this.#streams.letters, sequence, false),
        false,
      );
    } catch (error) {
      if (error instanceof AetherError && error.code === "AETHER_UNSUPPORTED") {
        return false; // Others have removed it: the server refuses to delete what is not there.
      }
      throw error;
    }
  }

  /** What cannot be counted is told as evicted: the letters themselves are gone as they should be. */
  async #count(what: "reemitted" | "purged", letters: number): Promise<void> {
    try {
      await this.#marks.count(what, letters);
    } catch {
      // See above.
    }
  }

  async stats(): Promise<DeadLetterStats> {
    const { reemitted, purged } = await this.#marks.tally();
    const state = (await this.#streams.info(this.#streams.letters))?.state;
    const { messages: kept = 0, last_seq: numbers = 0 } = state ?? {};
    // Each letter has taken one number, and nothing else is in the stream.
    const evicted = Math.max(0, numbers - kept - reemitted - purged);
    return { entered: kept + evicted + reemitted + purged, kept, evicted, reemitted, purged };
  }

  async #orMissing<T, O>(call: Parameters<typeof managed<T>>[1], otherwise: O): Promise<T | O> {
    try {
      return await managed(this.#parts, call);
    } catch (error) {
      if (isMissing(error)) {
        return otherwise;
      }
      throw error;
    }
  }
}
