/** Checkpoints: what a ledger remembers, kept as a snapshot, so that the log before it may be deleted. */

import type { Log } from "../log/log.ts";
import type { RetentionOptions } from "../log/retention.ts";
import { placeOf } from "../position.ts";
import { appendJson, isFullLog, OWN } from "./own-records.ts";

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
  /** Writes what else stands up to `sequence` again, further on; resolves to how far it got. */
  move(sequence: number): Promise<number>;
}

/** Takes checkpoints, and lets go what all groups have handled and two checkpoints cover. */
export class Checkpoints {
  readonly #parts: CheckpointParts;
  readonly #limits: boolean;
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

  /** Keeps what is remembered now. */
  take(): Promise<void> {
    const run = this.#taking.then(() => this.#take());
    this.#taking = run.catch(() => undefined);
    return run;
  }

  async #take(): Promise<void> {
    // After a turn of the event loop, whatever the log has said up to its last record holds.
    await new Promise((resolve) => setImmediate(resolve));
    const { last, lastSequence: sequence } = this.#parts.log;
    if (last === undefined) {
      return;
    }
    await this.#parts.store.save(this.#parts.state(), last);
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
    const free = Math.min(bound, await this.#parts.move(bound));
    // Two checkpoints must cover what goes, so that one may be damaged; without room for that, one.
    while (this.#older < free) {
      if (log.lastSequence === this.#newest && !(await this.#oneMore())) {
        break;
      }
      await this.take();
    }
    this.#freed = Math.min(free, this.#newest);
    await log.release(this.#freed);
  }

  /** A record of no meaning, for a checkpoint to stand on. False: there is no room for it. */
  async #oneMore(): Promise<boolean> {
    try {
      await appendJson(this.#parts.log, OWN.declared, { patterns: [] });
      return true;
    } catch (error) {
      if (isFullLog(error)) {
        return false;
      }
      throw error;
    }
  }

  /** Resolves when everything has been let go that may go now. */
  async settled(): Promise<void> {
    this.advance();
    while (this.#running !== undefined) {
      await this.#running;
    }
  }

  async close(): Promise<void> {
    await this.#running;
    await this.take().catch(() => undefined);
  }
}
