/** A slab: memory that grows, in which records are written one after the other until they go to the disk together. */

const FIRST_BYTES = 64 * 1024;
const LONGEST_SHORT = 254;
/** Texts up to here are copied by hand, which costs less than a call into the platform. */
const LONGEST_BY_HAND = 32;
const LONGEST_TEXT = 0xffff;

/** Writes little-endian numbers, texts and bytes. Room must be reserved before. */
export class Slab {
  #buffer: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #at = 0;

  /** The memory itself; what was written stands before {@link length}. */
  get buffer(): Buffer {
    return this.#buffer;
  }

  get length(): number {
    return this.#at;
  }

  /** Makes room for `most` bytes more. */
  reserve(most: number): void {
    const needed = this.#at + most;
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#buffer.length));
      this.#buffer.copy(larger, 0, 0, this.#at);
      this.#buffer = larger;
    }
  }

  /** Goes on at `length`: back to it, or past bytes that are written later. */
  seek(length: number): void {
    this.#at = length;
  }

  /** Begins anew; memory above `most` bytes is given back. */
  clear(most: number): void {
    this.#at = 0;
    if (this.#buffer.length > most) {
      this.#buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
    }
  }

  u8(value: number): void {
    this.#buffer[this.#at++] = value;
  }

  u16(value: number): void {
    this.#buffer[this.#at++] = value;
    this.#buffer[this.#at++] = value >>> 8;
  }

  u32(value: number): void {
    this.#at = this.#buffer.writeUInt32LE(value, this.#at);
  }

  f64(value: number): void {
    this.#at = this.#buffer.writeDoubleLE(value, this.#at);
  }

  bytes(value: Uint8Array): void {
    this.#buffer.set(value, this.#at);
    this.#at += value.length;
  }

  /** A text in UTF-8 without its length. */
  utf8(value: string): void {
    const { length } = value;
    if (length <= LONGEST_BY_HAND && this.#ascii(value, length)) {
      return;
    }
    this.#at += this.#buffer.write(value, this.#at, "utf8");
  }

  #ascii(value: string, length: number): boolean {
    const buffer = this.#buffer;
    let at = this.#at;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) {
        return false;
      }
      buffer[at++] = code;
    }
    this.#at = at;
    return true;
  }

  /** A text with its length before it: one byte up to 254 bytes, else 255 and two bytes. */
  text(value: string): void {
    const lengthAt = this.#at;
    this.#at++;
    this.utf8(value);
    const bytes = this.#at - lengthAt - 1;
    if (bytes <= LONGEST_SHORT) {
      this.#buffer[lengthAt] = bytes;
      return;
    }
    if (bytes > LONGEST_TEXT) {
      throw new RangeError(`Expected a text of at most ${LONGEST_TEXT} bytes, got ${bytes}`);
    }
    this.#at = lengthAt;
    this.u8(LONGEST_SHORT + 1);
    this.u16(bytes);
    this.utf8(value);
  }
}

/** Most bytes that a text takes with its length. */
export function mostBytes(text: string): number {
  return 3 + 3 * text.length;
}
