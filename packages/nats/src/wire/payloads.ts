/** Payloads as bytes: JSON by default, bytes as they are, and msgpack records where they are asked for. */

import { AetherError, EncodedPayload } from "@aether/core";
import { packInline, type RecordReader, RecordTable, unpackInline } from "./record-table.ts";

/** How payloads are written; any medium reads all of them. */
export type PayloadCodec = "json" | "records";

/** A payload ready to be written. */
export type Prepared = string | Uint8Array | undefined;

/** How a payload was written, as the wire says it. */
export const CODEC = { nothing: 0, json: 1, bytes: 2, records: 3, tabled: 4 } as const;

/** The way that `codec` writes payloads. */
export interface PayloadWriter {
  /** The payload as it is now. Throws `AETHER_BAD_PAYLOAD` for what cannot be written. */
  prepare(payload: unknown): Prepared;
  /** The number on the wire for the payload that was prepared last. */
  codecOf(payload: unknown, prepared: Prepared): number;
  /** What payloads of the codec `tabled` need to be read; a message that holds any holds it once. */
  readonly table?: RecordTable | undefined;
}

function unwritable(cause?: unknown): AetherError {
  return new AetherError("AETHER_BAD_PAYLOAD", "Expected a payload that JSON can express, got one that it cannot", {
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
      throw unwritable(cause);
    }
    if (text === undefined) {
      throw unwritable();
    }
    return text;
  },
  codecOf: (_payload, prepared) =>
    typeof prepared === "string" ? CODEC.json : prepared === undefined ? CODEC.nothing : CODEC.bytes,
};

const recordsWriter: PayloadWriter = {
  prepare: (payload) => (payload === undefined || payload instanceof Uint8Array ? payload : packInline(payload)),
  codecOf: (payload, prepared) =>
    prepared === undefined ? CODEC.nothing : payload instanceof Uint8Array ? CODEC.bytes : CODEC.records,
};

/** Writes the payloads of one channel as records whose names are told once a message. */
class TabledWriter implements PayloadWriter {
  readonly table: RecordTable = new RecordTable();
  #codec: number = CODEC.nothing;

  prepare(payload: unknown): Prepared {
    if (payload === undefined || payload instanceof Uint8Array) {
      this.#codec = payload === undefined ? CODEC.nothing : CODEC.bytes;
      return payload;
    }
    const tabled = this.table.pack(payload);
    this.#codec = tabled === undefined ? CODEC.records : CODEC.tabled;
    return tabled ?? packInline(payload);
  }

  codecOf(): number {
    return this.#codec;
  }
}

/** What writes the payloads of one channel by `codec`, where its messages may hold a table. */
export function channelWriter(codec: PayloadCodec): PayloadWriter {
  return codec === "records" ? new TabledWriter() : payloadWriters[codec];
}

/** What writes payloads that stand alone. */
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
  readonly #reader: RecordReader | undefined;

  constructor(bytes: Uint8Array, reader: RecordReader | undefined) {
    super();
    this.#bytes = bytes;
    this.#reader = reader;
  }

  decode(): unknown {
    try {
      return this.#reader === undefined ? unpackInline(this.#bytes) : this.#reader.unpack(this.#bytes);
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
  const { buffer, byteLength } = bytes;
  // Small ones share memory of their own: an allocation for each would cost more than reading it.
  const own = byteLength < buffer.byteLength * LEAST_PART ? Buffer.from(bytes) : bytes;
  return new Uint8Array(own.buffer, own.byteOffset, byteLength);
}

/**
 * The payload that `bytes` stand for, decoded when somebody looks; `undefined` for an unknown codec, or one that needs a
 * table where there is none. `reader` is that of the message's table.
 */
export function readPayload(
  codec: number,
  bytes: Buffer,
  reader?: RecordReader | undefined,
): { readonly payload: unknown } | undefined {
  switch (codec) {
    case CODEC.nothing:
      return { payload: undefined };
    case CODEC.json:
      return { payload: new JsonPayload(bytes.toString("utf8")) };
    case CODEC.bytes:
      return { payload: owned(bytes) };
    case CODEC.records:
      return { payload: new RecordsPayload(owned(bytes), undefined) };
    case CODEC.tabled:
      return reader && { payload: new RecordsPayload(owned(bytes), reader) };
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
