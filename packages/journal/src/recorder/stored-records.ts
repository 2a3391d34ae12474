/** Records by their sequence, out of memory where they are new, else out of the file, a block at a time. */

import { AetherError } from "@aether/core";
import { damaged, failed } from "../failures.ts";
import type { FileSystem } from "../files/file-system.ts";
import type { Log } from "../log/log.ts";
import { checkAt, isSealed, lengthAt, type Memory, RECORD_HEAD, sequenceAt } from "../log/record-format.ts";
import type { Segment } from "../log/segment.ts";
import { viewOf } from "../log/slab.ts";
import { positionOf } from "../position.ts";

/** A record: its body, and its place. */
export interface StoredRecord {
  readonly buffer: Buffer;
  readonly at: number;
  readonly end: number;
  readonly position: string;
}

const BLOCK_BYTES = 128 * 1024;
const MOST_BLOCKS = 64;
/** What is kept in memory of what was appended last. */
const FRESH_BYTES = 8 * 1024 * 1024;

/** Some records of one segment that stand one behind the other. */
interface Block extends Memory {
  readonly first: number;
  /** Where each record begins. */
  readonly starts: readonly number[];
}

/** Reads what it is asked for, and remembers a little of it. */
export class StoredRecords {
  readonly #log: Log;
  readonly #files: FileSystem;
  readonly #fresh = new Map<number, StoredRecord>();
  #freshBytes = 0;
  /** By the place where they begin, the ones that were used last at the end. */
  readonly #blocks = new Map<string, Block>();
  #latest: Block | undefined;

  constructor(log: Log, files: FileSystem) {
    this.#log = log;
    this.#files = files;
  }

  /** Remembers what was just appended, for those who follow closely. */
  remember(sequence: number, record: StoredRecord): void {
    this.#fresh.set(sequence, record);
    this.#freshBytes += record.end - record.at;
    for (const [oldest, { at, end }] of this.#fresh) {
      if (this.#freshBytes <= FRESH_BYTES) {
        break;
      }
      this.#fresh.delete(oldest);
      this.#freshBytes -= end - at;
    }
  }

  /** What is in memory of it; `undefined`: it takes a {@link load}. */
  inMemory(sequence: number): StoredRecord | undefined {
    return this.#fresh.get(sequence) ?? this.#in(this.#latest, sequence);
  }

  #in(block: Block | undefined, sequence: number): StoredRecord | undefined {
    if (block === undefined) {
      return undefined;
    }
    const start = block.starts[sequence - block.first];
    if (start === undefined) {
      return undefined;
    }
    const { buffer, view } = block;
    return {
      buffer,
      at: start + RECORD_HEAD,
      end: start + lengthAt(view, start),
      position: positionOf(this.#log.epoch, sequence, checkAt(view, start)),
    };
  }

  /** `undefined`: it was deleted, or never was. Throws `AETHER_JOURNAL_DAMAGED`, with file and offset. */
  async load(sequence: number): Promise<StoredRecord | undefined> {
    this.#log.assertOpen();
    const segment = this.#segmentOf(sequence);
    if (segment === undefined) {
      return undefined;
    }
    const mark = segment.mark((one) => one.sequence <= sequence);
    const key = `${segment.header.first} ${mark.offset}`;
    const known = this.#blocks.get(key);
    const found = this.#in(known, sequence);
    if (known !== undefined && found !== undefined) {
      this.#use(key, known);
      return found;
    }
    const block = await this.#read(segment, mark.offset, mark.sequence, sequence);
    this.#use(key, block);
    return this.#in(block, sequence);
  }

  #segmentOf(sequence: number): Segment | undefined {
    const { segments } = this.#log;
    let low = 0;
    let high = segments.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((segments[middle]?.header.first ?? 0) <= sequence) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    const segment = segments[low];
    const isThere = segment !== undefined && !segment.isEmpty && segment.header.first <= sequence;
    return isThere && sequence <= segment.last ? segment : undefined;
  }

  #use(key: string, block: Block): void {
    this.#latest = block;
    this.#blocks.delete(key);
    this.#blocks.set(key, block);
    const [oldest] = this.#blocks.keys();
    if (this.#blocks.size > MOST_BLOCKS && oldest !== undefined) {
      this.#blocks.delete(oldest);
    }
  }

  /** The records from `offset` on, the first of which is `first`, up to `wanted` and as many more as come along. */
  async #read(segment: Segment, offset: number, first: number, wanted: number): Promise<Block> {
    const { path, end } = segment;
    try {
      const file = await this.#files.open(path, "read");
      try {
        for (let size = BLOCK_BYTES; ; size *= 2) {
          const bytes = Buffer.allocUnsafeSlow(Math.min(size, end - offset));
          const buffer = bytes.subarray(0, await file.read(bytes, offset));
          const view = viewOf(buffer);
          const starts = startsIn({ buffer, view }, first, segment.header.seed);
          if (first + starts.length > wanted) {
            return { first, buffer, view, starts };
          }
          const at = lastEnd(view, starts);
          const isWhole = at + RECORD_HEAD <= buffer.length && at + lengthAt(view, at) <= buffer.length;
          if (isWhole || offset + size >= end) {
            throw damaged({ file: path, offset: offset + at, what: `no record ${first + starts.length}` });
          }
        }
      } finally {
        await file.close();
      }
    } catch (error) {
      throw error instanceof AetherError ? error : failed("a look at it", path, error);
    }
  }
}

/** Where the whole records at the beginning of `memory` start. */
function startsIn(memory: Memory, first: number, seed: number): readonly number[] {
  const { view } = memory;
  const { byteLength } = view;
  const starts: number[] = [];
  for (let at = 0; at + RECORD_HEAD <= byteLength; ) {
    const length = lengthAt(view, at);
    const isHere = length >= RECORD_HEAD && at + length <= byteLength;
    if (!isHere || sequenceAt(view, at) !== first + starts.length || !isSealed(memory, at, length, seed)) {
      break;
    }
    starts.push(at);
    at += length;
  }
  return starts;
}

function lastEnd(view: DataView, starts: readonly number[]): number {
  const last = starts[starts.length - 1];
  return last === undefined ? 0 : last + lengthAt(view, last);
}
