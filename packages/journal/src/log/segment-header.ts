/** The header of a segment: which journal it belongs to, and what stood before it. docs/journal-format.md. */

import { crc32 } from "node:zlib";
import { AetherError } from "@aether/core";
import { damaged } from "../failures.ts";

const MAGIC: Buffer = Buffer.from([0x89, 0x41, 0x45, 0x4a, 0x0d, 0x0a, 0x1a, 0x0a]);
export const FORMAT_VERSION = 2;
/** Segments of this version and later are read: they differ in what payloads may be. */
const OLDEST_VERSION = 1;
export const SEGMENT_HEAD = 64;
const VERSION_AT = 8;
const LENGTH_AT = 10;
const EPOCH_AT = 16;
const NONCE_AT = 24;
const FIRST_AT = 32;
const BEFORE_AT = 40;
const CHAIN_AT = 48;
const TIME_AT = 52;
const CRC_AT = 60;
const LARGE = 2 ** 32;

/** What a segment says of itself. */
export interface SegmentHeader {
  /** Of the journal: 16 hexadecimal digits. */
  readonly epoch: string;
  /** Sequence of its first record, if it has any. */
  readonly first: number;
  /** Sequence and checksum of the last record before it; 0 and 0 where nothing was. */
  readonly before: number;
  readonly chain: number;
  /** When it began; no record in it is older. */
  readonly time: number;
  /** What the checksums of its records begin with: no record of another segment fits. */
  readonly seed: number;
}

/** The 64 bytes of a header; `nonce`, 8 random bytes, makes each segment another one. */
export function segmentHead(header: Omit<SegmentHeader, "seed">, nonce: Uint8Array): Buffer {
  const bytes = Buffer.alloc(SEGMENT_HEAD);
  MAGIC.copy(bytes);
  bytes.writeUInt16LE(FORMAT_VERSION, VERSION_AT);
  bytes.writeUInt16LE(SEGMENT_HEAD, LENGTH_AT);
  bytes.write(header.epoch, EPOCH_AT, "hex");
  bytes.set(nonce, NONCE_AT);
  bytes.writeBigUInt64LE(BigInt(header.first), FIRST_AT);
  bytes.writeBigUInt64LE(BigInt(header.before), BEFORE_AT);
  bytes.writeUInt32LE(header.chain, CHAIN_AT);
  bytes.writeUInt32LE(header.time % LARGE, TIME_AT);
  bytes.writeUInt16LE(Math.floor(header.time / LARGE), TIME_AT + 4);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, CRC_AT)), CRC_AT);
  return bytes;
}

/**
 * What the first bytes of `file` say; `undefined` when they say nothing, which is damage only if something follows.
 * Throws `AETHER_UNSUPPORTED` for a segment of a later version.
 */
export function readSegmentHead(bytes: Buffer, file: string): SegmentHeader | undefined {
  if (bytes.length < SEGMENT_HEAD || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
    return undefined;
  }
  const version = bytes.readUInt16LE(VERSION_AT);
  if (version > FORMAT_VERSION) {
    throw new AetherError(
      "AETHER_UNSUPPORTED",
      `Expected \`${file}\` to be of format version ${FORMAT_VERSION} or before, got version ${version}. Nothing was changed. Use the version of @aether/journal that wrote it; if none did, its header at offset ${VERSION_AT} is damaged.`,
      { details: { file, offset: VERSION_AT, version } },
    );
  }
  const seed = crc32(bytes.subarray(0, CRC_AT));
  if (version < OLDEST_VERSION || seed !== bytes.readUInt32LE(CRC_AT)) {
    return undefined;
  }
  return {
    epoch: bytes.toString("hex", EPOCH_AT, EPOCH_AT + 8),
    first: Number(bytes.readBigUInt64LE(FIRST_AT)),
    before: Number(bytes.readBigUInt64LE(BEFORE_AT)),
    chain: bytes.readUInt32LE(CHAIN_AT),
    time: bytes.readUInt32LE(TIME_AT) + bytes.readUInt16LE(TIME_AT + 4) * LARGE,
    seed,
  };
}

/** Throws `AETHER_JOURNAL_DAMAGED` where a header should be. */
export function noSegmentHead(file: string): never {
  throw damaged({ file, offset: 0, what: "no header of a segment" });
}
