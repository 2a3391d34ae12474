/** A slab: memory that messages are written into one after the other, so that none is allocated by itself. */

const SLAB_BYTES = 256 * 1024;
const LONGEST_SHORT = 254;
/** Texts up to here are copied by hand, which costs less than a call into the platform. */
const LONGEST_BY_HAND = 32;

const NONE = Buffer.alloc(0);

/** Writes little-endian numbers, texts and bytes. What was written stays untouched for ever. */
export class Slab {
  readonly #bytes: number;
  #buffer: Buffer = NONE;
  #start = 0;
  #at = 0;

  /** `bytes` is how much memory is taken at a time. */
  constructor(bytes: number = SLAB_BYTES) {
    this.#bytes = bytes;
  }

  /** Begins a message of at most `most` bytes. */
  begin(most: number): void {
    if (this.#at + most > this.#buffer.length) {
      this.#buffer = Buffer.allocUnsafeSlow(Math.max(this.#bytes, most));
      this.#at = 0;
    }
    this.#start = this.#at;
  }

  /** Makes room for `most` more bytes of the message that was begun. */
  reserve(most: number): void {
    if (this.#at + most > this.#buffer.length) {
      const { length } = this;
      const buffer = Buffer.allocUnsafeSlow(Math.max(this.#bytes, 2 * (length + most)));
      this.#buffer.copy(buffer, 0, this.#start, this.#at);
      this.#buffer = buffer;
      this.#start = 0;
      this.#at = length;
    }
  }

  /** Writes over the byte that is `offset` bytes behind the beginning of the message. */
  setU8(offset: number, value: number): void {
    this.#buffer[this.#start + offset] = value;
  }

  /** What was written since {@link begin}. */
  end(): Buffer {
    return this.#buffer.subarray(this.#start, this.#at);
  }

  /** Bytes written since {@link begin}. */
  get length(): number {
    return this.#at - this.#start;
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

  /** Leaves two bytes free for {@link closeU16}, and gives their place. */
  openU16(): number {
    this.#at += 2;
    return this.#at;
  }

  /** Writes how many bytes have come since {@link openU16} gave `place`. */
  closeU16(place: number): void {
    this.#buffer.writeUInt16LE(this.#at - place, place - 2);
  }

  /** Leaves four bytes free for {@link closeU32}, and gives their place. */
  openU32(): number {
    this.#at += 4;
    return this.#at;
  }

  /** Writes how many bytes have come since {@link openU32} gave `place`. */
  closeU32(place: number): void {
    this.#buffer.writeUInt32LE(this.#at - place, place - 4);
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
    // Without the name of an encoding it is UTF-8, and is not looked up.
    this.#at += this.#buffer.write(value, this.#at);
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
    let bytes = this.#at - lengthAt - 1;
    if (bytes > LONGEST_SHORT) {
      this.#at = lengthAt;
      bytes = Buffer.byteLength(value);
      this.u8(LONGEST_SHORT + 1);
      this.u16(bytes);
      this.utf8(value);
      return;
    }
    this.#buffer[lengthAt] = bytes;
  }
}

/** Most bytes that a text takes with its length. */
export function mostBytes(text: string): number {
  return 3 + 3 * text.length;
}
