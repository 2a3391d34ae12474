/** A scanner: reads what a {@link Slab} wrote, from bytes that may say anything. */

/** The bytes end too early, or say what cannot be. Never leaves the package. */
export class Malformed extends Error {}

const LONG_TEXT = 255;
const LONGEST_BY_HAND = 24;

const LONGEST_KNOWN = 64;

/** Reads on from where it stands. Every method throws {@link Malformed} at the end. */
export class Scanner {
  readonly #buffer: Buffer;
  #at: number;
  #end: number;

  constructor(buffer: Buffer, at: number, end: number) {
    this.#buffer = buffer;
    this.#at = at;
    this.#end = end;
  }

  get at(): number {
    return this.#at;
  }

  get left(): number {
    return this.#end - this.#at;
  }

  /** Reads on at `at`, up to `end`. */
  seek(at: number, end: number): void {
    if (at > this.#buffer.length || end > this.#buffer.length || at > end) {
      throw new Malformed();
    }
    this.#at = at;
    this.#end = end;
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

  f64(): number {
    return this.#buffer.readDoubleLE(this.#take(8));
  }

  text(): string {
    const short = this.u8();
    const bytes = short === LONG_TEXT ? this.u16() : short;
    const at = this.#take(bytes);
    return bytes <= LONGEST_BY_HAND ? this.#short(at, bytes) : this.#buffer.toString("utf8", at, at + bytes);
  }

  #short(at: number, bytes: number): string {
    const buffer = this.#buffer;
    for (let i = at; i < at + bytes; i++) {
      if ((buffer[i] ?? 0) > 0x7f) {
        return buffer.toString("utf8", at, at + bytes);
      }
    }
    return buffer.toString("latin1", at, at + bytes);
  }

  /** The next text: `known` itself where it is that, so that what comes again and again is made once. */
  textLike(known: string): string {
    const at = this.#at + 1;
    const { length } = known;
    if (length > LONGEST_KNOWN || this.#buffer[at - 1] !== length || at + length > this.#end) {
      return this.text();
    }
    for (let i = 0; i < length; i++) {
      const byte = this.#buffer[at + i] ?? 0;
      if (byte !== known.charCodeAt(i) || byte > 0x7f) {
        return this.text();
      }
    }
    this.#at = at + length;
    return known;
  }

  /** A view of the next `bytes` bytes, not a copy. */
  bytes(bytes: number): Buffer {
    const at = this.#take(bytes);
    return this.#buffer.subarray(at, at + bytes);
  }
}
