/** A reader: goes through a log from one place to another, checking every record, and may wait for what comes. */

import { AetherError } from "@aether/core";
import { badPosition, damaged, failed } from "../failures.ts";
import type { FileSystem, OpenFile } from "../files/file-system.ts";
import { positionOf } from "../position.ts";
import { Cursor } from "./cursor.ts";
import type { Mark, Segment } from "./segment.ts";
import type { Segments } from "./segments.ts";

/** Where a reader begins: in this segment, at the first record for which `isBefore` does not hold. */
export interface Start {
  readonly segment: Segment;
  readonly isBefore: (mark: { readonly sequence: number; readonly time: number }) => boolean;
}

/**
 * Reads records one by one. {@link step} moves within what is in memory, {@link load} gets more. What it shows is of the
 * record it stands on, and good until the next load.
 */
export class LogReader {
  readonly #segments: Segments;
  readonly #files: FileSystem;
  #isBefore: Start["isBefore"] | undefined;
  #segment: Segment;
  #start: Mark | undefined;
  #file: OpenFile | undefined;
  #cursor: Cursor | undefined;
  #closed = false;

  constructor(segments: Segments, files: FileSystem, start: Start) {
    this.#segments = segments;
    this.#files = files;
    this.#segment = start.segment;
    this.#isBefore = start.isBefore;
    this.#start = start.segment.mark(start.isBefore);
  }

  /** Moves to the next record. False: it takes a {@link load}. Throws `AETHER_JOURNAL_DAMAGED`. */
  step(): boolean {
    const cursor = this.#cursor;
    if (cursor === undefined) {
      return false;
    }
    for (;;) {
      const step = cursor.step(this.#segment.end);
      if (step === "stopped" && cursor.offset < this.#segment.end) {
        throw damaged({ file: this.#segment.path, offset: cursor.offset, what: `no record ${cursor.nextSequence}` });
      }
      if (step !== "record") {
        return false;
      }
      const isBefore = this.#isBefore;
      if (isBefore === undefined || !isBefore(cursor)) {
        this.#isBefore = undefined;
        return true;
      }
    }
  }

  /** Gets more. False: that was all there is now; there may be more later. */
  async load(): Promise<boolean> {
    try {
      for (;;) {
        if (this.#closed) {
          return false;
        }
        const cursor = this.#cursor ?? (await this.#open());
        const { end } = this.#segment;
        if (cursor.offset < end) {
          if (await cursor.load(end)) {
            return true;
          }
          throw damaged({ file: this.#segment.path, offset: cursor.offset, what: "the end of the file" });
        }
        const next = this.#segments.list.find(({ header }) => header.first > this.#segment.header.first);
        if (next === undefined) {
          return false;
        }
        await this.#moveTo(next);
      }
    } catch (error) {
      throw error instanceof AetherError ? error : failed("a look at what it holds", this.#segment.path, error);
    }
  }

  async #open(): Promise<Cursor> {
    this.#file = await this.#files.open(this.#segment.path, "read");
    this.#cursor = new Cursor(this.#file, this.#segment.header.seed, this.#start ?? this.#segment.start);
    return this.#cursor;
  }

  async #moveTo(next: Segment): Promise<void> {
    const { last, check, header } = this.#segment;
    if (next.header.before !== last) {
      throw badPosition(
        positionOf(header.epoch, last, check),
        "gone",
        `before wave ${next.header.before}: what came between was deleted`,
      );
    }
    await this.#release();
    this.#segment = next;
    this.#start = next.start;
  }

  /** The record it stands on. */
  get kind(): number {
    return this.#cursor?.kind ?? 0;
  }

  get sequence(): number {
    return this.#cursor?.sequence ?? 0;
  }

  get check(): number {
    return this.#cursor?.check ?? 0;
  }

  /** When it was appended: milliseconds since 1970, never less than that of a record before. */
  get time(): number {
    return this.#cursor?.time ?? 0;
  }

  /** Its bytes, head included, are `length` bytes of `window` from `at` on. */
  get window(): Buffer {
    return this.#cursor?.window ?? Buffer.alloc(0);
  }

  get at(): number {
    return this.#cursor?.at ?? 0;
  }

  get length(): number {
    return this.#cursor?.length ?? 0;
  }

  async #release(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#cursor = undefined;
    await file?.close();
  }

  /** Lets the file go. May be called more than once. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#release();
  }
}
