/** Payloads and states as bytes: JSON or shapes for values, bytes as they are, nothing for `undefined`. */

import { AetherError, EncodedPayload } from "@aether/core";

/** How a value was written, as the file says it. */
export const CODEC = { nothing: 0, json: 1, bytes: 2, shaped: 3 } as const;

/** A value ready to be written. */
export type Prepared = string | Uint8Array | undefined;

/** `value` as it is now. Throws `AETHER_BAD_PAYLOAD` for what JSON cannot express. */
export function prepare(value: unknown): Prepared {
  if (value === undefined || value instanceof Uint8Array) {
    return value;
  }
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw unwritable(cause);
  }
  if (text === undefined) {
    throw unwritable();
  }
  return text;
}

function unwritable(cause?: unknown): AetherError {
  return new AetherError(
    "AETHER_BAD_PAYLOAD",
    "Expected a value that JSON can express, or bytes, got one that it cannot. Store plain values.",
    { cause },
  );
}

export function codecOf(prepared: Prepared): number {
  return typeof prepared === "string" ? CODEC.json : prepared === undefined ? CODEC.nothing : CODEC.bytes;
}

class JsonPayload extends EncodedPayload {
  readonly #text: string;

  constructor(text: string) {
    super();
    this.#text = text;
  }

  decode(): unknown {
    try {
      const value: unknown = JSON.parse(this.#text);
      return value;
    } catch (cause) {
      throw new AetherError("AETHER_BAD_PAYLOAD", "Expected the bytes of a JSON value, got something else", { cause });
    }
  }
}

/**
 * The payload that some bytes of `buffer` stand for; `undefined` for an unknown codec. The bytes are copied, so that a wave
 * that is kept keeps nothing but itself; JSON is parsed when somebody looks.
 */
export function readPayload(
  codec: number,
  buffer: Buffer,
  at: number,
  end: number,
): { readonly payload: unknown } | EncodedPayload | undefined {
  switch (codec) {
    case CODEC.nothing:
      return NOTHING;
    case CODEC.json:
      return new JsonPayload(buffer.toString("utf8", at, end));
    case CODEC.bytes:
      return { payload: new Uint8Array(buffer.subarray(at, end)) };
    default:
      return undefined;
  }
}

const NOTHING = { payload: undefined } as const;

/** The value that some bytes stand for, decoded at once. Throws `AETHER_BAD_PAYLOAD`. */
export function readValue(codec: number, buffer: Buffer, at: number): unknown {
  const payload = readPayload(codec, buffer, at, buffer.length);
  if (payload === undefined) {
    throw new AetherError("AETHER_BAD_PAYLOAD", `Expected a value as JSON or bytes, got codec ${codec}`);
  }
  return payload instanceof EncodedPayload ? payload.decode() : payload.payload;
}
