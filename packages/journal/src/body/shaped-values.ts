/** Reads the values of a shape, with a function made for it once it has come up often. docs/journal-format.md. */

import { viewOf } from "../log/slab.ts";
import { Malformed } from "./scanner.ts";
import { SHAPE, type Shape } from "./shape.ts";

const LONG = 255;
const LONG_LATIN1 = 254;
const LONG_UTF8 = 255;
/** Readings after which a function is made: making one takes as long as some hundred of them. */
const OFTEN = 64;

/** What is read, and where its reading stands. */
class Reading {
  bytes: Buffer = Buffer.alloc(0);
  view: DataView = viewOf(this.bytes);
  /** All of it, a unit for each byte: texts are parts of it. */
  text = "";
  start = 0;
  at = 0;
  end = 0;

  put(bytes: Buffer, view: DataView, from: number, to: number): void {
    this.bytes = bytes;
    this.view = view;
    this.text = bytes.toString("latin1", from, to);
    this.start = from;
    this.at = from;
    this.end = to;
  }

  /** How many items a list has, each of which takes `least` bytes or more. Throws {@link Malformed}. */
  count(least: number): number {
    const count = this.#length(LONG);
    if (count * least > this.end - this.at) {
      throw new Malformed();
    }
    return count;
  }

  string(): string {
    const isUtf8 = this.bytes[this.at] === LONG_UTF8;
    const length = this.#length(LONG_LATIN1);
    const from = this.at;
    this.at = from + length;
    return isUtf8
      ? this.bytes.toString("utf8", from, this.at)
      : this.text.substring(from - this.start, this.at - this.start);
  }

  number(): number {
    const short = this.byte();
    if (short < LONG) {
      return short;
    }
    this.at += 8;
    return this.view.getFloat64(this.at - 8, true);
  }

  byte(): number {
    return this.view.getUint8(this.at++);
  }

  /** One byte below `long`, or four behind one that is not. */
  #length(long: number): number {
    const short = this.byte();
    if (short < long) {
      return short;
    }
    this.at += 4;
    return this.view.getUint32(this.at - 4, true);
  }
}

/** Used for all of them, one after the other: nothing runs in between. */
const reading: Reading = new Reading();

/** Reads values of one shape. */
export class ShapedValues {
  readonly #shape: Shape;
  #read: (reading: Reading) => unknown;
  #count = 0;

  constructor(shape: Shape) {
    this.#shape = shape;
    this.#read = (reading) => filled(shape, reading);
  }

  /** The value in the bytes of `buffer`, which `view` shows as well. Throws {@link Malformed}, and `RangeError`. */
  read(buffer: Buffer, view: DataView, from: number, to: number): unknown {
    if (++this.#count === OFTEN) {
      this.#read = made(this.#shape) ?? this.#read;
    }
    reading.put(buffer, view, from, to);
    const value = this.#read(reading);
    // Whatever was read beyond the end has moved on beyond it, too.
    if (reading.at !== to) {
      throw new Malformed();
    }
    return value;
  }
}

function filled(shape: Shape, reading: Reading): unknown {
  switch (shape.kind) {
    case SHAPE.text:
      return reading.string();
    case SHAPE.number:
      return reading.number();
    case SHAPE.record:
      return recordOf(shape, reading);
    case SHAPE.list:
      return listOf(shape, reading);
    case SHAPE.flag:
      return reading.byte() === 1;
    case SHAPE.empty:
      return [];
    default:
      return null;
  }
}

function recordOf({ names, parts }: Shape, reading: Reading): unknown {
  const record: Record<string, unknown> = {};
  for (const [at, part] of parts.entries()) {
    record[names[at] ?? ""] = filled(part, reading);
  }
  return record;
}

function listOf({ parts }: Shape, reading: Reading): unknown {
  const list: unknown[] = [];
  for (const item of parts) {
    for (let left = reading.count(item.least); left > 0; left--) {
      list.push(filled(item, reading));
    }
  }
  return list;
}

/** A function that does what {@link filled} does for `shape`; `undefined` where none may be made from a text. */
function made(shape: Shape): ((reading: Reading) => unknown) | undefined {
  const source = new Source();
  const value = source.value(shape);
  const lines = [
    '"use strict"; const { bytes, view, text, start } = reading; let at = reading.at, n = 0;',
    ...source.lines,
    `reading.at = at; return ${value};`,
  ];
  try {
    const make = new Function("reading", lines.join("\n"));
    return (reading) => {
      const value: unknown = make(reading);
      return value;
    };
  } catch {
    return undefined;
  }
}

/** The lines of such a function. What comes from a file stands in them as a JSON text only. */
class Source {
  readonly lines: string[] = [];
  #names = 0;

  /** Adds what reads a value, and gives what it is called. */
  value(shape: Shape): string {
    const name = `v${this.#names++}`;
    if (shape.kind === SHAPE.list) {
      this.#list(shape, name);
    } else {
      // What it is made of is read first.
      const made = this.#expression(shape);
      this.lines.push(`const ${name} = ${made};`);
    }
    return name;
  }

  #list({ parts }: Shape, name: string): void {
    this.lines.push(`const ${name} = [];`);
    for (const item of parts) {
      const left = `l${this.#names++}`;
      this.lines.push(`reading.at = at; let ${left} = reading.count(${item.least}); at = reading.at;`);
      this.lines.push(`for (; ${left} > 0; ${left}--) {`);
      const value = this.value(item);
      this.lines.push(`${name}.push(${value}); }`);
    }
  }

  #expression({ kind, names, parts }: Shape): string {
    switch (kind) {
      case SHAPE.text: {
        const short = "text.substring(at - start, (at += n) - start)";
        const long = "(reading.at = at - 1, n = reading.string(), at = reading.at, n)";
        return `(n = bytes[at++]) < ${LONG_LATIN1} ? ${short} : ${long}`;
      }
      case SHAPE.number:
        return `(n = bytes[at++]) < ${LONG} ? n : view.getFloat64((at += 8) - 8, true)`;
      case SHAPE.record:
        return `{ ${parts.map((part, at) => `${JSON.stringify(names[at])}: ${this.value(part)}`).join(", ")} }`;
      case SHAPE.flag:
        return "view.getUint8(at++) === 1";
      case SHAPE.empty:
        return "[]";
      default:
        return "null";
    }
  }
}
