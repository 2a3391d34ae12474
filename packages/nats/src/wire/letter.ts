/** Dead letters as bytes: what is known of a wave that failed for good, and the wave. docs/wire-format.md. */

import { type DeadLetter, ERRORS, type ErrorCode, type Moment, type NewDeadLetter, Wave } from "@aether/core";
import { decode, type Seal } from "./envelope.ts";

const MAGIC_0 = 0xae;
const MAGIC_1 = 0xf3;
const VERSION = 1;
const FACTS_AT = 2 + 1 + 4;
const CRC_BYTES = 4;

/** What a letter says beside its wave. */
export interface LetterFacts {
  readonly error: NewDeadLetter["error"];
  readonly attempts: number;
  readonly group: string | false;
  readonly name: string;
  readonly instance: string;
  readonly at: number;
  /** Where the wave was recorded. */
  readonly position: string | undefined;
}

/** The message of a letter whose wave is the message `wave`; `seal` is that of its channel. */
export function encodeLetter(facts: LetterFacts, wave: Uint8Array, seal: Seal): Buffer {
  const { error, attempts, group, name, instance, at, position } = facts;
  const { code, message, stack } = error;
  const json = Buffer.from(
    JSON.stringify({ error: { code, message, stack }, attempts, group, name, instance, at, position }),
  );
  const start = Buffer.alloc(FACTS_AT);
  start.set([MAGIC_0, MAGIC_1, VERSION]);
  start.writeUInt32LE(json.length, FACTS_AT - 4);
  const sealed = Buffer.concat([start, json, wave]);
  const end = Buffer.alloc(CRC_BYTES);
  end.writeUInt32LE(seal.of(sealed));
  return Buffer.concat([sealed, end]);
}

/** The letter `id` that `data` is, read at `moment`; `undefined`: it is damaged, of another version, or no letter. */
export function decodeLetter(
  id: string,
  data: Uint8Array,
  channel: string,
  seal: Seal,
  moment: Moment,
): DeadLetter | undefined {
  const buffer = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const end = buffer.length - CRC_BYTES;
  if (end < FACTS_AT || buffer[0] !== MAGIC_0 || buffer[1] !== MAGIC_1 || buffer[2] !== VERSION) {
    return undefined;
  }
  const waveAt = FACTS_AT + buffer.readUInt32LE(FACTS_AT - 4);
  if (waveAt > end || seal.of(buffer.subarray(0, end)) !== buffer.readUInt32LE(end)) {
    return undefined;
  }
  const facts = factsOf(buffer.toString("utf8", FACTS_AT, waveAt));
  const [inbound, more] = decode(buffer.subarray(waveAt, end), channel, seal, moment) ?? [];
  if (facts === undefined || inbound === undefined || more !== undefined || inbound.request !== undefined) {
    return undefined;
  }
  const { position, ...rest } = facts;
  const wave = new Wave({ ...inbound.parts, extras: { ...inbound.parts.extras, position } });
  if (wave.fault !== undefined) {
    return undefined;
  }
  return { id, ...rest, wave, origin: { source: wave.source, sourceId: wave.sourceId } };
}

function factsOf(text: string): LetterFacts | undefined {
  const { error, attempts, group, name, instance, at, position } = fieldsOf(parsed(text));
  const { code, message, stack } = fieldsOf(error);
  const isSound =
    typeof attempts === "number" &&
    (typeof group === "string" || group === false) &&
    typeof name === "string" &&
    typeof instance === "string" &&
    typeof at === "number" &&
    typeof message === "string";
  if (!isSound) {
    return undefined;
  }
  return {
    error: { code: codeOf(code), message, stack: textOf(stack) },
    ...{ attempts, group, name, instance, at, position: textOf(position) },
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** A code that a later version has added is one of a handler here. */
function codeOf(code: unknown): ErrorCode {
  return isCode(code) ? code : "AETHER_HANDLER_FAILED";
}

function isCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(ERRORS, code);
}
