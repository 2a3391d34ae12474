/** Retention: which segments may go, oldest first and always whole. */

import { failed, full } from "../failures.ts";
import type { FileSystem } from "../files/file-system.ts";
import type { Segment } from "./segment.ts";
import type { Segments } from "./segments.ts";

/** What is kept, and for how long. Without a limit, everything. */
export interface RetentionOptions {
  /** A segment whose last record is older may go. */
  readonly maxAgeMs?: number | undefined;
  /** The most that all segments take together. */
  readonly maxBytes?: number | undefined;
  /** Whether what was released goes at once; default false: it goes when age or size ask for it. */
  readonly dropReleased?: boolean | undefined;
}

/** Why a segment went. */
export type DropReason = "age" | "size" | "released";

/** A segment that went. */
export interface Drop {
  readonly file: string;
  /** Sequence of the last record that went with it. */
  readonly last: number;
  readonly reason: DropReason;
}

/** Deletes segments. Once anything was released, only what was released goes, whatever the limits say. */
export class Retention {
  readonly #segments: Segments;
  readonly #options: RetentionOptions;
  readonly #files: FileSystem;
  #released: number | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(segments: Segments, options: RetentionOptions, files: FileSystem) {
    this.#segments = segments;
    this.#options = options;
    this.#files = files;
  }

  /** Nobody needs anything up to `sequence` any more. */
  release(sequence: number): void {
    this.#released = Math.max(sequence, this.#released ?? 0);
  }

  /** Deletes what may go; `busy` stays, and so does everything after it. Tells of each segment that went. */
  enforce(now: number, busy: Segment | undefined, needed: number, dropped: (drop: Drop) => void): Promise<void> {
    const run = this.#running.then(() => this.#enforce(now, busy, needed, dropped));
    this.#running = run.catch(() => undefined);
    return run;
  }

  async #enforce(now: number, busy: Segment | undefined, needed: number, dropped: (drop: Drop) => void): Promise<void> {
    for (;;) {
      const [oldest] = this.#segments.list;
      const reason = oldest === undefined || oldest === busy ? undefined : this.#reason(oldest, now, needed);
      if (oldest === undefined || reason === undefined) {
        break;
      }
      // Each by itself: a log from whose middle a segment is missing would be refused.
      try {
        await this.#files.remove(oldest.path);
        await this.#files.syncDirectory(this.#segments.directory);
      } catch (error) {
        throw failed("a segment less", this.#segments.directory, error);
      }
      this.#segments.shift();
      dropped({ file: oldest.path, last: oldest.last, reason });
    }
    const { maxBytes = Number.POSITIVE_INFINITY } = this.#options;
    if (needed > 0 && this.bytes + needed > maxBytes) {
      throw full(this.#segments.directory, `${this.bytes} bytes of at most ${maxBytes}, none of them released`);
    }
  }

  /** What all segments take. */
  get bytes(): number {
    return this.#segments.list.reduce((sum, { end }) => sum + end, 0);
  }

  #reason(oldest: Segment, now: number, needed: number): DropReason | undefined {
    const { maxAgeMs = Number.POSITIVE_INFINITY, maxBytes = Number.POSITIVE_INFINITY, dropReleased } = this.#options;
    const isLast = this.#segments.list.length === 1;
    const isFree = this.#released === undefined || oldest.last <= this.#released;
    // The last one stays: it tells the next how the log goes on.
    if (!isFree || isLast) {
      return undefined;
    }
    if (this.bytes + needed > maxBytes) {
      return "size";
    }
    if (now - oldest.lastTime > maxAgeMs) {
      return "age";
    }
    return dropReleased === true && this.#released !== undefined ? "released" : undefined;
  }
}
