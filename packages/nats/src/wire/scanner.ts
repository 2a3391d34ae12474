/** A scanner: reads what a {@link Slab} wrote, from bytes that may say anything. */

/** The bytes end too early, or say what cannot be. Never leaves the package. */
export class Malformed extends Error {}

const LONG_TEXT = 255;
const LONGEST_BY_HAND = 48;
const FIRST_VISIBLE = 33;
const LAST_VISIBLE = 126;

const LONGEST_KNOWN = 64;

/** Reads on from where it stands. Every method throws {@link Malformed} at the end. */
export class Scanner {
  readonly #buffer: Buffer;
  #at: number;
  #end: number;
  /** Whether the text that was read last was short, and all of visible ASCII characters. */
  isVisible = false;

  constructor(buffer: Buffer, at: number, end: number) {
    this.#buffer = buffer;
    this.#at = at;
    this.#end = end;
  }

  get buffer(): Buffer {
    return this.#buffer;
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
    this.isVisible = bytes > 0 && bytes <= LONGEST_BY_HAND && this.#isVisible(at, at + bytes);
    // Without the name of an encoding it is UTF-8, and is not looked up.
    return this.#buffer.toString(undefined, at, at + bytes);
  }

  #isVisible(from: number, to: number): boolean {
    const buffer = this.#buffer;
    for (let at = from; at < to; at++) {
      const byte = buffer[at] ?? 0;
      if (byte < FIRST_VISIBLE || byte > LAST_VISIBLE) {
        return false;
      }
    }
    return true;
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
