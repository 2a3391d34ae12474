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
  readonly #memory: Uint8Array;
  readonly #start: number;
  readonly #end: number;
  readonly #reader: RecordReader;

  constructor(memory: Uint8Array, start: number, end: number, reader: RecordReader) {
    super();
    this.#memory = memory;
    this.#start = start;
    this.#end = end;
    this.#reader = reader;
  }

  decode(): unknown {
    const [start, end] = [this.#start, this.#end];
    try {
      if (start === end) {
        throw new Error("There are no bytes");
      }
      return this.#reader.unpack(this.#memory, { start, end });
    } catch (cause) {
      throw unreadable("msgpack", cause);
    }
  }
}

/** Memory that small payloads share, and up to which size they are small. */
const SHARED_BYTES = 8 * 1024;
const MOST_SHARING = SHARED_BYTES / 4;

let shared = Buffer.allocUnsafeSlow(SHARED_BYTES);
let sharedAt = 0;

/**
 * The records of `buffer` from `start` up to `end`. Small ones move into memory that they share: the codec makes a view
 * of each memory that it is given, which would cost as much as reading them.
 */
function recordsOf(buffer: Buffer, start: number, end: number, reader: RecordReader): RecordsPayload {
  const length = end - start;
  if (length > MOST_SHARING) {
    return new RecordsPayload(owned(buffer.subarray(start, end)), 0, length, reader);
  }
  if (sharedAt + length > SHARED_BYTES) {
    shared = Buffer.allocUnsafeSlow(SHARED_BYTES);
    sharedAt = 0;
  }
  const at = sharedAt;
  sharedAt += buffer.copy(shared, at, start, end);
  return new RecordsPayload(shared, at, sharedAt, reader);
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

/** What {@link payloadAt} gives for what cannot be a payload. */
export const UNREADABLE: unique symbol = Symbol("unreadable");

/**
 * The payload that the bytes of `buffer` from `start` up to `end` stand for, decoded when somebody looks;
 * {@link UNREADABLE} for an unknown codec, or one that needs a table where there is none. `reader` is that of the
 * message's table.
 */
export function payloadAt(
  codec: number,
  buffer: Buffer,
  start: number,
  end: number,
  reader: RecordReader | undefined,
): unknown {
  switch (codec) {
    case CODEC.nothing:
      return undefined;
    case CODEC.json:
      // Without the name of an encoding it is UTF-8, and is not looked up.
      return new JsonPayload(buffer.toString(undefined, start, end));
    case CODEC.bytes:
      return owned(buffer.subarray(start, end));
    case CODEC.records:
      return recordsOf(buffer, start, end, unpackInline);
    case CODEC.tabled:
      return reader === undefined ? UNREADABLE : recordsOf(buffer, start, end, reader);
    default:
      return UNREADABLE;
  }
}

/** The payload that `bytes` stand for, as {@link payloadAt} reads it; `undefined` for one that cannot be. */
export function readPayload(codec: number, bytes: Buffer): { readonly payload: unknown } | undefined {
  const payload = payloadAt(codec, bytes, 0, bytes.length, undefined);
  return payload === UNREADABLE ? undefined : { payload };
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
