/** A record table: the names that payloads of one channel share, told once a message. docs/wire-format.md. */

import { AetherError } from "@aether/core";
import { Packr } from "msgpackr";
import { Malformed } from "./scanner.ts";

/** Most shapes of one table; more go without it. */
const MOST_SHAPES = 32;
/** Longest table: payloads whose names would make it longer bring their own. */
const MOST_BYTES = 2048;
/** Tables that are kept as readers. */
const MOST_READERS = 256;
const SETTINGS = { useRecords: true, moreTypes: false, int64AsType: "number" } as const;
const EMPTY = Buffer.from("[]");

const inline = new Packr(SETTINGS);

/** `payload` as msgpack that brings its own names. Throws `AETHER_BAD_PAYLOAD`. */
export function packInline(payload: unknown): Buffer {
  if (typeof payload === "function" || typeof payload === "symbol") {
    throw unwritable();
  }
  try {
    return inline.pack(payload);
  } catch (cause) {
    throw unwritable(cause);
  }
}

/** Reads what {@link packInline} packed. */
export const unpackInline: RecordReader = inline;

function unwritable(cause?: unknown): AetherError {
  return new AetherError("AETHER_BAD_PAYLOAD", "Expected a payload that msgpack can express, got one that it cannot", {
    cause,
  });
}

/** The names in the payloads of one channel, in the order in which they came up. It only grows. */
export class RecordTable {
  readonly #shapes: string[][] = [];
  readonly #packr = new Packr({ ...SETTINGS, structures: this.#shapes, maxSharedStructures: MOST_SHAPES });
  #told = 0;
  #bytes: Buffer = EMPTY;
  #full = false;

  /** The table as it goes along. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** `payload` as msgpack that needs the table; `undefined`: its names have no room there. Throws `AETHER_BAD_PAYLOAD`. */
  pack(payload: unknown): Buffer | undefined {
    if (this.#full || typeof payload === "function" || typeof payload === "symbol") {
      return undefined;
    }
    let packed: Buffer;
    try {
      packed = this.#packr.pack(payload);
    } catch (cause) {
      throw unwritable(cause);
    }
    if (this.#shapes.length !== this.#told && !this.#tell()) {
      return undefined;
    }
    return packed;
  }

  /** False: it has become too long, and stays as it was for those who need it. */
  #tell(): boolean {
    const bytes = Buffer.from(JSON.stringify(this.#shapes));
    this.#full = bytes.length > MOST_BYTES;
    if (!this.#full) {
      this.#told = this.#shapes.length;
      this.#bytes = bytes;
    }
    return !this.#full;
  }
}

/** Reads payloads that need a table. */
export interface RecordReader {
  /** The value that stands at `start` up to `end`. Throws what the codec throws. */
  unpack(bytes: Uint8Array, place: { readonly start: number; readonly end: number }): unknown;
}

const readers = new Map<string, RecordReader>();

/** The reader of payloads under `table`. Throws {@link Malformed}. */
export function readerOf(table: string): RecordReader {
  const known = readers.get(table);
  if (known !== undefined) {
    return known;
  }
  if (readers.size >= MOST_READERS) {
    readers.clear();
  }
  const packr = new Packr({ ...SETTINGS, structures: shapesOf(table), maxSharedStructures: MOST_SHAPES });
  readers.set(table, packr);
  return packr;
}

function shapesOf(table: string): string[][] {
  let shapes: unknown;
  try {
    shapes = JSON.parse(table);
  } catch {
    throw new Malformed();
  }
  if (!isShapes(shapes) || shapes.length > MOST_SHAPES) {
    throw new Malformed();
  }
  return shapes;
}

function isShapes(value: unknown): value is string[][] {
  return (
    Array.isArray(value) &&
    value.every((names: unknown) => Array.isArray(names) && names.every((name: unknown) => typeof name === "string"))
  );
}
