/** The one writer of a log: batches, one write and one sync for all that wait, segments as they fill up. */

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { AetherError, type Alarm, type Clock } from "@aether/core";
import { failed, full, isFull } from "../failures.ts";
import type { FileSystem, OpenFile } from "../files/file-system.ts";
import { segmentName } from "../files/names.ts";
import { Positions } from "../position.ts";
import { Batch } from "./batch.ts";
import { checkAt, KIND, kindAt, LENGTH_AT, LONGEST_RECORD, RECORD_HEAD, seal } from "./record-format.ts";
import { Segment } from "./segment.ts";
import { SEGMENT_HEAD, segmentHead } from "./segment-header.ts";
import type { Segments } from "./segments.ts";
import type { Slab } from "./slab.ts";

/** When an append is done: `sync`: it is on the disk; `interval` and `none`: the operating system has it. */
export type Mode = "sync" | "interval" | "none";

/** How a log is written. */
export interface WriterOptions {
  readonly mode: Mode;
  readonly intervalMs: number;
  readonly segmentBytes: number;
  readonly files: FileSystem;
  readonly clock: Clock & { schedule(task: () => void, delayMs: number): Alarm };
}

/** What the writer tells, and asks. */
export interface WriterEvents {
  /** Something was stored, and may be read. */
  grew(): void;
  failed(error: AetherError): void;
  full(error: AetherError): void;
  /** Makes room for a new segment. Throws `AETHER_JOURNAL_FULL` when there is none. */
  makeRoom(): Promise<void>;
}

/** What one batch holds at most, so that none holds up the others. */
const BATCH_BYTES = 1024 * 1024;
/** Zeros are written ahead: a sync then has no new length to store. For a large batch that costs more than it saves. */
const AHEAD: Buffer = Buffer.alloc(256 * 1024);
const LARGE_BATCH = 64 * 1024;
/** About as much as is made in a millisecond. */
const BYTES_A_MS = 96 * 1024;
/** How much the last write tells of the next one. */
const LATEST_COUNTS = 0.2;
/**
 * Sequences that are left out after an end that was not orderly: what was written then and is lost had some of them, and
 * none is given twice.
 */
export const LEFT_OUT: number = 2 ** 32;

/** Appends records, in the order they come. */
export class LogWriter {
  readonly #segments: Segments;
  readonly #options: WriterOptions;
  readonly #events: WriterEvents;
  readonly #epoch: string;
  readonly #positions: Positions;
  readonly #batchBytes: number;
  /** Where this writer begins: after whatever was there. */
  #nextSequence: number;
  /** Everything up to it is on the disk. */
  #durable: number;
  #segment: Segment | undefined;
  #file: OpenFile | undefined;
  /** How far the file of the segment has been written, zeros included. */
  #allocated = 0;
  /** Batches that wait, in order; appends go into the last one. The first one is being written while busy. */
  readonly #queue: Batch[] = [];
  readonly #spare: Batch[] = [];
  #busy = false;
  /** Bytes that are worth a write although more may come in this tick. */
  #large = LARGE_BATCH;
  #startedAt = 0;
  /** What a write takes, with its sync, by the last ones. */
  #writeMs = 0;
  #woken = false;
  #syncDue = false;
  #alarm: Alarm | undefined;
  #refusal: AetherError | undefined;
  #closed: AetherError | undefined;
  #full: AetherError | undefined;
  readonly #idle: (() => void)[] = [];

  constructor(segments: Segments, epoch: string, next: number, options: WriterOptions, events: WriterEvents) {
    this.#segments = segments;
    this.#epoch = epoch;
    this.#positions = new Positions(epoch);
    this.#nextSequence = next;
    this.#durable = next - 1;
    this.#options = options;
    this.#events = events;
    this.#batchBytes = Math.min(BATCH_BYTES, options.segmentBytes);
  }

  /** Why nothing more is taken, for good. */
  get refusal(): AetherError | undefined {
    return this.#refusal;
  }

  /** Why the last append was not taken, if there was no room for it. */
  get full(): AetherError | undefined {
    return this.#full;
  }

  /** The segment that is being written; retention leaves it alone. */
  get segment(): Segment | undefined {
    return this.#segment;
  }

  refuse(error: AetherError): void {
    this.#refusal ??= error;
  }

  /**
   * Appends a record of `kind`, whose body of at most `most` bytes `write` writes at once. Resolves to its position once
   * it is stored as the mode says. Rejects with `AETHER_JOURNAL_FULL`: it was not stored, and may be appended again;
   * with `AETHER_JOURNAL_FAILED`: nobody knows, and nothing more is taken.
   */
  append(kind: number, most: number, write: (slab: Slab) => void): Promise<string> {
    const refusal = this.#refusal ?? this.#closed;
    return refusal === undefined ? this.#enqueue(kind, most, write) : Promise.reject(refusal);
  }

  #enqueue(kind: number, most: number, write: (slab: Slab) => void): Promise<string> {
    const batch = this.#batchFor(most + RECORD_HEAD);
    const { slab } = batch;
    const start = slab.length;
    try {
      slab.reserve(RECORD_HEAD + most);
      slab.seek(start + RECORD_HEAD);
      write(slab);
      assertShort(slab.length - start);
    } catch (error) {
      slab.seek(start);
      if (batch.count === 0) {
        this.#queue.pop();
      }
      return Promise.reject(error);
    }
    slab.view.setUint32(start + LENGTH_AT, slab.length - start, true);
    // The head is written when the sequence is known; until then the kind stands at its start.
    slab.view.setUint8(start, kind);
    const stored = batch.wait();
    this.#wake();
    return stored;
  }

  #batchFor(bytes: number): Batch {
    const last = this.#queue[this.#queue.length - 1];
    const isOpen = last !== undefined && !(this.#busy && this.#queue.length === 1);
    if (isOpen && (last.count === 0 || last.length + bytes <= this.#batchBytes)) {
      return last;
    }
    const batch = this.#spare.pop() ?? new Batch();
    this.#queue.push(batch);
    return batch;
  }

  /** Begins to write once everybody in this tick has appended, or so much that the disk may as well begin. */
  #wake(): void {
    if (!this.#busy && (this.#queue[0]?.length ?? 0) >= this.#large) {
      this.#next();
      return;
    }
    if (!this.#busy && !this.#woken) {
      this.#woken = true;
      setImmediate(() => {
        this.#woken = false;
        this.#next();
      });
    }
  }

  #next(): void {
    if (this.#busy) {
      return;
    }
    const [batch] = this.#queue;
    if (this.#refusal === undefined && this.#syncDue) {
      this.#busy = true;
      this.#syncNow();
    } else if (batch === undefined || batch.count === 0) {
      this.#tellIdle();
    } else if (this.#refusal !== undefined) {
      this.#rejectAll(this.#refusal);
      this.#tellIdle();
    } else {
      this.#busy = true;
      const segment = this.#segment;
      if (segment !== undefined && (segment.isEmpty || segment.end + batch.length <= this.#options.segmentBytes)) {
        this.#write(batch, segment);
      } else {
        this.#roll().then(
          (fresh) => this.#write(batch, fresh),
          (error: unknown) => this.#giveUp(error),
        );
      }
    }
  }

  #write(batch: Batch, segment: Segment): void {
    const file = this.#file;
    if (file === undefined) {
      this.#giveUp(new Error("no segment is open"));
      return;
    }
    const at = segment.end;
    const end = at + batch.length;
    const time = Math.max(segment.lastTime, Math.floor(this.#options.clock.now()));
    this.#seal(batch, segment, time);
    const isSync = this.#options.mode === "sync";
    this.#startedAt = this.#options.clock.monotonic();
    const done = (error: Error | null): void => {
      if (error !== null) {
        void this.#undo(file, segment, error);
        return;
      }
      if (!isSync) {
        this.#soonSync();
      }
      this.#written(batch, segment, time, null);
    };
    const write = (): void =>
      file.write(batch.bytes, at, (error) => {
        if (error === null && isSync) {
          file.sync((failure) => this.#written(batch, segment, time, failure));
        } else {
          done(error);
        }
      });
    const room = Math.max(0, this.#options.segmentBytes - end);
    const ahead = end <= this.#allocated || batch.length >= LARGE_BATCH ? 0 : Math.min(AHEAD.length, room);
    this.#allocated = Math.max(end, this.#allocated);
    if (ahead > 0) {
      file.write(AHEAD.subarray(0, ahead), end, (error) => {
        if (error === null) {
          this.#allocated = end + ahead;
        }
        // Without room for zeros there may still be room for the batch: its own write decides. It is synced with them.
        write();
      });
    } else if (isSync && file.writeThrough !== undefined) {
      file.writeThrough(batch.bytes, at, done);
    } else {
      write();
    }
  }

  #seal(batch: Batch, segment: Segment, time: number): void {
    const { slab } = batch;
    const { view } = slab;
    const { seed } = segment.header;
    let sequence = this.#nextSequence;
    let chain = segment.check;
    batch.each((at, length) => {
      const kind = view.getUint8(at);
      chain = seal(slab, at, length, { kind, sequence, chain, pending: sequence - 1 - this.#durable, time }, seed);
      sequence++;
    });
  }

  #written(batch: Batch, segment: Segment, time: number, failure: Error | null): void {
    if (failure !== null) {
      this.#giveUp(failed("a sync", segment.path, failure));
      return;
    }
    const { view } = batch.slab;
    let sequence = this.#nextSequence;
    this.#nextSequence = sequence + batch.count;
    if (this.#options.mode === "sync") {
      this.#durable = this.#nextSequence - 1;
    }
    this.#full = undefined;
    this.#queue.shift();
    this.#busy = false;
    this.#large = this.#worthAWrite(batch.length + (this.#queue[0]?.length ?? 0));
    batch.settle((at, length) => {
      const check = checkAt(view, at);
      segment.add(sequence, check, time, length, kindAt(view, at) === KIND.end);
      return this.#positions.of(sequence++, check);
    });
    if (this.#spare.length < 2) {
      this.#spare.push(batch);
    }
    this.#events.grew();
    if (this.#queue.length > 0 || this.#syncDue) {
      this.#wake();
    } else {
      this.#tellIdle();
    }
  }

  /**
   * Bytes after which the next write begins, where `all` may come in this tick, if everybody who is told appends again.
   * Half is written while the other half is made, if making all of it takes longer than a write.
   */
  #worthAWrite(all: number): number {
    const took = this.#options.clock.monotonic() - this.#startedAt;
    this.#writeMs += (took - this.#writeMs) * LATEST_COUNTS;
    return Math.max(LARGE_BATCH, all > this.#writeMs * BYTES_A_MS ? all / 2 : all);
  }

  /** A write failed. For want of room: what it left is taken away, on the disk too, before anybody is told. */
  async #undo(file: OpenFile, segment: Segment, error: Error): Promise<void> {
    if (!isFull(error)) {
      this.#giveUp(failed("a write", segment.path, error));
      return;
    }
    try {
      await file.truncate(segment.end);
      await synced(file);
      this.#durable = this.#nextSequence - 1;
      this.#allocated = segment.end;
      this.#giveUp(full(segment.path, "no space left", error));
    } catch (cause) {
      this.#giveUp(failed("a cut back to what was stored", segment.path, cause));
    }
  }

  /** Rejects everybody who waits: for now when there is no room, for good otherwise. */
  #giveUp(error: unknown): void {
    const known =
      error instanceof AetherError
        ? error
        : failed("more records", this.#segment?.path ?? this.#segments.directory, error);
    this.#busy = false;
    if (known.code === "AETHER_JOURNAL_FULL") {
      this.#full = known;
      this.#rejectAll(known);
      this.#events.full(known);
    } else {
      this.#refusal ??= known;
      this.#rejectAll(known);
      this.#events.failed(known);
    }
    this.#tellIdle();
  }

  #rejectAll(error: AetherError): void {
    for (const batch of this.#queue.splice(0)) {
      batch.fail(error);
    }
  }

  /** Begins the first segment before anything is appended. */
  async begin(): Promise<void> {
    await this.#roll();
  }

  /** Ends the segment, if there is one, and begins the next. */
  async #roll(): Promise<Segment> {
    await this.#endSegment();
    await this.#events.makeRoom();
    const { files, clock } = this.#options;
    const before = this.#segments.lastSegment;
    const path = join(this.#segments.directory, segmentName(this.#nextSequence));
    const header = {
      epoch: this.#epoch,
      first: this.#nextSequence,
      before: before?.last ?? 0,
      chain: before?.check ?? 0,
      time: Math.max(before?.lastTime ?? 0, Math.floor(clock.now())),
    };
    const bytes = segmentHead(header, randomBytes(8));
    const file = await this.#created(path);
    try {
      await written(file, bytes);
      await synced(file);
      await files.syncDirectory(this.#segments.directory);
    } catch (error) {
      await file.close().catch(() => undefined);
      if (isFull(error)) {
        await files.remove(path);
        throw full(path, "no space left", error);
      }
      throw failed("a new segment", path, error);
    }
    const segment = new Segment(path, { ...header, seed: bytes.readUInt32LE(SEGMENT_HEAD - 4) });
    this.#segments.push(segment);
    this.#segment = segment;
    this.#file = file;
    this.#allocated = SEGMENT_HEAD;
    this.#durable = this.#nextSequence - 1;
    return segment;
  }

  async #created(path: string): Promise<OpenFile> {
    try {
      return await this.#options.files.open(path, "create");
    } catch (error) {
      throw isFull(error) ? full(path, "no space left", error) : failed("a new segment", path, error);
    }
  }

  /** Everything of the segment is on the disk, and nothing behind it. */
  async #endSegment(): Promise<void> {
    const segment = this.#segment;
    const file = this.#file;
    if (segment === undefined || file === undefined) {
      return;
    }
    this.#alarm?.cancel();
    this.#alarm = undefined;
    this.#syncDue = false;
    try {
      await file.truncate(segment.end);
      await synced(file);
      await file.close();
    } catch (error) {
      throw failed("the end of a segment", segment.path, error);
    }
    this.#segment = undefined;
    this.#file = undefined;
  }

  /** In mode `interval`: what was written now is on the disk when the time is over. */
  #soonSync(): void {
    const { mode, intervalMs, clock } = this.#options;
    if (mode === "interval" && this.#alarm === undefined) {
      this.#alarm = clock.schedule(() => {
        this.#alarm = undefined;
        this.#syncDue = true;
        this.#next();
      }, intervalMs);
      this.#alarm.hold?.(false);
    }
  }

  #syncNow(): void {
    this.#syncDue = false;
    const file = this.#file;
    const upTo = this.#nextSequence - 1;
    const done = (error: Error | null): void => {
      if (error !== null) {
        this.#giveUp(failed("a sync", this.#segment?.path ?? this.#segments.directory, error));
        return;
      }
      this.#durable = upTo;
      this.#busy = false;
      this.#next();
    };
    if (file === undefined) {
      done(null);
    } else {
      file.sync(done);
    }
  }

  /** Resolves when everything that was appended before is on the disk. Rejects when that cannot be. */
  async flush(): Promise<void> {
    await this.#whenIdle();
    if (this.#refusal === undefined && this.#durable < this.#nextSequence - 1) {
      this.#syncDue = true;
      this.#next();
      await this.#whenIdle();
    }
    if (this.#refusal !== undefined) {
      throw this.#refusal;
    }
  }

  #whenIdle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#busy || this.#woken || this.#queue.length > 0) {
        this.#idle.push(resolve);
      } else {
        resolve();
      }
    });
  }

  #tellIdle(): void {
    if (!this.#busy && this.#queue.length === 0) {
      for (const resolve of this.#idle.splice(0)) {
        resolve();
      }
    }
  }

  /** Stores what waits, says that this is the end, and lets the file go. Never rejects for a log that has failed. */
  async close(): Promise<void> {
    this.#closed ??= closed();
    await this.#whenIdle();
    if (this.#refusal === undefined && this.#segment !== undefined) {
      try {
        await this.#enqueue(KIND.end, 0, () => undefined);
        await this.#endSegment();
      } catch {
        // What was acknowledged is stored; the next to open finds out how it ended.
      }
    }
    this.#alarm?.cancel();
    await this.#file?.close().catch(() => undefined);
    this.#file = undefined;
  }
}

/** What everything rejects with once the journal is closed. */
export function closed(): AetherError {
  return new AetherError("AETHER_CLOSED", "Expected the journal to be open, got one that is closed");
}

function assertShort(length: number): void {
  if (length > LONGEST_RECORD) {
    throw new AetherError(
      "AETHER_TOO_LARGE",
      `Expected a record of at most ${LONGEST_RECORD} bytes, got ${length}. Put the data into a store and append a reference to it.`,
      { details: { limit: LONGEST_RECORD, bytes: length } },
    );
  }
}

/** Resolves when what was written to `file` is on the disk. */
export function synced(file: OpenFile): Promise<void> {
  return new Promise((resolve, reject) => file.sync((error) => (error === null ? resolve() : reject(error))));
}

/** Writes `bytes` to the start of `file`. */
export function written(file: OpenFile, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) =>
    file.write(bytes, 0, (error) => (error === null ? resolve() : reject(error))),
  );
}
