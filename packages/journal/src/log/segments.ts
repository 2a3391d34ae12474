/** All segments of a journal, found and checked from the first byte to the last. */

import { join } from "node:path";
import { AetherError } from "@aether/core";
import { codeOf, damaged, failed } from "../failures.ts";
import type { FileSystem, OpenFile } from "../files/file-system.ts";
import { sequenceOf } from "../files/names.ts";
import { Cursor } from "./cursor.ts";
import { KIND } from "./record-format.ts";
import { Segment } from "./segment.ts";
import { noSegmentHead, readSegmentHead, SEGMENT_HEAD } from "./segment-header.ts";
import { isZero, judgeTail } from "./tail.ts";

/** Bytes at the end of the log that were written but never acknowledged as stored, and are no whole records. */
export interface Cut {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
}

/** The segments of one directory, in order. */
export class Segments {
  readonly directory: string;
  readonly #files: FileSystem;
  #list: Segment[] = [];
  /** What stands behind the last record, if it is not zeros. */
  #torn: Cut | undefined;
  /** A segment that was begun and never used. */
  #unused: string | undefined;

  constructor(directory: string, files: FileSystem) {
    this.directory = directory;
    this.#files = files;
  }

  get list(): readonly Segment[] {
    return this.#list;
  }

  get torn(): Cut | undefined {
    return this.#torn;
  }

  get unused(): string | undefined {
    return this.#unused;
  }

  /** Of the journal; `undefined` before it has a segment. */
  get epoch(): string | undefined {
    return this.#list[0]?.header.epoch;
  }

  get lastSegment(): Segment | undefined {
    return this.#list[this.#list.length - 1];
  }

  push(segment: Segment): void {
    this.#list.push(segment);
  }

  /** Takes the oldest out. */
  shift(): void {
    this.#list.shift();
  }

  /**
   * Finds what has come since the last time, and what has gone. Throws `AETHER_JOURNAL_DAMAGED`, with file and offset,
   * where something that was stored is no longer what it was.
   */
  async refresh(): Promise<void> {
    const found = await this.#found();
    const [oldest] = found;
    this.#list = this.#list.filter(({ header }) => oldest !== undefined && header.first >= oldest);
    this.#torn = undefined;
    this.#unused = undefined;
    for (const [at, first] of found.entries()) {
      const isLast = at === found.length - 1;
      const known = this.#list.find(({ header }) => header.first === first);
      if (known === undefined || isLast || known === this.lastSegment) {
        await this.#scan(first, known, isLast);
      }
    }
  }

  /** First sequences of the segments in the directory, in order. */
  async #found(): Promise<readonly number[]> {
    try {
      const names = await this.#files.list(this.directory);
      return names
        .map(sequenceOf)
        .filter((first) => first !== undefined)
        .sort((a, b) => a - b);
    } catch (error) {
      throw failed("a look at its files", this.directory, error);
    }
  }

  async #scan(first: number, known: Segment | undefined, isLast: boolean): Promise<void> {
    const path = known?.path ?? join(this.directory, `${first.toString(16).padStart(16, "0")}.log`);
    const file = await opened(this.#files, path);
    try {
      const segment = known ?? (await this.#enter(path, first, file, isLast));
      if (segment !== undefined) {
        await this.#read(segment, file, isLast);
      }
    } catch (error) {
      throw error instanceof AetherError ? error : failed("a look at what it holds", path, error);
    } finally {
      await file.close();
    }
  }

  /** A segment that was not known, if it goes on where the one before it ends. */
  async #enter(path: string, first: number, file: OpenFile, isLast: boolean): Promise<Segment | undefined> {
    const bytes = Buffer.alloc(SEGMENT_HEAD);
    const count = await file.read(bytes, 0);
    const header = readSegmentHead(bytes.subarray(0, count), path);
    if (header === undefined) {
      // A header is on the disk before anything is written behind it: without one, nothing was stored here.
      if (isLast && (await isBlank(file, await file.size()))) {
        this.#unused = path;
        return undefined;
      }
      return noSegmentHead(path);
    }
    const before = this.lastSegment;
    if (header.first !== first || (before !== undefined && header.epoch !== before.header.epoch)) {
      throw damaged({ file: path, offset: 0, what: "the header of another segment" });
    }
    if (before !== undefined && (header.before !== before.last || header.chain !== before.check)) {
      throw damaged({
        file: before.path,
        offset: before.end,
        what: `${before.last} as its last sequence, where the next segment goes on after ${header.before}`,
      });
    }
    const segment = new Segment(path, header);
    this.push(segment);
    return segment;
  }

  /** Takes in the records behind what is known of `segment`. */
  async #read(segment: Segment, file: OpenFile, isLast: boolean): Promise<void> {
    const cursor = new Cursor(file, segment.header.seed, {
      offset: segment.end,
      sequence: segment.isEmpty ? segment.header.first : segment.last + 1,
      chain: segment.check,
      time: segment.lastTime,
    });
    let stoppedAt = -1;
    for (;;) {
      const size = await file.size();
      const step = await this.#through(segment, cursor, size);
      if (step === "loaded") {
        continue;
      }
      const { offset, nextSequence } = cursor;
      const { seed } = segment.header;
      const tail = await judgeTail({ file, size, offset, sequence: nextSequence, seed });
      if (tail === "clean" || (tail === "torn" && isLast)) {
        this.#torn = tail === "clean" ? undefined : { file: segment.path, offset, bytes: size - offset };
        return;
      }
      // A writer may be at it: what was not there at the first look is there at the second, or it is damage.
      if (offset === stoppedAt) {
        throw damaged({ file: segment.path, offset, what: `no record ${nextSequence}` });
      }
      stoppedAt = offset;
      cursor.forget();
    }
  }

  async #through(segment: Segment, cursor: Cursor, size: number): Promise<"loaded" | "stopped"> {
    for (;;) {
      const step = cursor.step(size);
      if (step === "record") {
        segment.add(cursor.sequence, cursor.check, cursor.time, cursor.length, cursor.kind === KIND.end);
      } else if (step === "more") {
        return (await cursor.load(size)) ? "loaded" : "stopped";
      } else {
        return "stopped";
      }
    }
  }
}

async function opened(files: FileSystem, path: string): Promise<OpenFile> {
  try {
    return await files.open(path, "read");
  } catch (error) {
    if (codeOf(error) === "ELOOP") {
      throw damaged({ file: path, offset: 0, what: "a symbolic link" }, error);
    }
    throw failed("a look at what it holds", path, error);
  }
}

/** Whether nothing but zeros stands behind the header. */
async function isBlank(file: OpenFile, size: number): Promise<boolean> {
  const rest = Buffer.alloc(Math.max(0, size - SEGMENT_HEAD));
  return isZero(rest.subarray(0, await file.read(rest, SEGMENT_HEAD)));
}
