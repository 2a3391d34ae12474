/** The log of a journal: records of any kind, in order, each of which can be found again. */

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { AetherError } from "@aether/core";
import { badPosition, damaged, failed, noJournal } from "../failures.ts";
import type { FileSystem } from "../files/file-system.ts";
import { isOurs, RECORDER, snapshotOf } from "../files/names.ts";
import { lockWriter, type WriterLock } from "../files/writer-lock.ts";
import { type Place, placeOf, positionOf } from "../position.ts";
import { LogReader } from "./log-reader.ts";
import { closed, LEFT_OUT, LogWriter, synced, type WriterOptions } from "./log-writer.ts";
import { type Drop, Retention, type RetentionOptions } from "./retention.ts";
import type { Segment } from "./segment.ts";
import { type Cut, Segments } from "./segments.ts";
import type { Slab } from "./slab.ts";

/** How a log is opened. */
export interface LogOptions extends WriterOptions {
  readonly readOnly: boolean;
  readonly retention: RetentionOptions;
}

/** What a log tells of. */
export interface LogEvents {
  dropped(drop: Drop): void;
  failed(error: AetherError): void;
  full(error: AetherError): void;
}

const EPOCH_BYTES = 8;
const FIRST_SEQUENCE = 1;

/** Everything that was appended and has not been deleted. */
export class Log {
  readonly #segments: Segments;
  readonly #options: LogOptions;
  readonly #writer: LogWriter | undefined;
  readonly #retention: Retention;
  readonly #events: LogEvents;
  readonly #lock: WriterLock | undefined;
  readonly #epoch: string;
  readonly #cuts: readonly Cut[];
  readonly #waiting: (() => void)[] = [];
  #isRecorded = false;
  #closing: Promise<void> | undefined;

  /** Made by {@link Log.open}. */
  constructor(
    segments: Segments,
    epoch: string,
    cuts: readonly Cut[],
    lock: WriterLock | undefined,
    options: LogOptions,
    events: LogEvents,
  ) {
    this.#segments = segments;
    this.#epoch = epoch;
    this.#cuts = cuts;
    this.#lock = lock;
    this.#options = options;
    this.#events = events;
    this.#retention = new Retention(segments, options.retention, options.files);
    this.#writer = options.readOnly
      ? undefined
      : new LogWriter(segments, epoch, nextOf(segments), options, this.#told());
  }

  /**
   * Opens the log in `directory`, or begins one there. All of it is read and checked; what was torn off at its end by a
   * crash is cut off. Throws `AETHER_NO_JOURNAL`, `AETHER_JOURNAL_LOCKED`, `AETHER_JOURNAL_DAMAGED`,
   * `AETHER_JOURNAL_FAILED` and `AETHER_UNSUPPORTED`, and has changed nothing then.
   */
  static async open(directory: string, options: LogOptions, events: LogEvents): Promise<Log> {
    const { files, readOnly } = options;
    await prepare(directory, options);
    const lock = readOnly ? undefined : await lockWriter(directory, files);
    try {
      const segments = new Segments(directory, files);
      await segments.refresh();
      if (segments.epoch === undefined) {
        await assertFresh(directory, options);
      }
      const cuts = readOnly ? [] : await mend(segments, files);
      const epoch = segments.epoch ?? randomBytes(EPOCH_BYTES).toString("hex");
      const log = new Log(segments, epoch, cuts, lock, options, events);
      await log.#begin();
      return log;
    } catch (error) {
      await lock?.release().catch(() => undefined);
      throw error;
    }
  }

  /** A new log has a segment from its beginning, so that readers find it. */
  async #begin(): Promise<void> {
    const names = await this.#options.files.list(this.#segments.directory);
    this.#isRecorded = names.some((name) => snapshotOf(name)?.name === RECORDER);
    if (this.#isRecorded) {
      // Nothing goes that a group has not handled: what may go is released by the recorder, once it knows.
      this.#retention.release(0);
    }
    if (this.#writer !== undefined) {
      await (this.#segments.epoch === undefined ? this.#writer.begin() : this.enforce());
    }
  }

  #told(): ConstructorParameters<typeof LogWriter>[4] {
    return {
      grew: () => this.#wake(),
      failed: (error) => {
        this.#wake();
        this.#events.failed(error);
      },
      full: (error) => this.#events.full(error),
      makeRoom: () => this.enforce(this.#options.segmentBytes),
    };
  }

  #wake(): void {
    for (const resume of this.#waiting.splice(0)) {
      resume();
    }
  }

  /** Whether a recorder has remembered something here. */
  get isRecorded(): boolean {
    return this.#isRecorded;
  }

  get epoch(): string {
    return this.#epoch;
  }

  /** What was cut off its end when it was opened. */
  get cuts(): readonly Cut[] {
    return this.#cuts;
  }

  get segments(): readonly Segment[] {
    return this.#segments.list;
  }

  get bytes(): number {
    return this.#retention.bytes;
  }

  /** Position of the last record, whatever its kind; `undefined` when there has never been one. */
  get last(): string | undefined {
    const segment = this.#segments.lastSegment;
    return segment === undefined || segment.last === 0
      ? undefined
      : positionOf(this.#epoch, segment.last, segment.check);
  }

  /** Sequence of the last record; 0 when there has never been one. */
  get lastSequence(): number {
    return this.#segments.lastSegment?.last ?? 0;
  }

  /** Why nothing works any more; `undefined`: it does. */
  get refusal(): AetherError | undefined {
    return this.#closing === undefined ? this.#writer?.refusal : closed();
  }

  get full(): AetherError | undefined {
    return this.#writer?.full;
  }

  /** As {@link LogWriter.append}. */
  append(kind: number, most: number, write: (slab: Slab) => void): Promise<string> {
    if (this.#writer === undefined) {
      return Promise.reject(readOnlyRefusal());
    }
    return this.#writer.append(kind, most, write);
  }

  /** Everything that was appended before is on the disk. */
  async flush(): Promise<void> {
    this.assertOpen();
    await this.#writer?.flush();
  }

  get isReadOnly(): boolean {
    return this.#writer === undefined;
  }

  /** Throws `AETHER_UNSUPPORTED` when it is only read. */
  assertWritable(): void {
    if (this.#writer === undefined) {
      throw readOnlyRefusal();
    }
  }

  /** Throws the reason when the log was closed, or has failed. */
  assertOpen(): void {
    const { refusal } = this;
    if (refusal !== undefined) {
      throw refusal;
    }
  }

  /** Without a lock of its own: what another process has written since. */
  async refresh(): Promise<void> {
    this.assertOpen();
    if (this.#writer === undefined) {
      await this.#segments.refresh();
    }
  }

  /**
   * The place of `position`, which is one of this log as it is now. Throws `AETHER_BAD_POSITION` for one of another
   * journal, one that lies ahead, one whose record is another one now, and one after which something was deleted.
   */
  async locate(position: string, name = "position"): Promise<Place> {
    const place = placeOf(position, name);
    const { epoch, sequence, check } = place;
    const { list } = this.#segments;
    const [oldest] = list;
    if (epoch !== this.#epoch) {
      throw badPosition(position, "epoch", `one of journal ${this.#epoch}`);
    }
    if (oldest === undefined || sequence > this.lastSequence) {
      throw badPosition(
        position,
        "ahead",
        `up to ${this.lastSequence}, where the journal ends: what came after was lost`,
      );
    }
    if (sequence < oldest.header.before) {
      throw badPosition(position, "gone", `after ${oldest.header.before}: what came before was deleted`);
    }
    const found = sequence === oldest.header.before ? oldest.header.chain : await this.#checkOf(sequence);
    if (found !== check) {
      throw badPosition(position, "changed", "one of the journal as it is now: another history stands there");
    }
    return place;
  }

  /** The checksum of record `sequence`; `undefined`: no such record is there. */
  async #checkOf(sequence: number): Promise<number | undefined> {
    const segment = this.#segments.list.find(
      ({ header, last, isEmpty }) => !isEmpty && header.first <= sequence && sequence <= last,
    );
    if (segment === undefined) {
      return undefined;
    }
    const reader = new LogReader(this.#segments, this.#options.files, {
      segment,
      isBefore: (mark) => mark.sequence < sequence,
    });
    try {
      while (!reader.step()) {
        if (!(await reader.load())) {
          return undefined;
        }
      }
      return reader.check;
    } finally {
      await reader.close();
    }
  }

  /** A reader that begins with the first record for which `isBefore` does not hold; `undefined`: nothing is there. */
  reader(isBefore: (mark: { readonly sequence: number; readonly time: number }) => boolean): LogReader | undefined {
    this.assertOpen();
    const { list } = this.#segments;
    const last = list[list.length - 1];
    if (last === undefined) {
      return undefined;
    }
    const segment = list.find((one) => !isBefore({ sequence: one.last, time: one.lastTime })) ?? last;
    return new LogReader(this.#segments, this.#options.files, { segment, isBefore });
  }

  /** Resolves when something has been appended after record `sequence`, or nothing more will be. Wakes up for nothing at times. */
  grown(sequence: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.lastSequence > sequence || this.refusal !== undefined) {
        resolve();
      } else {
        this.#waiting.push(resolve);
      }
    });
  }

  /** Nobody needs anything up to `sequence` any more. */
  async release(sequence: number): Promise<void> {
    this.assertOpen();
    this.assertWritable();
    this.#retention.release(sequence);
    await this.enforce();
  }

  /** Deletes what the retention lets go. `needed` bytes must find room then. */
  async enforce(needed = 0): Promise<void> {
    const { clock } = this.#options;
    await this.#retention.enforce(Math.floor(clock.now()), this.#writer?.segment, needed, (drop) =>
      this.#events.dropped(drop),
    );
  }

  /** Reads everything again from the disk. Throws `AETHER_JOURNAL_DAMAGED`, with file and offset. */
  async verify(): Promise<{ readonly segments: number; readonly records: number; readonly bytes: number }> {
    await this.refresh();
    const until = this.lastSequence;
    const reader = this.reader(() => false);
    let records = 0;
    let last = 0;
    try {
      while (reader !== undefined && last < until) {
        if (reader.step()) {
          records++;
          last = reader.sequence;
        } else if (!(await reader.load())) {
          break;
        }
      }
    } finally {
      await reader?.close();
    }
    return { segments: this.#segments.list.length, records, bytes: this.bytes };
  }

  /** Stores what waits and lets everything go. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#wake();
    try {
      await this.#writer?.close();
    } finally {
      await this.#lock?.release().catch(() => undefined);
    }
  }
}

/** The sequence after everything that was ever given. */
function nextOf(segments: Segments): number {
  const last = segments.lastSegment;
  if (last === undefined) {
    return FIRST_SEQUENCE;
  }
  // Some more may have been given, and lost: none of them is given again.
  return last.closed ? last.last + 1 : Math.max(last.last, last.header.first) + LEFT_OUT;
}

/** What was torn off is taken away, and what is left is on the disk before anything comes after it. */
async function mend(segments: Segments, files: FileSystem): Promise<readonly Cut[]> {
  const { torn, unused, lastSegment, directory } = segments;
  const path = unused ?? lastSegment?.path ?? directory;
  try {
    if (unused !== undefined) {
      await files.remove(unused);
    }
    if (lastSegment !== undefined && !lastSegment.closed) {
      const file = await files.open(lastSegment.path, "write");
      try {
        await file.truncate(lastSegment.end);
        await synced(file);
      } finally {
        await file.close();
      }
    }
    await files.syncDirectory(directory);
  } catch (error) {
    throw failed("a cut at its end", path, error);
  }
  return torn === undefined ? [] : [torn];
}

/** The directory is there, is one, and nobody else can look into it. */
async function prepare(directory: string, { files, readOnly }: LogOptions): Promise<void> {
  try {
    const standing = await files.standing(directory);
    if (standing === "file" || standing === "other") {
      throw noJournal(directory, standing === "file" ? "a file" : "a link or a device", "Give a directory of its own.");
    }
    if (standing === "nothing") {
      if (readOnly) {
        throw noJournal(directory, "nothing", "Open it once without `readOnly`, so that it begins.");
      }
      await files.makeDirectory(directory);
    }
  } catch (error) {
    throw error instanceof AetherError ? error : failed("a journal", directory, error);
  }
}

/** Throws unless a journal can begin here: nothing of anybody's is there, and nothing of one that has lost its log. */
async function assertFresh(directory: string, { files, readOnly }: LogOptions): Promise<void> {
  const names = await files.list(directory);
  const foreign = names.find((name) => !isOurs(name));
  const orphan = names.find((name) => snapshotOf(name) !== undefined);
  if (orphan !== undefined) {
    throw damaged({ file: join(directory, orphan), offset: 0, what: "a snapshot whose log is missing" });
  }
  if (foreign !== undefined) {
    throw noJournal(
      directory,
      `a directory with other files, such as ${JSON.stringify(foreign)}`,
      "Give a directory of its own.",
    );
  }
  if (readOnly) {
    throw noJournal(
      directory,
      "a directory in which none has begun",
      "Open it once without `readOnly`, so that it begins.",
    );
  }
  try {
    await files.makeDirectory(directory);
  } catch (error) {
    throw failed("a journal", directory, error);
  }
}

function readOnlyRefusal(): AetherError {
  return new AetherError(
    "AETHER_UNSUPPORTED",
    "Expected a journal that can be written, got one that was opened with `readOnly: true`. Open it without.",
  );
}
