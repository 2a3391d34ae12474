/** Payloads as bytes: strings and objects as JSON, `Uint8Array` as itself; and what can travel at all. */

import { AetherError } from "../errors.ts";

/** A payload that has been encoded. `raw` marks bytes that were bytes before. */
export interface Encoded {
  readonly raw: boolean;
  readonly bytes: Uint8Array;
}

/** Turns payloads into bytes and back. */
export interface Codec {
  readonly name: string;
  /** Throws `AETHER_BAD_PAYLOAD` for what cannot be encoded. */
  encode(payload: unknown): Encoded;
  /** Throws `AETHER_BAD_PAYLOAD` for bytes that are none of this codec's. */
  decode(encoded: Encoded): unknown;
}

const DEEPEST = 32;
const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

function cannotTravel(path: string, what: string, advice: string): AetherError {
  const where = path === "" ? "the payload itself" : `\`${path}\``;
  return new AetherError(
    "AETHER_BAD_PAYLOAD",
    `Expected a payload of plain values, got ${what} at ${where}: ${advice}`,
    {
      details: { path, what },
    },
  );
}

/** A value's path with one more step: `items[0].sku`. */
function below(path: string, key: string | number): string {
  return typeof key === "number" ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;
}

function assertObjectTravels(value: object, path: string, above: readonly object[]): void {
  if (above.includes(value)) {
    throw cannotTravel(path, "a circular reference", "send a tree");
  }
  if (above.length >= DEEPEST) {
    throw cannotTravel(path, `more than ${DEEPEST} levels`, "send a flatter payload");
  }
  const here = [...above, value];
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      if (item === undefined) {
        throw cannotTravel(below(path, index), "undefined in an array", "send null");
      }
      assertValueTravels(item, below(path, index), here);
    }
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    const name = value.constructor?.name ?? "object";
    const advice = name === "Date" ? "send toISOString() or getTime()" : "send its plain values";
    throw cannotTravel(path, `an instance of ${name}`, advice);
  }
  if (Object.getOwnPropertySymbols(value).length > 0) {
    throw cannotTravel(path, "a symbol as a key", "send texts as keys");
  }
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined) {
      assertValueTravels(item, below(path, key), here);
    }
  }
}

function assertValueTravels(value: unknown, path: string, above: readonly object[]): void {
  switch (typeof value) {
    case "string":
      if (decoder.decode(encoder.encode(value)) !== value) {
        throw cannotTravel(path, "a text with half a surrogate pair", "send a whole text, or bytes");
      }
      return;
    case "function":
    case "symbol":
      throw cannotTravel(path, `a ${typeof value}`, "send data");
    case "bigint":
      throw cannotTravel(path, "a bigint", "send a string");
    case "number":
      if (!Number.isFinite(value)) {
        throw cannotTravel(path, String(value), "send null or a text");
      }
      return;
    case "object":
      if (value !== null) {
        assertObjectTravels(value, path, above);
      }
      return;
    default:
  }
}

/**
 * Throws `AETHER_BAD_PAYLOAD`, with the path, unless `payload` arrives as it was sent: `undefined`, bytes, or a
 * tree of plain objects, arrays, texts, finite numbers, booleans and null, at most 32 levels deep. Two things are
 * let through that JSON does not tell apart: a property that is `undefined` is left out, and -0 becomes 0.
 */
export function assertTravels(payload: unknown): void {
  if (!(payload instanceof Uint8Array)) {
    assertValueTravels(payload, "", []);
  }
}

/** JSON for values, bytes as they are, `undefined` as nothing. */
export const jsonCodec: Codec = {
  name: "json",
  encode(payload) {
    if (payload instanceof Uint8Array) {
      return { raw: true, bytes: payload };
    }
    if (payload === undefined) {
      return { raw: false, bytes: NOTHING };
    }
    let text: string | undefined;
    try {
      text = JSON.stringify(payload);
    } catch (cause) {
      throw new AetherError("AETHER_BAD_PAYLOAD", "Expected a payload that JSON can express, got one that it cannot", {
        cause,
      });
    }
    if (text === undefined) {
      throw cannotTravel("", `a ${typeof payload}`, "send data");
    }
    return { raw: false, bytes: encoder.encode(text) };
  },
  decode({ raw, bytes }) {
    if (raw) {
      return bytes;
    }
    if (bytes.length === 0) {
      return undefined;
    }
    try {
      const value: unknown = JSON.parse(decoder.decode(bytes));
      return value;
    } catch (cause) {
      throw new AetherError("AETHER_BAD_PAYLOAD", "Expected the bytes of a JSON text, got something else", { cause });
    }
  },
};

/** What a payload that travels by reference is taken to weigh, in bytes. */
export const REFERENCE_BYTES = 512;

/** What `payload` counts against byte bounds: bytes and texts exactly, everything else 512. */
export function weigh(payload: unknown): number {
  if (typeof payload === "string") {
    return utf8Length(payload);
  }
  return payload instanceof Uint8Array ? payload.byteLength : REFERENCE_BYTES;
}

/**
 * Whether `payload` would have at most `most` bytes on its way, about: bytes as they are, everything else as JSON
 * without its escapes. It looks no further than that into a large one. False for what throws when it is looked at.
 */
export function isWithin(payload: unknown, most: number): boolean {
  let left = most;
  const take = (value: unknown): boolean => {
    if (typeof value === "string") {
      left -= value.length > left ? value.length : utf8Length(value) + 2;
    } else if (value instanceof Uint8Array) {
      left -= value.byteLength;
    } else if (typeof value !== "object" || value === null) {
      left -= String(value).length;
    } else {
      left -= 2;
      for (const key in value) {
        left -= Array.isArray(value) ? 1 : utf8Length(key) + 4;
        if (left < 0 || !take(Reflect.get(value, key))) {
          return false;
        }
      }
    }
    return left >= 0;
  };
  try {
    return take(payload);
  } catch {
    return false;
  }
}

/** The length of `text` in UTF-8, without encoding it. */
function utf8Length(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0x7f) {
      bytes += code > 0x7ff ? 2 : 1;
      const next = text.charCodeAt(at + 1);
      if (code >= 0xd800 && code <= 0xdbff && next >= 0xdc00 && next <= 0xdfff) {
        at++; // A pair is four bytes for its two units.
      }
    }
  }
  return bytes;
}
