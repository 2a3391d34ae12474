/** Shapes: the names and kinds of values that many payloads have in common. docs/journal-format.md. */

import { Malformed } from "./scanner.ts";

/** Kinds of shapes, as the file says them. */
export const SHAPE = {
  text: 0x73,
  number: 0x6e,
  flag: 0x62,
  null: 0x7a,
  /** A list that has no items, and so says nothing of them. */
  empty: 0x65,
  /** A list of items that are all of one shape. */
  list: 0x5b,
  record: 0x7b,
} as const;

const MOST_BYTES = 1024;
const MOST_FIELDS = 255;
const LONGEST_NAME = 255;
const DEEPEST = 16;
/** Bytes that a value of these kinds takes at least. */
const LEAST: Readonly<Record<number, number>> = {
  [SHAPE.text]: 1,
  [SHAPE.number]: 1,
  [SHAPE.flag]: 1,
  [SHAPE.null]: 0,
  [SHAPE.empty]: 0,
  [SHAPE.list]: 1,
};

/** One shape: that of a whole payload, or of a part of one. */
export class Shape {
  readonly kind: number;
  /** Of the fields of a record, in their order. */
  readonly names: readonly string[];
  /** Shapes of the fields of a record, or the one of the items of a list. */
  readonly parts: readonly Shape[];
  /** Bytes that a value takes at least. */
  readonly least: number;

  constructor(kind: number, names: readonly string[] = [], parts: readonly Shape[] = []) {
    this.kind = kind;
    this.names = names;
    this.parts = parts;
    this.least = LEAST[kind] ?? parts.reduce((sum, { least }) => sum + least, 0);
  }

  /** As the file has it, a byte in each unit; `undefined`: it is too long. */
  get text(): string | undefined {
    const text = textOf(this);
    return text.length <= MOST_BYTES ? text : undefined;
  }
}

function textOf({ kind, names, parts }: Shape): string {
  const sign = String.fromCharCode(kind);
  if (kind !== SHAPE.record) {
    return sign + parts.map(textOf).join("");
  }
  const fields = parts.map((part, at) => {
    const name = names[at] ?? "";
    return String.fromCharCode(name.length) + name + textOf(part);
  });
  return sign + String.fromCharCode(names.length) + fields.join("");
}

/** A plain object: what JSON makes of it is its fields, in their order. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** A plain array. */
export function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && Object.getPrototypeOf(value) === Array.prototype;
}

/** The shape of `value`; `undefined`: it has none, and is for JSON. Items of a list are taken to be like the first. */
export function shapeOf(value: unknown, depth = 0): Shape | undefined {
  switch (typeof value) {
    case "string":
      return new Shape(SHAPE.text);
    case "number":
      return new Shape(SHAPE.number);
    case "boolean":
      return new Shape(SHAPE.flag);
    case "object":
      return value === null ? new Shape(SHAPE.null) : depth < DEEPEST ? compound(value, depth + 1) : undefined;
    default:
      return undefined;
  }
}

function compound(value: object, depth: number): Shape | undefined {
  if (isList(value)) {
    if (value.length === 0) {
      return new Shape(SHAPE.empty);
    }
    const item = shapeOf(value[0], depth);
    // Of items that take no bytes, a few bytes would say any number.
    return item === undefined || item.least === 0 ? undefined : new Shape(SHAPE.list, [], [item]);
  }
  if (!isRecord(value)) {
    return undefined;
  }
  const names: string[] = [];
  const parts: Shape[] = [];
  for (const name in value) {
    if (value[name] === undefined) {
      continue;
    }
    const part = shapeOf(value[name], depth);
    if (part === undefined || names.length === MOST_FIELDS || !isName(name)) {
      return undefined;
    }
    names.push(name);
    parts.push(part);
  }
  return new Shape(SHAPE.record, names, parts);
}

/** Whether a shape may say `name`: a byte for each unit, and nothing that means something else to an object. */
function isName(name: string): boolean {
  return name.length <= LONGEST_NAME && name !== "__proto__" && !/[^\0-\xff]/.test(name);
}

/** The shape that `text` is. Throws {@link Malformed}. */
export function readShape(text: string): Shape {
  const { shape, end } = parse(text, 0, 0);
  if (end !== text.length || end > MOST_BYTES) {
    throw new Malformed();
  }
  return shape;
}

function parse(text: string, at: number, depth: number): { readonly shape: Shape; readonly end: number } {
  const kind = text.charCodeAt(at);
  if (depth > DEEPEST) {
    throw new Malformed();
  }
  if (kind === SHAPE.list) {
    const { shape: item, end } = parse(text, at + 1, depth + 1);
    if (item.least === 0) {
      throw new Malformed();
    }
    return { shape: new Shape(kind, [], [item]), end };
  }
  if (kind !== SHAPE.record) {
    if (LEAST[kind] === undefined) {
      throw new Malformed();
    }
    return { shape: new Shape(kind), end: at + 1 };
  }
  const names: string[] = [];
  const parts: Shape[] = [];
  let next = at + 2;
  for (let left = text.charCodeAt(at + 1); left > 0; left--) {
    const nameAt = next + 1;
    const nameEnd = nameAt + text.charCodeAt(next);
    const name = text.slice(nameAt, nameEnd);
    const field = parse(text, nameEnd, depth + 1);
    if (!isName(name) || names.includes(name)) {
      throw new Malformed();
    }
    names.push(name);
    parts.push(field.shape);
    next = field.end;
  }
  return { shape: new Shape(kind, names, parts), end: next };
}
