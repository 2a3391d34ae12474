/** A scanner: reads what a slab wrote, from bytes whose checksum was right. */

import { viewOf } from "../log/slab.ts";

/** The bytes end too early, or say what cannot be. Never leaves the package. */
export class Malformed extends Error {}

const LONG_TEXT = 255;
const LARGE = 2 ** 32;
const NOTHING: Buffer = Buffer.alloc(0);

/** Reads on from where it stands, in whatever it was put on. Every method throws {@link Malformed} at the end. */
export class Scanner {
  #buffer: Buffer = NOTHING;
  #view: DataView = viewOf(NOTHING);
  #at = 0;
  #end = 0;

  /** Reads the bytes of `buffer` from `at` to `end` from now on. */
  put(buffer: Buffer, at: number, end: number): void {
    if (at > end || end > buffer.length) {
      throw new Malformed();
    }
    if (buffer !== this.#buffer) {
      this.#buffer = buffer;
      this.#view = viewOf(buffer);
    }
    this.#at = at;
    this.#end = end;
  }

  /** What it was put on. */
  get view(): DataView {
    return this.#view;
  }

  get at(): number {
    return this.#at;
  }

  #take(bytes: number): number {
    const at = this.#at;
    if (at + bytes > this.#end) {
      throw new Malformed();
    }
    this.#at = at + bytes;
    return at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  u64(): number {
    return this.u32() + this.u32() * LARGE;
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  /** Passes over the next `bytes` bytes, and gives where they begin. */
  skip(bytes: number): number {
    return this.#take(bytes);
  }

  text(): string {
    const short = this.u8();
    const bytes = short === LONG_TEXT ? this.u16() : short;
    const at = this.#take(bytes);
    const buffer = this.#buffer;
    for (let i = at; i < at + bytes; i++) {
      if ((buffer[i] ?? 0) > 0x7f) {
        return buffer.toString("utf8", at, at + bytes);
      }
    }
    return buffer.toString("latin1", at, at + bytes);
  }
}
