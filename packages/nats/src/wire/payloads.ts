/** Payloads as bytes: JSON by default, bytes as they are, and msgpack records where they are asked for. */

import { AetherError, EncodedPayload } from "@aether/core";
import { Packr } from "msgpackr";

/** How payloads are written; any medium reads all of them. */
export type PayloadCodec = "json" | "records";

/** A payload ready to be written. */
export type Prepared = string | Uint8Array | undefined;

/** How a payload was written, as the wire says it. */
export const CODEC = { nothing: 0, json: 1, bytes: 2, records: 3 } as const;

/** The way that `codec` writes payloads. */
export interface PayloadWriter {
  /** The payload as it is now. Throws `AETHER_BAD_PAYLOAD` for what cannot be written. */
  prepare(payload: unknown): Prepared;
  /** The number on the wire for a payload that was prepared. */
  codecOf(payload: unknown, prepared: Prepared): number;
}

const packr = new Packr({ useRecords: true, moreTypes: false, int64AsType: "number" });

function unwritable(what: string, cause?: unknown): AetherError {
  return new AetherError("AETHER_BAD_PAYLOAD", `Expected a payload that ${what} can express, got one that it cannot`, {
    cause,
  });
}

const jsonWriter: PayloadWriter = {
  prepare(payload) {
    if (payload === undefined || payload instanceof Uint8Array) {
      return payload;
    }
    let text: string | undefined;
    try {
      text = JSON.stringify(payload);
    } catch (cause) {
      throw unwritable("JSON", cause);
    }
    if (text === undefined) {
      throw unwritable("JSON");
    }
    return text;
  },
  codecOf: (_payload, prepared) =>
    typeof prepared === "string" ? CODEC.json : prepared === undefined ? CODEC.nothing : CODEC.bytes,
};

const recordsWriter: PayloadWriter = {
  prepare(payload) {
    if (payload === undefined || payload instanceof Uint8Array) {
      return payload;
    }
    if (typeof payload === "function" || typeof payload === "symbol") {
      throw unwritable("msgpack");
    }
    try {
      return packr.pack(payload);
    } catch (cause) {
      throw unwritable("msgpack", cause);
    }
  },
  codecOf: (payload, prepared) =>
    prepared === undefined ? CODEC.nothing : payload instanceof Uint8Array ? CODEC.bytes : CODEC.records,
};

export const payloadWriters: Readonly<Record<PayloadCodec, PayloadWriter>> = {
  json: jsonWriter,
  records: recordsWriter,
};

function unreadable(codec: string, cause: unknown): AetherError {
  return new AetherError("AETHER_BAD_PAYLOAD", `Expected the bytes of a ${codec} payload, got something else`, {
    cause,
  });
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
      throw unreadable("JSON", cause);
    }
  }
}

class RecordsPayload extends EncodedPayload {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    super();
    this.#bytes = bytes;
  }

  decode(): unknown {
    try {
      const value: unknown = packr.unpack(this.#bytes);
      return value;
    } catch (cause) {
      throw unreadable("msgpack", cause);
    }
  }
}

/** Part of the memory around a payload below which it is copied out. */
const LEAST_PART = 1 / 4;

/**
 * `bytes` in memory that is theirs for the most part. A wave that waits would else keep all that was read from the
 * connection with it, and an inbox many times what it holds.
 */
function owned(bytes: Uint8Array): Uint8Array {
  const { buffer, byteOffset, byteLength } = bytes;
  const view = new Uint8Array(buffer, byteOffset, byteLength);
  return byteLength < buffer.byteLength * LEAST_PART ? view.slice() : view;
}

/** The payload that `bytes` stand for, decoded when somebody looks; `undefined` for an unknown codec. */
export function readPayload(codec: number, bytes: Buffer): { readonly payload: unknown } | undefined {
  switch (codec) {
    case CODEC.nothing:
      return { payload: undefined };
    case CODEC.json:
      return { payload: new JsonPayload(bytes.toString("utf8")) };
    case CODEC.bytes:
      return { payload: owned(bytes) };
    case CODEC.records:
      return { payload: new RecordsPayload(owned(bytes)) };
    default:
      return undefined;
  }
}

/** The payload of a message that is none of ours: JSON if it reads as that, else its bytes. */
export function foreignPayload(bytes: Uint8Array): unknown {
  if (bytes.length === 0) {
    return undefined;
  }
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return value;
  } catch {
    return owned(bytes);
  }
}
