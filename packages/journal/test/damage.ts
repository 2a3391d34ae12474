/** Journals that are damaged at random, and what they are taken for. */

import { crc32 } from "node:zlib";
import { AetherError } from "@aether/core";
import { openJournal } from "../src/index.ts";
import { below } from "./seed.ts";
import { SimDisk } from "./sim-disk.ts";
import { readAll, type Seen, wave } from "./waves.ts";

const DIRECTORY = "/sim";
const RECORD_HEAD = 32;
const SEGMENT_HEAD = 64;

/** A journal as its files, and what it holds. */
export interface Image {
  readonly files: ReadonlyMap<string, Buffer>;
  readonly waves: readonly Seen[];
}

/** A journal of some segments, whose records came in batches of `batch`; orderly closed or not. */
export async function imageOf(count: number, batch: number, isClosed: boolean, segmentBytes = 1024): Promise<Image> {
  const disk = new SimDisk();
  const journal = await openJournal(DIRECTORY, { fileSystem: disk, segmentBytes });
  for (let at = 0; at < count; at += batch) {
    const ids = Array.from({ length: Math.min(batch, count - at) }, (_, index) => `w${at + index}`);
    await Promise.all(ids.map((id) => journal.append(wave(id, { payload: { id, n: "x".repeat((at * 7) % 90) } }))));
  }
  const waves = await readAll(journal);
  const open = disk.files;
  await journal.close();
  const files = [...(isClosed ? disk.files : open)].filter(([name]) => name.endsWith(".log"));
  return { files: new Map(files), waves };
}

/** What damage does to the bytes of all files, and in which file. */
type Damage = (files: Map<string, Buffer>, n: (below: number) => number) => void;

function pick(files: Map<string, Buffer>, n: (below: number) => number): [string, Buffer] {
  const names = [...files.keys()];
  const name = names[n(names.length)] ?? "";
  const bytes = Buffer.from(files.get(name) ?? Buffer.alloc(0));
  files.set(name, bytes);
  return [name, bytes];
}

/** Kinds of damage, by name. */
export const DAMAGE: Readonly<Record<string, Damage>> = {
  flip(files, n) {
    const [, bytes] = pick(files, n);
    const at = n(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << n(8));
  },
  truncate(files, n) {
    const [name, bytes] = pick(files, n);
    files.set(name, bytes.subarray(0, n(bytes.length)));
  },
  zero(files, n) {
    const [, bytes] = pick(files, n);
    const at = n(bytes.length);
    bytes.fill(0, at, Math.min(bytes.length, at + 512));
  },
  move(files, n) {
    const [, bytes] = pick(files, n);
    const length = 1 + n(512);
    bytes.copy(bytes, n(bytes.length), n(bytes.length), n(bytes.length) + length);
  },
  swap(files, n) {
    const [, bytes] = pick(files, n);
    const length = 32 + n(256);
    const from = n(bytes.length);
    const to = n(bytes.length);
    const kept = Buffer.from(bytes.subarray(from, from + length));
    bytes.copy(bytes, from, to, to + length);
    kept.copy(bytes, to);
  },
  /** A part of one segment stands in another, as when a disk gives old blocks to a new file. */
  stale(files, n) {
    const [, bytes] = pick(files, n);
    const [, other] = pick(files, n);
    const from = n(2) === 0 ? SEGMENT_HEAD : n(other.length);
    other.copy(bytes, n(2) === 0 ? SEGMENT_HEAD : n(bytes.length), from, from + 32 + n(1024));
  },
  /** A whole record is written over the one before it, or after it. */
  repeat(files, n) {
    const [, bytes] = pick(files, n);
    const records = recordsOf(bytes);
    const one = records[n(records.length)];
    const two = records[n(records.length)];
    if (one !== undefined && two !== undefined) {
      Buffer.from(bytes.subarray(one.at, one.at + one.length)).copy(bytes, two.at);
    }
  },
  lose(files, n) {
    const names = [...files.keys()];
    files.delete(names[n(names.length)] ?? "");
  },
};

/** Damage that knows the checksum and puts it right: what nothing but a checksum could have found. */
export const sealed: Damage = (files, n) => {
  const [, bytes] = pick(files, n);
  const records = recordsOf(bytes);
  const at = records[n(records.length)]?.at ?? 0;
  const length = at === 0 ? 0 : bytes.readUInt32LE(at + 4);
  // The last id of a record is the one in its payload, whether that is JSON or has a shape.
  const text = bytes.toString("latin1", at, at + length).search(/w\d+[^w]*$/);
  if (text > 0) {
    const digit = at + text + 1;
    bytes[digit] = 0x30 + (((bytes[digit] ?? 0) + 1) % 10);
    const seed = bytes.readUInt32LE(SEGMENT_HEAD - 4);
    let chain = bytes.readUInt32LE(at + 8);
    for (const record of records.filter((one) => one.at >= at)) {
      bytes.writeUInt32LE(chain, record.at + 8);
      chain = crc32(bytes.subarray(record.at + 4, record.at + record.length), seed);
      bytes.writeUInt32LE(chain, record.at);
    }
  }
};

function recordsOf(bytes: Buffer): { readonly at: number; readonly length: number }[] {
  const records: { readonly at: number; readonly length: number }[] = [];
  for (let at = SEGMENT_HEAD; at + RECORD_HEAD <= bytes.length; ) {
    const length = bytes.readUInt32LE(at + 4);
    if (length < RECORD_HEAD) {
      break;
    }
    records.push({ at, length });
    at += length;
  }
  return records;
}

/** What a damaged journal was taken for. */
export type Verdict = "whole" | "prefix" | "refused" | { readonly wrong: string };

/** Opens `files`, reads everything, and compares it with what was written. */
export async function judge(files: ReadonlyMap<string, Buffer>, image: Image, readOnly: boolean): Promise<Verdict> {
  try {
    const journal = await openJournal(DIRECTORY, { fileSystem: SimDisk.holding(files), readOnly });
    const seen = await readAll(journal);
    await journal.close();
    const start = seen[0] === undefined ? 0 : image.waves.findIndex(({ position }) => position === seen[0]?.position);
    for (const [index, { id, said, position }] of seen.entries()) {
      const original = image.waves[start + index];
      if (original?.id !== id || original.said !== said || original.position !== position) {
        return { wrong: `${id}, which says ${String(said)}, in place of ${original?.id}` };
      }
    }
    // The oldest segments may be gone: that is what retention does.
    return start > 0 && start + seen.length === image.waves.length
      ? "whole"
      : seen.length === image.waves.length
        ? "whole"
        : "prefix";
  } catch (error) {
    return isNamed(error) ? "refused" : { wrong: String(error) };
  }
}

function isNamed(error: unknown): boolean {
  if (!(error instanceof AetherError)) {
    return false;
  }
  const { code, details } = error;
  // Of a single segment, nothing may be left, not even its header: no journal has begun there.
  if (code === "AETHER_NO_JOURNAL") {
    return true;
  }
  const isPlace = typeof details["file"] === "string" && typeof details["offset"] === "number";
  return (code === "AETHER_JOURNAL_DAMAGED" || code === "AETHER_UNSUPPORTED") && isPlace;
}

/** What became of many images. */
export interface Damaged {
  readonly whole: number;
  readonly prefix: number;
  readonly refused: number;
  readonly wrong: readonly string[];
}

/** Damages `image` again and again, each kind in turn, and counts the verdicts. */
export async function damageOften(
  image: Image,
  kinds: Readonly<Record<string, Damage>>,
  times: number,
  seed: number,
): Promise<Damaged> {
  // Most images are refused, and nobody looks at where the errors came from.
  Error.stackTraceLimit = 0;
  const tally = { whole: 0, prefix: 0, refused: 0 };
  const wrong: string[] = [];
  const names = Object.keys(kinds);
  for (let at = 0; at < times && wrong.length < 5; at++) {
    const name = names[at % names.length] ?? "";
    const files = new Map(image.files);
    kinds[name]?.(files, below(seed + at));
    const verdict = files.size === 0 ? "whole" : await judge(files, image, at % 8 !== 0);
    if (typeof verdict === "string") {
      tally[verdict]++;
    } else {
      wrong.push(`${name} with seed ${seed + at}: ${verdict.wrong}`);
    }
  }
  return { ...tally, wrong };
}
