/** Control: what hearers tell emitters of their commands and queries, and what emitters tell hearers. */

import { crc32 } from "node:zlib";
import {
  AetherError,
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
import { mostBytes, Slab } from "./slab.ts";

const MAGIC_0 = 0xae;
const MAGIC_1 = 0xf4;
const VERSION = 1;
const COUNT_AT = 3;
const CRC_BYTES = 4;
const LEAST_BYTES = 2 + 1 + 1 + CRC_BYTES;
/** Most entries of one message. */
export const MOST_ENTRIES = 64;
/** Memory that a pen takes at a time. */
const PEN_BYTES = 16 * 1024;
/** Bytes of an entry before its fields, and what it takes beside texts. */
const AROUND_BYTES = 16;

const TYPES = ["admitted", "silent", "answered", "refused", "returned", "reflected", "over", "reflection"] as const;
type Type = (typeof TYPES)[number];
const TYPE_NUMBERS: Readonly<Record<Type, number>> = {
  admitted: 0,
  silent: 1,
  answered: 2,
  refused: 3,
  returned: 4,
  reflected: 5,
  over: 6,
  reflection: 7,
};
/** Added to the type of an entry: that it was admitted is told by it too. */
const ADMITS = 128;

/** An entry as it was read. `correlation` is the emitter's number of the exchange. */
export type Told =
  | { readonly type: "admitted"; readonly correlation: number; readonly by: Teller; readonly link: string }
  | { readonly type: "silent"; readonly correlation: number; readonly admits: boolean; readonly by: Teller }
  | { readonly type: "answered"; readonly correlation: number; readonly admits: boolean; readonly answer: Answer }
  | { readonly type: "refused" | "returned"; readonly correlation: number; readonly why: Refusal }
  | { readonly type: "reflected"; readonly correlation: number; readonly cause: ReflectCause }
  | { readonly type: "over"; readonly correlation: number; readonly source: string }
  | { readonly type: "reflection"; readonly correlation: 0; readonly facts: ReflectionFacts };

function mostBytesPrepared(prepared: Prepared): number {
  return prepared === undefined ? 0 : typeof prepared === "string" ? 3 * prepared.length : prepared.byteLength;
}

/** Most bytes that an answer takes in a message, the end of that included. */
export function mostBytesOfAnswer({ by, byId }: Teller, prepared: Prepared): number {
  return LEAST_BYTES + AROUND_BYTES + mostBytes(by) + mostBytes(byId) + mostBytesPrepared(prepared);
}

/** Writes a message, entry by entry: at most 64. */
export class ControlPen {
  readonly #slab = new Slab(PEN_BYTES);
  #entries = 0;

  /** How many entries the message has. */
  get entries(): number {
    return this.#entries;
  }

  /** Bytes of the message so far. */
  get length(): number {
    return this.#entries === 0 ? 0 : this.#slab.length;
  }

  #begin(type: Type, correlation: number, most: number, admits = false): number {
    const slab = this.#slab;
    if (this.#entries === 0) {
      slab.begin(LEAST_BYTES + AROUND_BYTES + most);
      slab.u8(MAGIC_0);
      slab.u8(MAGIC_1);
      slab.u8(VERSION);
      slab.u8(0);
    } else {
      slab.reserve(CRC_BYTES + AROUND_BYTES + most);
    }
    this.#entries++;
    const length = slab.openU32();
    slab.u8(admits ? TYPE_NUMBERS[type] + ADMITS : TYPE_NUMBERS[type]);
    slab.u32(correlation);
    return length;
  }

  admitted(correlation: number, { by, byId }: Teller, link: string): void {
    const slab = this.#slab;
    const length = this.#begin("admitted", correlation, mostBytes(by) + mostBytes(byId) + mostBytes(link));
    slab.text(by);
    slab.text(byId);
    slab.text(link);
    slab.closeU32(length);
  }

  /** `admits`: that it was admitted is told by this too. */
  silent(correlation: number, { by, byId }: Teller, admits: boolean): void {
    const slab = this.#slab;
    const length = this.#begin("silent", correlation, mostBytes(by) + mostBytes(byId), admits);
    slab.text(by);
    slab.text(byId);
    slab.closeU32(length);
  }

  /** As {@link silent}. */
  answered(correlation: number, { by, byId }: Teller, prepared: Prepared, codec: number, admits: boolean): void {
    const slab = this.#slab;
    const most = mostBytes(by) + mostBytes(byId) + mostBytesPrepared(prepared);
    const length = this.#begin("answered", correlation, most, admits);
    slab.text(by);
    slab.text(byId);
    slab.u8(codec);
    if (typeof prepared === "string") {
      slab.utf8(prepared);
    } else if (prepared !== undefined) {
      slab.bytes(prepared);
    }
    slab.closeU32(length);
  }

  over(correlation: number, source: string): void {
    const length = this.#begin("over", correlation, mostBytes(source));
    this.#slab.text(source);
    this.#slab.closeU32(length);
  }

  /** An entry whose one field is JSON. */
  json(type: "refused" | "returned", correlation: number, why: Refusal): void;
  json(type: "reflected", correlation: number, cause: ReflectCause): void;
  json(type: "reflection", correlation: 0, facts: ReflectionFacts): void;
  json(type: Type, correlation: number, value: Refusal | ReflectCause | ReflectionFacts): void {
    const text = JSON.stringify(value);
    const length = this.#begin(type, correlation, 3 * text.length);
    this.#slab.utf8(text);
    this.#slab.closeU32(length);
  }

  /** The message; what is written next begins another. */
  take(): Buffer {
    const slab = this.#slab;
    slab.setU8(COUNT_AT, this.#entries);
    slab.u32(crc32(slab.end()));
    this.#entries = 0;
    return slab.end();
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
  const number = scanner.u8();
  const admits = number >= ADMITS;
  const type = TYPES[admits ? number - ADMITS : number];
  if (admits && type !== "silent" && type !== "answered") {
    return undefined;
  }
  const correlation = scanner.u32();
  switch (type) {
    case "admitted":
      return { type, correlation, by: teller(scanner), link: scanner.text() };
    case "silent":
      return { type, correlation, admits, by: teller(scanner) };
    case "answered":
      return answered(scanner, correlation, admits);
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

/** An answer that cannot be read is told as what it is: whoever waits for it does not wait in vain. */
function answered(scanner: Scanner, correlation: number, admits: boolean): Told | undefined {
  const { by, byId } = teller(scanner);
  const codec = scanner.u8();
  try {
    const read = readPayload(codec, scanner.bytes(scanner.left));
    if (read === undefined) {
      return undefined;
    }
    const payload = read.payload instanceof EncodedPayload ? read.payload.decode() : read.payload;
    return { type: "answered", correlation, admits, answer: { payload, by, byId } };
  } catch (error) {
    if (!(error instanceof AetherError)) {
      throw error;
    }
    const { message } = error;
    const cause = { code: "rejected", error: "AETHER_BAD_PAYLOAD", message, retryable: false, by, byId } as const;
    return { type: "reflected", correlation, cause };
  }
}

/** Who told something last: most answers of a message are of one teller. */
let lastTeller: Teller = { by: "", byId: "" };

function teller(scanner: Scanner): Teller {
  const last = lastTeller;
  const by = scanner.textLike(last.by);
  const byId = scanner.textLike(last.byId);
  if (by !== last.by || byId !== last.byId) {
    lastTeller = { by, byId };
  }
  return lastTeller;
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
