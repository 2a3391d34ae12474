/** A scanner: reads what a slab wrote, from bytes whose checksum was right. */

/** The bytes end too early, or say what cannot be. Never leaves the package. */
export class Malformed extends Error {}

const LONG_TEXT = 255;
const LARGE = 2 ** 32;

/** Reads on from where it stands, in whatever it was put on. Every method throws {@link Malformed} at the end. */
export class Scanner {
  #buffer: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;

  /** Reads the bytes of `buffer` from `at` to `end` from now on. */
  put(buffer: Buffer, at: number, end: number): void {
    if (at > end || end > buffer.length) {
      throw new Malformed();
    }
    this.#buffer = buffer;
    this.#at = at;
    this.#end = end;
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
    return this.#buffer[this.#take(1)] ?? 0;
  }

  u16(): number {
    return this.#buffer.readUInt16LE(this.#take(2));
  }

  u32(): number {
    return this.#buffer.readUInt32LE(this.#take(4));
  }

  u64(): number {
    return this.u32() + this.u32() * LARGE;
  }

  f64(): number {
    return this.#buffer.readDoubleLE(this.#take(8));
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
