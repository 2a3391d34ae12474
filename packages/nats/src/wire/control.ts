/** Control: what hearers tell emitters of their commands and queries, and what emitters tell hearers. */

import { crc32 } from "node:zlib";
import {
  type Answer,
  EncodedPayload,
  ERRORS,
  type ErrorCode,
  type ReflectCause,
  type Refusal,
  type Teller,
} from "@aether/core";
import { type Prepared, readPayload } from "./payloads.ts";
import { type ReflectionFacts, reflectionFacts } from "./reflection-facts.ts";
import { Malformed, Scanner } from "./scanner.ts";
import { mostBytes, type Slab } from "./slab.ts";

const MAGIC_0 = 0xae;
const MAGIC_1 = 0xf4;
const VERSION = 1;
const CRC_BYTES = 4;
const LEAST_BYTES = 2 + 1 + 1 + CRC_BYTES;
/** Most entries of one message. */
export const MOST_ENTRIES = 64;

/** An entry as it is told. `correlation` is the emitter's number of the exchange. */
export type Entry =
  | { readonly type: "admitted"; readonly correlation: number; readonly by: Teller; readonly link: string }
  | { readonly type: "silent"; readonly correlation: number; readonly by: Teller }
  | { readonly type: "answered"; readonly correlation: number; readonly by: Teller; readonly payload: PreparedPayload }
  | { readonly type: "refused" | "returned"; readonly correlation: number; readonly why: Refusal }
  | { readonly type: "reflected"; readonly correlation: number; readonly cause: ReflectCause }
  | { readonly type: "over"; readonly correlation: number; readonly source: string }
  | { readonly type: "reflection"; readonly correlation: 0; readonly facts: ReflectionFacts };

/** A payload ready to be written. */
export interface PreparedPayload {
  readonly prepared: Prepared;
  readonly codec: number;
}

/** An entry as it was read. */
export type Told =
  | Exclude<Entry, { readonly type: "answered" }>
  | { readonly type: "answered"; readonly correlation: number; readonly answer: Answer };

const TYPES = ["admitted", "silent", "answered", "refused", "returned", "reflected", "over", "reflection"] as const;

function mostBytesOf(entry: Entry): number {
  switch (entry.type) {
    case "admitted":
      return 10 + mostBytes(entry.by.by) + mostBytes(entry.by.byId) + mostBytes(entry.link);
    case "silent":
      return 10 + mostBytes(entry.by.by) + mostBytes(entry.by.byId);
    case "answered":
      return 20 + mostBytes(entry.by.by) + mostBytes(entry.by.byId) + mostBytesPrepared(entry.payload.prepared);
    case "over":
      return 10 + mostBytes(entry.source);
    default:
      return 10 + mostBytes(jsonOf(entry));
  }
}

function mostBytesPrepared(prepared: Prepared): number {
  return prepared === undefined ? 0 : typeof prepared === "string" ? 3 * prepared.length : prepared.byteLength;
}

function jsonOf(entry: Extract<Entry, { readonly type: "refused" | "returned" | "reflected" | "reflection" }>): string {
  switch (entry.type) {
    case "reflected":
      return JSON.stringify(entry.cause);
    case "reflection":
      return JSON.stringify(entry.facts);
    default:
      return JSON.stringify(entry.why);
  }
}

/** The message that holds `entries`, 1 to 64. */
export function encodeControl(slab: Slab, entries: readonly Entry[]): Buffer {
  slab.begin(entries.reduce((sum, entry) => sum + mostBytesOf(entry), LEAST_BYTES));
  slab.u8(MAGIC_0);
  slab.u8(MAGIC_1);
  slab.u8(VERSION);
  slab.u8(entries.length);
  for (const entry of entries) {
    const length = slab.openU32();
    slab.u8(TYPES.indexOf(entry.type));
    slab.u32(entry.correlation);
    write(slab, entry);
    slab.closeU32(length);
  }
  slab.u32(crc32(slab.end()));
  return slab.end();
}

function write(slab: Slab, entry: Entry): void {
  switch (entry.type) {
    case "admitted":
      slab.text(entry.by.by);
      slab.text(entry.by.byId);
      slab.text(entry.link);
      return;
    case "silent":
      slab.text(entry.by.by);
      slab.text(entry.by.byId);
      return;
    case "answered": {
      const { prepared, codec } = entry.payload;
      slab.text(entry.by.by);
      slab.text(entry.by.byId);
      slab.u8(codec);
      if (typeof prepared === "string") {
        slab.utf8(prepared);
      } else if (prepared !== undefined) {
        slab.bytes(prepared);
      }
      return;
    }
    case "over":
      slab.text(entry.source);
      return;
    default:
      slab.utf8(jsonOf(entry));
  }
}

/** What a control message tells; `undefined` when it is damaged, of another version, or none. */
export function decodeControl(data: Uint8Array): readonly Told[] | undefined {
  const buffer = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const end = buffer.length - CRC_BYTES;
  if (end < LEAST_BYTES - CRC_BYTES || buffer[0] !== MAGIC_0 || buffer[1] !== MAGIC_1 || buffer[2] !== VERSION) {
    return undefined;
  }
  if (crc32(buffer.subarray(0, end)) !== buffer.readUInt32LE(end)) {
    return undefined;
  }
  try {
    const scanner = new Scanner(buffer, 3, end);
    const told: Told[] = [];
    for (let left = scanner.u8(); left > 0; left--) {
      const length = scanner.u32();
      const entryEnd = scanner.at + length;
      scanner.seek(scanner.at, entryEnd);
      const entry = read(scanner);
      if (entry !== undefined) {
        told.push(entry);
      }
      scanner.seek(entryEnd, end);
    }
    return told;
  } catch (error) {
    if (error instanceof Malformed || error instanceof SyntaxError) {
      return undefined;
    }
    throw error;
  }
}

function read(scanner: Scanner): Told | undefined {
  const type = TYPES[scanner.u8()];
  const correlation = scanner.u32();
  switch (type) {
    case "admitted":
      return { type, correlation, by: teller(scanner), link: scanner.text() };
    case "silent":
      return { type, correlation, by: teller(scanner) };
    case "answered": {
      const by = teller(scanner);
      const codec = scanner.u8();
      const read = readPayload(codec, scanner.bytes(scanner.left));
      if (read === undefined) {
        return undefined;
      }
      const { payload } = read;
      return {
        type,
        correlation,
        answer: { payload: payload instanceof EncodedPayload ? payload.decode() : payload, ...by },
      };
    }
    case "over":
      return { type, correlation, source: scanner.text() };
    case "refused":
    case "returned": {
      const why = refusalOf(json(scanner));
      return why && { type, correlation, why };
    }
    case "reflected": {
      const cause = causeOf(json(scanner));
      return cause && { type, correlation, cause };
    }
    case "reflection": {
      const facts = reflectionFacts(json(scanner));
      return facts && { type, correlation: 0, facts };
    }
    default:
      return undefined; // Of a later version: passed over.
  }
}

function teller(scanner: Scanner): Teller {
  return { by: scanner.text(), byId: scanner.text() };
}

function json(scanner: Scanner): unknown {
  const value: unknown = JSON.parse(scanner.bytes(scanner.left).toString("utf8"));
  return value;
}

const REFUSALS: readonly Refusal["code"][] = [
  "AETHER_SHED",
  "AETHER_DRAINING",
  "AETHER_UNAUTHORISED",
  "AETHER_EXHAUSTED",
  "AETHER_FADED",
];
const REFLECTIONS: readonly ReflectCause["code"][] = [
  "error",
  "rejected",
  "overload",
  "expired",
  "no-receiver",
  "loop",
  "unauthorised",
];

function refusalOf(value: unknown): Refusal | undefined {
  if (typeof value !== "object" || value === null) {
    return undefined;
  }
  const { by, byId, code, floor, retryAfterMs }: Partial<Record<keyof Refusal, unknown>> = value;
  const known = REFUSALS.find((one) => one === code);
  if (typeof by !== "string" || typeof byId !== "string" || known === undefined) {
    return undefined;
  }
  return { by, byId, code: known, floor: numberOf(floor), retryAfterMs: numberOf(retryAfterMs) };
}

/** Why a wave came back, if `value` says so. */
export function causeOf(value: unknown): ReflectCause | undefined {
  if (typeof value !== "object" || value === null) {
    return undefined;
  }
  const { by, byId, code, error, message, retryable, retryAfterMs }: Partial<Record<keyof ReflectCause, unknown>> =
    value;
  const known = REFLECTIONS.find((one) => one === code);
  if (typeof by !== "string" || typeof byId !== "string" || known === undefined || !isErrorCode(error)) {
    return undefined;
  }
  return {
    by,
    byId,
    code: known,
    error,
    message: typeof message === "string" ? message : "",
    retryable: retryable === true,
    retryAfterMs: numberOf(retryAfterMs),
  };
}

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(ERRORS, code);
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
