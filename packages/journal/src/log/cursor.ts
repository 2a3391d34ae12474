/** A cursor: goes through the records of one segment, checking each of them, a window of bytes at a time. */

import type { OpenFile } from "../files/file-system.ts";
import {
  chainAt,
  checkAt,
  isSealed,
  kindAt,
  LONGEST_RECORD,
  lengthAt,
  pendingAt,
  RECORD_HEAD,
  sequenceAt,
  timeAt,
} from "./record-format.ts";
import type { Mark } from "./segment.ts";

const WINDOW = 256 * 1024;
const NOTHING: Buffer = Buffer.alloc(0);

/**
 * What a step came to: the next record, the need for more bytes ({@link Cursor.load}), or bytes that are not the next
 * record, which may be the end and may be damage.
 */
export type Step = "record" | "more" | "stopped";

/** Records one by one. What it shows of them is good until more is loaded: the window is used again. */
export class Cursor {
  readonly #file: OpenFile;
  readonly #seed: number;
  #window: Buffer = NOTHING;
  /** The memory of the window, which may be larger. */
  #memory: Buffer = NOTHING;
  /** Offset of the window in the file. */
  #base: number;
  /** Where the next record stands in the window. */
  #next = 0;
  #sequence: number;
  #chain: number;
  #at = 0;
  #length = 0;

  constructor(file: OpenFile, seed: number, from: Mark) {
    this.#file = file;
    this.#seed = seed;
    this.#base = from.offset;
    this.#sequence = from.sequence;
    this.#chain = from.chain;
  }

  /** The window that the record stands in, and where. */
  get window(): Buffer {
    return this.#window;
  }

  get at(): number {
    return this.#at;
  }

  get length(): number {
    return this.#length;
  }

  get kind(): number {
    return kindAt(this.#window, this.#at);
  }

  get check(): number {
    return this.#chain;
  }

  get time(): number {
    return timeAt(this.#window, this.#at);
  }

  get pending(): number {
    return pendingAt(this.#window, this.#at);
  }

  /** The sequence of the record, and of the one that comes next. */
  get sequence(): number {
    return this.#sequence - 1;
  }

  get nextSequence(): number {
    return this.#sequence;
  }

  /** Where the next record begins in the file. */
  get offset(): number {
    return this.#base + this.#next;
  }

  /** Moves to the next record, if it is in the window, ends before `end` in the file, and is what must come. */
  step(end: number): Step {
    const window = this.#window;
    const at = this.#next;
    const left = window.length - at;
    const most = end - this.#base - at;
    if (left < RECORD_HEAD) {
      return most > left ? "more" : "stopped";
    }
    const length = lengthAt(window, at);
    if (length < RECORD_HEAD || length > LONGEST_RECORD || length > most) {
      return "stopped";
    }
    if (length > left) {
      return "more";
    }
    if (
      sequenceAt(window, at) !== this.#sequence ||
      chainAt(window, at) !== this.#chain ||
      !isSealed(window, at, length, this.#seed)
    ) {
      return "stopped";
    }
    this.#at = at;
    this.#length = length;
    this.#next = at + length;
    this.#sequence++;
    this.#chain = checkAt(window, at);
    return "record";
  }

  /** Gets more bytes, up to `end` in the file. False: there are none that it had not seen. */
  async load(end: number): Promise<boolean> {
    const { offset } = this;
    const seen = this.#window.length - this.#next;
    const needed = seen >= RECORD_HEAD ? lengthAt(this.#window, this.#next) : RECORD_HEAD;
    const bytes = Math.min(Math.max(WINDOW, needed), end - offset);
    if (bytes <= 0) {
      return false;
    }
    if (this.#memory.length < bytes) {
      this.#memory = Buffer.allocUnsafe(bytes);
    }
    const count = await this.#file.read(this.#memory.subarray(0, bytes), offset);
    this.#window = this.#memory.subarray(0, count);
    this.#base = offset;
    this.#next = 0;
    return count > seen;
  }

  /** Looks at the same place again, as the file is now. */
  forget(): void {
    this.#base = this.offset;
    this.#next = 0;
    this.#window = this.#window.subarray(0, 0);
  }
}
