/** Writes payloads by their shapes, once it has seen what those of a channel have in common. docs/journal-format.md. */

import { Slab, viewOf } from "../log/slab.ts";
import { isList, isRecord, SHAPE, type Shape, shapeOf } from "./shape.ts";

/** Channels whose shapes are remembered, and shapes of each. */
const MOST_CHANNELS = 1024;
const MOST_SHAPES = 4;
/** Waves of a channel that are not even looked at, when none has had a known shape for long. */
const LONGEST_PAUSE = 255;
const KEPT_BYTES = 1024 * 1024;
/** Below it a number or a length is one byte. */
const LONG = 255;
const LONG_LATIN1 = 254;
const LONG_UTF8 = 255;
/** Texts up to here are copied by hand, which costs less than a call into the platform. */
const LONGEST_BY_HAND = 64;

/** Half of a character: JSON keeps it, UTF-8 does not. */
const HALF = /[\ud800-\udfff]/u;

interface KnownShape {
  readonly shape: Shape;
  readonly text: string;
  /** What stands in front of its values. */
  readonly front: DataView;
}

/** What is known of the payloads of one channel. */
interface Channel {
  readonly shapes: KnownShape[];
  /** Payloads in a row that had none of the shapes. */
  misses: number;
  /** Payloads that are passed over. */
  pause: number;
}

/** Writes payloads that have a shape. What it writes is read as JSON would be. */
export class ShapedWriter {
  readonly #slab = new Slab();
  readonly #channels = new Map<string, Channel>();
  #latest = "";
  #channel: Channel | undefined;
  #busy = false;

  /**
   * `payload`, with its shape in front; good until the next one is written. `undefined`: it has no shape that others on
   * `channel` had before it, and is for JSON.
   */
  write(channel: string, payload: unknown): Slab | undefined {
    // A getter in a payload may append another one.
    if (typeof payload !== "object" || payload === null || this.#busy) {
      return undefined;
    }
    const known = this.#known(channel);
    if (known === undefined || known.pause > 0) {
      if (known !== undefined) {
        known.pause--;
      }
      return undefined;
    }
    this.#busy = true;
    try {
      return this.#write(known, payload);
    } finally {
      this.#busy = false;
    }
  }

  /** What is known of `channel`; `undefined`: this is the first that is heard of it. */
  #known(channel: string): Channel | undefined {
    if (channel === this.#latest) {
      return this.#channel;
    }
    const channels = this.#channels;
    const known = channels.get(channel);
    if (known !== undefined) {
      this.#latest = channel;
      this.#channel = known;
      return known;
    }
    if (channels.size >= MOST_CHANNELS) {
      channels.clear();
    }
    channels.set(channel, { shapes: [], misses: 0, pause: 0 });
    return undefined;
  }

  #write(known: Channel, payload: object): Slab | undefined {
    const slab = this.#slab;
    for (const { shape, front } of known.shapes) {
      slab.clear(KEPT_BYTES);
      slab.reserve(front.byteLength);
      slab.words(front, front.byteLength);
      if (writeValue(slab, shape, payload)) {
        known.misses = 0;
        return slab;
      }
    }
    this.#learn(known, payload);
    return undefined;
  }

  #learn(known: Channel, payload: object): void {
    known.pause = Math.min(2 ** known.misses - 1, LONGEST_PAUSE);
    known.misses++;
    const shape = shapeOf(payload);
    const text = shape?.text;
    if (shape !== undefined && text !== undefined && !known.shapes.some((one) => one.text === text)) {
      known.shapes.unshift({ shape, text, front: frontOf(text) });
      known.shapes.length = Math.min(known.shapes.length, MOST_SHAPES);
    }
  }
}

function frontOf(text: string): DataView {
  const slab = new Slab();
  slab.u16(text.length);
  slab.latin1(text);
  return viewOf(Buffer.from(slab.buffer.subarray(0, slab.length)));
}

/** Writes `value`. False: it is not of that shape, or JSON makes something else of it. */
function writeValue(slab: Slab, shape: Shape, value: unknown): boolean {
  switch (shape.kind) {
    case SHAPE.text:
      return typeof value === "string" && writeText(slab, value);
    case SHAPE.number:
      return typeof value === "number" && writeNumber(slab, value);
    case SHAPE.record:
      return isRecord(value) && writeRecord(slab, shape, value);
    case SHAPE.list:
      return isList(value) && writeList(slab, shape, value);
    case SHAPE.flag:
      return typeof value === "boolean" && writeFlag(slab, value);
    case SHAPE.empty:
      return isList(value) && value.length === 0;
    default:
      return value === null;
  }
}

function writeRecord(slab: Slab, { names, parts }: Shape, value: Readonly<Record<string, unknown>>): boolean {
  let at = 0;
  for (const name in value) {
    const field = value[name];
    const part = parts[at];
    if (field === undefined) {
      continue;
    }
    if (part === undefined || names[at] !== name || !writeValue(slab, part, field)) {
      return false;
    }
    at++;
  }
  return at === names.length;
}

function writeList(slab: Slab, { parts }: Shape, value: readonly unknown[]): boolean {
  const [item] = parts;
  const { length } = value;
  slab.reserve(5);
  if (length < LONG) {
    slab.u8(length);
  } else {
    slab.u8(LONG);
    slab.u32(length);
  }
  for (let at = 0; at < length; at++) {
    if (item === undefined || !writeValue(slab, item, value[at])) {
      return false;
    }
  }
  return true;
}

function writeFlag(slab: Slab, value: boolean): boolean {
  slab.reserve(1);
  slab.u8(value ? 1 : 0);
  return true;
}

function writeNumber(slab: Slab, value: number): boolean {
  slab.reserve(9);
  if (value >= 0 && value < LONG && Math.floor(value) === value) {
    slab.u8(value);
    return true;
  }
  slab.u8(LONG);
  slab.f64(value);
  // JSON has no other numbers than finite ones.
  return Number.isFinite(value);
}

function writeText(slab: Slab, value: string): boolean {
  const { length } = value;
  if (length <= LONGEST_BY_HAND) {
    slab.reserve(1 + length);
    if (slab.shortLatin1(value)) {
      return true;
    }
  } else if (Buffer.byteLength(value) === length) {
    slab.reserve(5 + length);
    slab.u8(LONG_LATIN1);
    slab.u32(length);
    slab.latin1(value);
    return true;
  }
  return !HALF.test(value) && writeUtf8(slab, value);
}

function writeUtf8(slab: Slab, value: string): boolean {
  const bytes = Buffer.byteLength(value);
  slab.reserve(5 + bytes);
  slab.u8(LONG_UTF8);
  slab.u32(bytes);
  slab.utf8(value);
  return true;
}
