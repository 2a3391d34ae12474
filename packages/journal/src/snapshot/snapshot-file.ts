/** A snapshot as bytes: a folded state, and the position that it covers. docs/journal-format.md has every byte. */

import { crc32 } from "node:zlib";
import { AetherError } from "@aether/core";
import { codecOf, type Prepared, readValue } from "../body/payloads.ts";
import { damaged } from "../failures.ts";
import type { Place } from "../position.ts";

const MAGIC: Buffer = Buffer.from([0x89, 0x41, 0x45, 0x53, 0x0d, 0x0a, 0x1a, 0x0a]);
const VERSION = 1;
const VERSION_AT = 8;
const CODEC_AT = 10;
const CRC_AT = 12;
const EPOCH_AT = 16;
const SEQUENCE_AT = 24;
const CHECK_AT = 32;
const TIME_AT = 36;
const NAME_AT = 42;
const HEAD = 44;
const LARGE = 2 ** 32;

/** What a snapshot says. */
export interface SnapshotContent {
  readonly name: string;
  readonly place: Place;
  /** When it was taken: milliseconds since 1970. */
  readonly at: number;
  readonly state: unknown;
}

/** The bytes of a snapshot. */
export function snapshotBytes(name: string, place: Place, at: number, state: Prepared): Buffer {
  const body = typeof state === "string" ? Buffer.from(state) : (state ?? Buffer.alloc(0));
  const bytes = Buffer.alloc(HEAD + name.length + body.length);
  MAGIC.copy(bytes);
  bytes.writeUInt16LE(VERSION, VERSION_AT);
  bytes[CODEC_AT] = codecOf(state);
  bytes.write(place.epoch, EPOCH_AT, "hex");
  bytes.writeBigUInt64LE(BigInt(place.sequence), SEQUENCE_AT);
  bytes.writeUInt32LE(place.check, CHECK_AT);
  bytes.writeUInt32LE(at % LARGE, TIME_AT);
  bytes.writeUInt16LE(Math.floor(at / LARGE), TIME_AT + 4);
  bytes.writeUInt16LE(name.length, NAME_AT);
  bytes.write(name, HEAD, "latin1");
  bytes.set(body, HEAD + name.length);
  bytes.writeUInt32LE(checksum(bytes), CRC_AT);
  return bytes;
}

function checksum(bytes: Buffer): number {
  return crc32(bytes.subarray(EPOCH_AT), crc32(bytes.subarray(0, CRC_AT)));
}

/** What the bytes of `file` say. Throws `AETHER_JOURNAL_DAMAGED`, and `AETHER_UNSUPPORTED` for a later version. */
export function readSnapshot(bytes: Buffer, file: string): SnapshotContent {
  if (bytes.length < HEAD || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw damaged({ file, offset: 0, what: "no header of a snapshot" });
  }
  const version = bytes.readUInt16LE(VERSION_AT);
  if (version > VERSION) {
    throw new AetherError(
      "AETHER_UNSUPPORTED",
      `Expected \`${file}\` to be of format version ${VERSION}, got version ${version}. Use the version of @aether/journal that wrote it.`,
      { details: { file, offset: VERSION_AT, version } },
    );
  }
  if (checksum(bytes) !== bytes.readUInt32LE(CRC_AT)) {
    throw damaged({ file, offset: CRC_AT, what: "another checksum" });
  }
  const stateAt = HEAD + bytes.readUInt16LE(NAME_AT);
  return {
    name: bytes.toString("latin1", HEAD, stateAt),
    place: {
      epoch: bytes.toString("hex", EPOCH_AT, EPOCH_AT + 8),
      sequence: Number(bytes.readBigUInt64LE(SEQUENCE_AT)),
      check: bytes.readUInt32LE(CHECK_AT),
    },
    at: bytes.readUInt32LE(TIME_AT) + bytes.readUInt16LE(TIME_AT + 4) * LARGE,
    state: readValue(bytes[CODEC_AT] ?? 0, bytes, stateAt),
  };
}
