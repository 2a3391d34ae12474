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

/** Some memory as bytes and as numbers. */
export interface Memory {
  readonly buffer: Buffer;
  readonly view: DataView;
}

/** What a record says beside its body. */
export interface RecordHead {
  readonly kind: number;
  readonly sequence: number;
  readonly chain: number;
  readonly pending: number;
  readonly time: number;
}

/** Writes the head of the record that stands at `at` and is `length` bytes long, and gives its checksum. */
export function seal({ buffer, view }: Memory, at: number, length: number, head: RecordHead, seed: number): number {
  const { sequence, time } = head;
  view.setUint32(at + LENGTH_AT, length, true);
  view.setUint32(at + CHAIN_AT, head.chain, true);
  view.setUint32(at + PENDING_AT, head.pending, true);
  view.setUint32(at + TIME_AT, time % LARGE, true);
  view.setUint16(at + TIME_AT + 4, Math.floor(time / LARGE), true);
  view.setUint8(at + KIND_AT, head.kind);
  view.setUint8(at + ZERO_AT, 0);
  view.setUint32(at + SEQUENCE_AT, sequence % LARGE, true);
  view.setUint32(at + SEQUENCE_AT + 4, Math.floor(sequence / LARGE), true);
  const check = crc32(buffer.subarray(at + 4, at + length), seed);
  view.setUint32(at, check, true);
  return check;
}

/** Whether the `length` bytes at `at` are a record of the segment with `seed`, as it was sealed. */
export function isSealed({ buffer, view }: Memory, at: number, length: number, seed: number): boolean {
  return crc32(buffer.subarray(at + 4, at + length), seed) === view.getUint32(at, true);
}

export function lengthAt(view: DataView, at: number): number {
  return view.getUint32(at + LENGTH_AT, true);
}

export function checkAt(view: DataView, at: number): number {
  return view.getUint32(at, true);
}

export function chainAt(view: DataView, at: number): number {
  return view.getUint32(at + CHAIN_AT, true);
}

export function pendingAt(view: DataView, at: number): number {
  return view.getUint32(at + PENDING_AT, true);
}

export function timeAt(view: DataView, at: number): number {
  return view.getUint32(at + TIME_AT, true) + view.getUint16(at + TIME_AT + 4, true) * LARGE;
}

export function kindAt(view: DataView, at: number): number {
  return view.getUint8(at + KIND_AT);
}

export function sequenceAt(view: DataView, at: number): number {
  return view.getUint32(at + SEQUENCE_AT, true) + view.getUint32(at + SEQUENCE_AT + 4, true) * LARGE;
}
