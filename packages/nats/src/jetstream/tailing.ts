/** Tailing: the record in its order, for ever, over every break of the connection and every restart of the server. */

import { AetherError, coverOf, matches, type TailQuery, type TailStep } from "@aether/core";
import type { StreamInfo } from "@nats-io/jetstream";
import type { Delivery } from "./delivery.ts";
import { isMissing, managed, paused, unsupported } from "./management.ts";
import { anotherRecord, badPosition, placeOf, positionOf } from "./position.ts";
import type { ReadingParts } from "./reading.ts";
import { recordedWave } from "./recorded-waves.ts";
import { Reader } from "./stream-reader.ts";

/** How long a request waits for something new. After it the end of the record is looked at. */
const IDLE_MS = 1000;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1000;

/** What a tail works with. */
export interface TailParts extends ReadingParts {
  ended(tail: Tail): void;
}

/** One way along the record, without a place in it. */
export class Tail {
  readonly #parts: TailParts;
  readonly #patterns: readonly string[];
  /** The one filter that servers of 2.9 take; `undefined`: everything is read, and looked through here. */
  readonly #filter: string | undefined;
  readonly #epoch: number;
  readonly #signal: AbortSignal;
  /** Everything before it has been given out. */
  #next: number;
  #reader: Reader | undefined;
  #pauseMs = FIRST_PAUSE_MS;

  // biome-ignore lint/style/useConsistentMemberAccessibility: a constructor cannot be named #private
  private constructor(patterns: readonly string[], epoch: number, next: number, signal: AbortSignal, parts: TailParts) {
    const [first, ...more] = coverOf(patterns);
    this.#parts = parts;
    this.#patterns = patterns;
    this.#filter = first !== undefined && more.length === 0 ? parts.subjects.all("r", first) : undefined;
    this.#epoch = epoch;
    this.#next = next;
    this.#signal = signal;
  }

  /** Resolves where the record has everything after `query.after`. Rejects as `Recorder.tail` does. */
  static async open({ patterns, after }: TailQuery, signal: AbortSignal, parts: TailParts): Promise<Tail> {
    const info = await parts.stream.read();
    if (info === undefined) {
      throw unsupported(`there is no stream "${parts.stream.name}": declare what is recorded`);
    }
    const epoch = Date.parse(info.created);
    const place = after === undefined ? { epoch, sequence: 0 } : placeOf(after);
    const tail = new Tail(patterns, place.epoch, place.sequence + 1, signal, parts);
    tail.#assertWhole(info);
    return tail;
  }

  async *steps(): AsyncGenerator<TailStep> {
    const abandon = (): void => this.abandon();
    this.#signal.addEventListener("abort", abandon, { once: true });
    try {
      while (!this.#signal.aborted) {
        yield* this.#stretch();
      }
    } finally {
      this.#signal.removeEventListener("abort", abandon);
      this.#leave();
      this.#parts.ended(this);
    }
  }

  /** What one reader gives, until it is lost. */
  async *#stretch(): AsyncGenerator<TailStep> {
    const reader = await this.#opened();
    if (reader === undefined) {
      return;
    }
    for (let isQuiet = true; !this.#signal.aborted; ) {
      if (reader.atEnd && isQuiet) {
        const position = await this.#quietUpTo();
        if (position !== undefined) {
          yield { position };
        }
      }
      const batch = await this.#batchOf(reader);
      if (batch === undefined || !(await this.#isWhole(batch))) {
        this.#leave();
        await this.#pause();
        return;
      }
      this.#pauseMs = FIRST_PAUSE_MS;
      isQuiet = batch.length === 0;
      yield* this.#stepsOf(batch);
    }
  }

  /** The next messages; `undefined`: the reader is lost, or no server is there. */
  async #batchOf(reader: Reader): Promise<readonly Delivery[] | undefined> {
    if (!this.#parts.connection.connected) {
      return undefined;
    }
    return reader.atEnd ? await reader.next(IDLE_MS) : await reader.batch();
  }

  *#stepsOf(batch: readonly Delivery[]): Iterable<TailStep> {
    let passed: string | undefined;
    for (const delivery of batch) {
      if (this.#signal.aborted) {
        return;
      }
      if (delivery.sequence >= this.#next) {
        this.#next = delivery.sequence + 1;
        const step = this.#stepOf(delivery);
        passed = step.wave === undefined && step.malformed !== true ? step.position : undefined;
        if (passed === undefined) {
          yield step;
        }
      }
    }
    if (passed !== undefined) {
      yield { position: passed };
    }
  }

  #stepOf(delivery: Delivery): TailStep {
    const position = positionOf(this.#epoch, delivery.sequence);
    const channel = this.#parts.subjects.read(delivery.message.subject)?.channel;
    if (channel === undefined || !this.#patterns.some((pattern) => matches(pattern, channel))) {
      return { position };
    }
    const wave = recordedWave(delivery, this.#epoch, this.#parts);
    return wave === undefined ? { position, malformed: true } : { position, wave };
  }

  /** A reader where this tail is; `undefined`: not now. */
  async #opened(): Promise<Reader | undefined> {
    if (this.#parts.closed()) {
      throw new AetherError("AETHER_CLOSED", "The link was closed while the record was followed");
    }
    try {
      if (this.#parts.connection.connected) {
        this.#reader = await Reader.open(this.#next, this.#filter, { ...this.#parts, stream: this.#parts.stream.name });
        // Only now: a stream that was made anew before the reader was opened would pass for the old one.
        if (await this.#isStillWhole()) {
          return this.#reader;
        }
      }
    } catch (error) {
      if (isFinal(error)) {
        throw error;
      }
    }
    this.#leave();
    await this.#pause();
    return undefined;
  }

  /** Whether nothing was forgotten between where this tail is and the end of `batch`. False: it is not known now. */
  async #isWhole(batch: readonly Delivery[]): Promise<boolean> {
    let next = this.#next;
    let isDense = true;
    for (const { sequence } of batch) {
      isDense &&= sequence <= next;
      next = Math.max(next, sequence + 1);
    }
    return isDense || (await this.#isStillWhole());
  }

  async #isStillWhole(): Promise<boolean> {
    const info = await this.#info();
    if (info !== undefined) {
      this.#assertWhole(info);
    }
    return info !== undefined;
  }

  /** What the server says of the stream; `undefined`: nothing now. */
  async #info(): Promise<StreamInfo | undefined> {
    try {
      return await this.#parts.stream.read();
    } catch (error) {
      if (isFinal(error)) {
        throw error;
      }
      return undefined;
    }
  }

  #assertWhole({ created, state }: StreamInfo): void {
    const epoch = Date.parse(created);
    const position = positionOf(this.#epoch, this.#next - 1);
    if (epoch !== this.#epoch) {
      throw badPosition("epoch", anotherRecord(epoch, this.#epoch), position);
    }
    if (state.last_seq < this.#next - 1) {
      const what = `a position up to wave ${state.last_seq}, where the record ends: waves after it were lost`;
      throw badPosition("ahead", what, position);
    }
    if (state.first_seq > this.#next) {
      const what = `one of wave ${state.first_seq - 1} or later: those up to it were forgotten`;
      throw badPosition("gone", what, position);
    }
  }

  /**
   * The end of the record, where nothing that is asked for stands before it. The stream itself is asked: a reader may be
   * at a server that has not got everything yet.
   */
  async #quietUpTo(): Promise<string | undefined> {
    const filter = this.#filter;
    const info = await this.#info();
    if (info === undefined) {
      return undefined;
    }
    this.#assertWhole(info);
    const { last_seq: last } = info.state;
    if (filter === undefined || last < this.#next) {
      return undefined;
    }
    try {
      const message = await managed(this.#parts, ({ streams }) =>
        streams.getMessage(this.#parts.stream.name, { last_by_subj: filter }),
      );
      if (message !== null && message.seq >= this.#next) {
        return undefined;
      }
    } catch (error) {
      if (isFinal(error)) {
        throw error;
      }
      if (!isMissing(error)) {
        return undefined;
      }
    }
    this.#next = last + 1;
    return positionOf(this.#epoch, last);
  }

  /** The connection broke, or the tail is to end: nobody waits for the reader. */
  abandon(): void {
    this.#reader?.abandon();
  }

  #leave(): void {
    const reader = this.#reader;
    this.#reader = undefined;
    void reader?.close();
  }

  async #pause(): Promise<void> {
    if (!this.#signal.aborted) {
      await paused(this.#pauseMs * (0.5 + Math.random() / 2));
      this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2);
    }
  }
}

/** Whether it makes no sense to try again. */
function isFinal(error: unknown): boolean {
  const code = error instanceof AetherError ? error.code : undefined;
  return code === "AETHER_CLOSED" || code === "AETHER_UNAUTHORISED" || code === "AETHER_BAD_POSITION";
}
