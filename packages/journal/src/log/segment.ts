/** What is known of one segment: where it ends, and where in it some of its records stand. */

import { SEGMENT_HEAD, type SegmentHeader } from "./segment-header.ts";

/** Bytes between two entries of the index. */
const STRIDE = 64 * 1024;

/** A record's place in its segment, and what is needed to read on from there. */
export interface Mark {
  readonly offset: number;
  readonly sequence: number;
  /** Checksum of the record before it. */
  readonly chain: number;
  readonly time: number;
}

/** One segment. It grows at its end, and nowhere else. */
export class Segment {
  readonly path: string;
  readonly header: SegmentHeader;
  readonly #marks: Mark[] = [];
  #end = SEGMENT_HEAD;
  #last: number;
  #check: number;
  #lastTime: number;
  #closed = false;

  constructor(path: string, header: SegmentHeader) {
    this.path = path;
    this.header = header;
    this.#last = header.before;
    this.#check = header.chain;
    this.#lastTime = header.time;
  }

  /** Where its records end: nothing behind it is read. */
  get end(): number {
    return this.#end;
  }

  /** Sequence of its last record, or of the last one before it. */
  get last(): number {
    return this.#last;
  }

  /** Checksum of that record. */
  get check(): number {
    return this.#check;
  }

  get lastTime(): number {
    return this.#lastTime;
  }

  get isEmpty(): boolean {
    return this.#end === SEGMENT_HEAD;
  }

  /** Whether its last record says that the log was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Takes one more record in, which is `length` bytes long. */
  add(sequence: number, check: number, time: number, length: number, closes: boolean): void {
    const latest = this.#marks[this.#marks.length - 1];
    if (latest === undefined || this.#end - latest.offset >= STRIDE) {
      this.#marks.push({ offset: this.#end, sequence, chain: this.#check, time });
    }
    this.#end += length;
    this.#last = sequence;
    this.#check = check;
    this.#lastTime = time;
    this.#closed = closes;
  }

  /** The last indexed record that `isBefore` holds for, or the first record. */
  mark(isBefore: (mark: Mark) => boolean): Mark {
    const marks = this.#marks;
    let low = 0;
    let high = marks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const mark = marks[middle];
      if (mark !== undefined && isBefore(mark)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return marks[Math.max(0, low - 1)] ?? this.start;
  }

  /** Where its first record stands, or will. */
  get start(): Mark {
    const { first, chain, time } = this.header;
    return { offset: SEGMENT_HEAD, sequence: first, chain, time };
  }
}
