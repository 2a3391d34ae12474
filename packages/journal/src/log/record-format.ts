/** Records as bytes: what stands before each body, and how it is sealed. docs/journal-format.md has every byte. */

import { crc32 } from "node:zlib";

/**
 * 0 u32 checksum of what follows · 4 u32 length, these bytes included · 8 u32 checksum of the record before ·
 * 12 u32 how many records before this one were not yet known to be on the disk · 16 u48 milliseconds since 1970 ·
 * 22 u8 kind · 23 u8 zero · 24 u64 sequence
 */
export const RECORD_HEAD = 32;
export const LENGTH_AT = 4;
const CHAIN_AT = 8;
const PENDING_AT = 12;
const TIME_AT = 16;
const KIND_AT = 22;
const ZERO_AT = 23;
const SEQUENCE_AT = 24;
const LARGE = 2 ** 32;
/** Longest record, head included. */
export const LONGEST_RECORD: number = 64 * 1024 * 1024;

/** Kinds of records. Readers pass over those they do not know. */
export const KIND = {
  /** The log was closed here; the body is empty. */
  end: 0,
  /** A wave. */
  wave: 1,
} as const;

/** What a record says beside its body. */
export interface RecordHead {
  readonly kind: number;
  readonly sequence: number;
  readonly chain: number;
  readonly pending: number;
  readonly time: number;
}

/** Writes the head of the record that stands at `at` and is `length` bytes long, and gives its checksum. */
export function seal(buffer: Buffer, at: number, length: number, head: RecordHead, seed: number): number {
  const { sequence, time } = head;
  buffer.writeUInt32LE(length, at + LENGTH_AT);
  buffer.writeUInt32LE(head.chain, at + CHAIN_AT);
  buffer.writeUInt32LE(head.pending, at + PENDING_AT);
  buffer.writeUInt32LE(time % LARGE, at + TIME_AT);
  buffer.writeUInt16LE(Math.floor(time / LARGE), at + TIME_AT + 4);
  buffer[at + KIND_AT] = head.kind;
  buffer[at + ZERO_AT] = 0;
  buffer.writeUInt32LE(sequence % LARGE, at + SEQUENCE_AT);
  buffer.writeUInt32LE(Math.floor(sequence / LARGE), at + SEQUENCE_AT + 4);
  const check = crc32(buffer.subarray(at + 4, at + length), seed);
  buffer.writeUInt32LE(check, at);
  return check;
}

/** Whether the `length` bytes at `at` are a record of the segment with `seed`, as it was sealed. */
export function isSealed(buffer: Buffer, at: number, length: number, seed: number): boolean {
  return crc32(buffer.subarray(at + 4, at + length), seed) === buffer.readUInt32LE(at);
}

export function lengthAt(buffer: Buffer, at: number): number {
  return buffer.readUInt32LE(at + LENGTH_AT);
}

export function checkAt(buffer: Buffer, at: number): number {
  return buffer.readUInt32LE(at);
}

export function chainAt(buffer: Buffer, at: number): number {
  return buffer.readUInt32LE(at + CHAIN_AT);
}

export function pendingAt(buffer: Buffer, at: number): number {
  return buffer.readUInt32LE(at + PENDING_AT);
}

export function timeAt(buffer: Buffer, at: number): number {
  return buffer.readUInt32LE(at + TIME_AT) + buffer.readUInt16LE(at + TIME_AT + 4) * LARGE;
}

export function kindAt(buffer: Buffer, at: number): number {
  return buffer[at + KIND_AT] ?? 0;
}

export function sequenceAt(buffer: Buffer, at: number): number {
  return buffer.readUInt32LE(at + SEQUENCE_AT) + buffer.readUInt32LE(at + SEQUENCE_AT + 4) * LARGE;
}
