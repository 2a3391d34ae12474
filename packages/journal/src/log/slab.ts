/** A slab: memory that grows, in which records are written one after the other until they go to the disk together. */

const FIRST_BYTES = 64 * 1024;
const LONGEST_SHORT = 254;
/** Texts up to here are copied by hand, which costs less than a call into the platform. */
const LONGEST_BY_HAND = 32;
const MOST_BY_WORDS = 512;
const LONGEST_TEXT = 0xffff;

/** The bytes of `buffer` as numbers: in a loop it is faster than the methods of a buffer. */
export function viewOf({ buffer, byteOffset, byteLength }: Buffer): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** Whether `known` is `bytes` long, and the same as what stands at `at`. */
export function isSame(known: DataView, view: DataView, at: number, bytes: number): boolean {
  if (known.byteLength !== bytes) {
    return false;
  }
  let i = 0;
  for (; i + 4 <= bytes; i += 4) {
    if (known.getUint32(i) !== view.getUint32(at + i)) {
      return false;
    }
  }
  for (; i < bytes; i++) {
    if (known.getUint8(i) !== view.getUint8(at + i)) {
      return false;
    }
  }
  return true;
}

/** Writes little-endian numbers, texts and bytes. Room must be reserved before. */
export class Slab {
  #buffer: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #view: DataView = viewOf(this.#buffer);
  #at = 0;

  /** The memory itself; what was written stands before {@link length}. */
  get buffer(): Buffer {
    return this.#buffer;
  }

  /** The same memory for numbers: faster than the methods of a buffer. */
  get view(): DataView {
    return this.#view;
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
      this.#take(larger);
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
      this.#take(Buffer.allocUnsafeSlow(FIRST_BYTES));
    }
  }

  #take(buffer: Buffer): void {
    this.#buffer = buffer;
    this.#view = viewOf(buffer);
  }

  u8(value: number): void {
    this.#buffer[this.#at++] = value;
  }

  u16(value: number): void {
    this.#view.setUint16(this.#at, value, true);
    this.#at += 2;
  }

  u32(value: number): void {
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  f64(value: number): void {
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  bytes(value: Uint8Array): void {
    this.#buffer.set(value, this.#at);
    this.#at += value.length;
  }

  /** What was written to `other`. */
  copy(other: Slab): void {
    if (other.#at <= MOST_BY_WORDS) {
      this.words(other.#view, other.#at);
    } else {
      this.#at += other.#buffer.copy(this.#buffer, this.#at, 0, other.#at);
    }
  }

  /** The first `length` bytes of `from`, four at a time: of few, a call into the platform would cost more. */
  words(from: DataView, length: number): void {
    const view = this.#view;
    const to = this.#at;
    let at = 0;
    for (; at + 4 <= length; at += 4) {
      view.setUint32(to + at, from.getUint32(at));
    }
    for (; at < length; at++) {
      view.setUint8(to + at, from.getUint8(at));
    }
    this.#at = to + length;
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

  /** A text of which each unit is one byte. */
  latin1(value: string): void {
    this.#at += this.#buffer.write(value, this.#at, "latin1");
  }

  /** A text of up to 253 units with its length before it; false: it has units that are no byte, and was not written. */
  shortLatin1(value: string): boolean {
    const buffer = this.#buffer;
    const { length } = value;
    let at = this.#at;
    buffer[at++] = length;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0xff) {
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
