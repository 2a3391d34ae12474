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
import { viewOf } from "./slab.ts";

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
  #view: DataView = viewOf(NOTHING);
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
    return kindAt(this.#view, this.#at);
  }

  get check(): number {
    return this.#chain;
  }

  get time(): number {
    return timeAt(this.#view, this.#at);
  }

  get pending(): number {
    return pendingAt(this.#view, this.#at);
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
    const buffer = this.#window;
    const view = this.#view;
    const at = this.#next;
    const left = buffer.length - at;
    const most = end - this.#base - at;
    if (left < RECORD_HEAD) {
      return most > left ? "more" : "stopped";
    }
    const length = lengthAt(view, at);
    if (length < RECORD_HEAD || length > LONGEST_RECORD || length > most) {
      return "stopped";
    }
    if (length > left) {
      return "more";
    }
    if (
      sequenceAt(view, at) !== this.#sequence ||
      chainAt(view, at) !== this.#chain ||
      !isSealed({ buffer, view }, at, length, this.#seed)
    ) {
      return "stopped";
    }
    this.#at = at;
    this.#length = length;
    this.#next = at + length;
    this.#sequence++;
    this.#chain = checkAt(view, at);
    return "record";
  }

  /** Gets more bytes, up to `end` in the file. False: there are none that it had not seen. */
  async load(end: number): Promise<boolean> {
    const { offset } = this;
    const seen = this.#window.length - this.#next;
    const needed = seen >= RECORD_HEAD ? lengthAt(this.#view, this.#next) : RECORD_HEAD;
    const bytes = Math.min(Math.max(WINDOW, needed), end - offset);
    if (bytes <= 0) {
      return false;
    }
    if (this.#memory.length < bytes) {
      this.#memory = Buffer.allocUnsafe(bytes);
    }
    const count = await this.#file.read(this.#memory.subarray(0, bytes), offset);
    this.#show(this.#memory.subarray(0, count));
    this.#base = offset;
    this.#next = 0;
    return count > seen;
  }

  /** Looks at the same place again, as the file is now. */
  forget(): void {
    this.#base = this.offset;
    this.#next = 0;
    this.#show(NOTHING);
  }

  #show(window: Buffer): void {
    this.#window = window;
    this.#view = viewOf(window);
  }
}
