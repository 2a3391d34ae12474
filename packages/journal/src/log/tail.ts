/** What stands where no record does: the clean end of a log, a tail that was torn, or damage. */

import type { OpenFile } from "../files/file-system.ts";
import { isSealed, LONGEST_RECORD, lengthAt, pendingAt, RECORD_HEAD, sequenceAt } from "./record-format.ts";
import { viewOf } from "./slab.ts";

const WINDOW = 256 * 1024;
const ZERO_AT = 23;

/** `clean`: only zeros; `torn`: nothing of it was on the disk for certain; `damaged`: some of it was. */
export type Tail = "clean" | "torn" | "damaged";

/** Where the records of a segment stop. */
export interface Stop {
  readonly file: OpenFile;
  readonly size: number;
  readonly offset: number;
  /** The sequence that should stand there. */
  readonly sequence: number;
  readonly seed: number;
}

/**
 * Judges the bytes from `offset` on. A record behind the place that says "when I was written, the one that should stand
 * here was on the disk" makes it damage; records that were not acknowledged may be missing in any part.
 */
export async function judgeTail({ file, size, offset, sequence, seed }: Stop): Promise<Tail> {
  let zeros = true;
  for (let base = offset; base < size; base += WINDOW) {
    const window = Buffer.allocUnsafe(Math.min(WINDOW + RECORD_HEAD, size - base));
    const count = await file.read(window, base);
    const bytes = window.subarray(0, count);
    const view = viewOf(bytes);
    zeros &&= isZero(bytes);
    const last = Math.min(WINDOW, count - RECORD_HEAD + 1);
    for (let at = 0; !zeros && at < last; at++) {
      const length = lengthAt(view, at);
      if (length < RECORD_HEAD || length > LONGEST_RECORD || length > size - base - at || bytes[at + ZERO_AT] !== 0) {
        continue;
      }
      const its = sequenceAt(view, at);
      const isLater = its - pendingAt(view, at) > sequence && its - sequence <= (size - offset) / RECORD_HEAD;
      if (isLater && (await isRecord(file, base + at, length, seed))) {
        return "damaged";
      }
    }
  }
  return zeros ? "clean" : "torn";
}

async function isRecord(file: OpenFile, offset: number, length: number, seed: number): Promise<boolean> {
  const record = Buffer.allocUnsafe(length);
  return (
    (await file.read(record, offset)) === length && isSealed({ buffer: record, view: viewOf(record) }, 0, length, seed)
  );
}

/** Whether all of `bytes` are 0. */
export function isZero(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] !== 0) {
      return false;
    }
  }
  return true;
}
