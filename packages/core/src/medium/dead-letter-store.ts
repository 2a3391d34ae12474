/** The contract of what keeps the dead letters of recorded waves: letters, what is asked of them, and their counts. */

import type { ErrorCode } from "../errors.ts";
import type { Origin, Wave } from "../wave/wave.ts";

/** A wave that failed for good at one resonance. */
export interface DeadLetter {
  /** Id of the letter; the wave has its own. */
  readonly id: string;
  readonly wave: Wave;
  readonly error: DeadLetterError;
  /** How many runs of the handler failed; 0 when its payload broke the schema and none ran. */
  readonly attempts: number;
  /** Group of the resonance that failed; false: it has none. */
  readonly group: string | false;
  /** Name of that resonance. */
  readonly name: string;
  /** Id of the vibrator's instance where it failed. */
  readonly instance: string;
  /** Who emitted the wave. */
  readonly origin: Origin;
  /** When it failed, in wall-clock milliseconds since the epoch. */
  readonly at: number;
}

/** What a wave failed by. */
export interface DeadLetterError {
  readonly code: ErrorCode;
  /** At most 4096 characters, and so is the stack. */
  readonly message: string;
  readonly stack: string | undefined;
}

/** Which dead letters to list. */
export interface DeadLetterQuery {
  /** Pattern of their channels. Default: all. */
  readonly pattern?: string | undefined;
  /** Most letters. Default: no limit. */
  readonly limit?: number | undefined;
}

/** Which dead letters to remove: those of which all that is given holds. */
export interface DeadLetterPurge {
  readonly pattern?: string | undefined;
  readonly id?: string | undefined;
  /** Those that failed before this moment, in wall-clock milliseconds since the epoch. */
  readonly before?: number | undefined;
}

/** Counts of dead letters: `entered = kept + evicted + reemitted + purged`. */
export interface DeadLetterStats {
  readonly entered: number;
  /** Letters that are there now, and those whose wave is just being emitted again. */
  readonly kept: number;
  /** Letters that had to give way to others, were too quiet for a full store, or grew too old. */
  readonly evicted: number;
  readonly reemitted: number;
  readonly purged: number;
}

/** A letter that has no id yet. */
export type NewDeadLetter = Omit<DeadLetter, "id">;

/**
 * Where a recorder keeps the dead letters of recorded waves, so that they outlive every process: see
 * `Recorder.deadLetters`. All links of a namespace share one. Every call may reject while it cannot be reached, with the
 * codes that the recorder itself has for that.
 *
 * It is bounded: over its bounds the oldest letters give way, and are counted.
 */
export interface DeadLetterStore {
  /**
   * Keeps a letter, and resolves to its id once it would survive a crash. There is one letter for one wave id at one
   * resonance (`group` and `name`): one that is there already is left as it is, and its id given. The id is as unique as
   * that of a wave, for it becomes one: what is emitted again leaves under it, so that two who emit it emit one wave.
   *
   * The wave is settled only after this has resolved; when it rejects, the wave goes back to its group. So it must
   * not reject for ever for what a letter says: what it cannot write, such as a payload that a handler has made
   * unwritable, it leaves out.
   */
  add(letter: NewDeadLetter): Promise<string>;
  /** Letters, oldest first, as they are when it is called; those that somebody has taken may be among them. */
  list(query: DeadLetterQuery): AsyncIterable<DeadLetter>;
  /**
   * Takes a letter so that nobody else, in any process, can take it, until it is put back or forgotten. `undefined`: it
   * is not there, or somebody has it. The letter itself stays where it is: should whoever took it crash, it can be taken
   * again after a while (a minute or so, longer than any emit waits).
   */
  take(id: string): Promise<DeadLetter | undefined>;
  /** A letter that was taken can be taken again. Never rejects. */
  putBack(id: string): Promise<void>;
  /** A letter that was taken was emitted again: it is removed. */
  forget(id: string): Promise<void>;
  /** How many it removed; those that somebody has taken may be among them. */
  purge(which: DeadLetterPurge): Promise<number>;
  /** What became of all letters that were ever added. */
  stats(): Promise<DeadLetterStats>;
}
