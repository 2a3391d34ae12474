/** Checkpoints: what a ledger remembers, kept as a snapshot, so that the log before it may be deleted. */

import type { Log } from "../log/log.ts";
import type { RetentionOptions } from "../log/retention.ts";
import { placeOf } from "../position.ts";
import { appendJson, OWN } from "./own-records.ts";

/** Where checkpoints are kept. */
export interface CheckpointStore {
  save(state: unknown, position: string): Promise<void>;
  latest(): Promise<{ readonly state: unknown; readonly position: string } | undefined>;
}

/** What checkpoints are taken of. */
export interface CheckpointParts {
  readonly log: Log;
  readonly retention: RetentionOptions;
  readonly store: CheckpointStore;
  state(): unknown;
  /** Sequence up to which no group needs anything; `undefined`: there is no group. */
  low(): number | undefined;
  /** Writes what else stands up to `sequence` again, further on. */
  move(sequence: number): Promise<void>;
}

/** Takes checkpoints, and lets go what all groups have handled and two checkpoints cover. */
export class Checkpoints {
  readonly #parts: CheckpointParts;
  readonly #limits: boolean;
  /** The last record of the ledger itself: a checkpoint covers it and all before it. */
  #position: string | undefined;
  #sequence = 0;
  /** Sequences of the last checkpoint, and of the one before it. */
  #newest = 0;
  #older = 0;
  /** What others have released, once they have. */
  #released: number | undefined;
  #freed = 0;
  #running: Promise<void> | undefined;
  #again = false;
  #taking: Promise<void> = Promise.resolve();

  constructor(parts: CheckpointParts) {
    this.#parts = parts;
    const { maxAgeMs, maxBytes, dropReleased } = parts.retention;
    this.#limits = maxAgeMs !== undefined || maxBytes !== undefined || dropReleased === true;
  }

  async latest(): Promise<{ readonly state: unknown; readonly sequence: number } | undefined> {
    const found = await this.#parts.store.latest();
    if (found === undefined) {
      return undefined;
    }
    this.#newest = placeOf(found.position).sequence;
    return { state: found.state, sequence: this.#newest };
  }

  /** The record at `position` was kept, and what it says holds. Records come in their order. */
  applied(position: string, sequence: number): void {
    this.#position = position;
    this.#sequence = sequence;
  }

  /** Keeps what is remembered now. */
  take(): Promise<void> {
    const run = this.#taking.then(() => this.#take());
    this.#taking = run.catch(() => undefined);
    return run;
  }

  async #take(): Promise<void> {
    if (this.#position === undefined) {
      return;
    }
    const sequence = this.#sequence;
    await this.#parts.store.save(this.#parts.state(), this.#position);
    if (sequence !== this.#newest) {
      this.#older = this.#newest;
      this.#newest = sequence;
    }
  }

  /** A segment has begun: what is remembered is kept, so that a restart reads little. */
  takeSoon(): void {
    this.take().then(
      () => this.advance(),
      () => undefined, // It is taken again with the next segment, and nothing is released until then.
    );
  }

  release(sequence: number): void {
    this.#released = Math.max(sequence, this.#released ?? 0);
    this.advance();
  }

  /** Lets go what may go by now. Cheap where nothing may. */
  advance(): void {
    if (this.#running !== undefined) {
      this.#again = true;
      return;
    }
    const bound = this.#bound();
    if (bound > this.#freed) {
      this.#running = this.#free(bound)
        .catch(() => undefined) // Nothing is lost; the next time tries again.
        .finally(() => {
          this.#running = undefined;
          if (this.#again) {
            this.#again = false;
            this.advance();
          }
        });
    }
  }

  /** End of the last whole segment that nobody needs; 0: none. */
  #bound(): number {
    const { log, retention } = this.#parts;
    const low = this.#parts.low();
    if (!this.#limits || (low === undefined && this.#released === undefined && retention.dropReleased === true)) {
      return 0;
    }
    const most = Math.min(low ?? Number.POSITIVE_INFINITY, this.#released ?? Number.POSITIVE_INFINITY);
    let bound = 0;
    for (const { last } of log.segments.slice(0, -1)) {
      if (last > most) {
        break;
      }
      bound = last;
    }
    return bound;
  }

  async #free(bound: number): Promise<void> {
    const { log } = this.#parts;
    await this.#parts.move(bound);
    // Two checkpoints must cover what goes, so that one may be damaged.
    while (this.#older < bound) {
      const before = this.#older;
      if (this.#sequence === this.#newest) {
        const position = await appendJson(log, OWN.declared, { patterns: [] });
        this.applied(position, placeOf(position).sequence);
      }
      await this.take();
      if (this.#older === before) {
        return;
      }
    }
    this.#freed = bound;
    await log.release(bound);
  }

  /** Resolves when nothing is being let go. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) {
      await this.#running;
    }
  }

  async close(): Promise<void> {
    await this.settled();
    await this.take().catch(() => undefined);
  }
}
