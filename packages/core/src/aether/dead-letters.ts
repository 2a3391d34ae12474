/** Dead letters: waves whose handling failed for good, kept so that people can look at them and send them again. docs/physics.md §7. */

import type { ErrorCode } from "../errors.ts";
import type { Amplitude } from "../physics/amplitude.ts";
import type { Channel } from "../wave/channel.ts";
import type { Origin, Wave } from "../wave/wave.ts";
import type { Receipt } from "./receipt.ts";

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

/** What is to be different from the wave that failed. */
export interface ReemitOptions {
  /** Checked by the channel's contract, where this aether knows one. */
  readonly payload?: unknown;
  readonly channel?: string | Channel | undefined;
  readonly amplitude?: Amplitude | undefined;
  /** `"all"`: everybody who hears the channel. Default: only the resonance that failed. */
  readonly to?: "all" | undefined;
}

/** Counts of dead letters: `entered = kept + evicted + reemitted + purged`. */
export interface DeadLetterStats {
  readonly entered: number;
  /** Letters that are there now, and those whose wave is just being emitted again. */
  readonly kept: number;
  /** Letters that had to give way to others, or were too quiet for a full store. */
  readonly evicted: number;
  readonly reemitted: number;
  readonly purged: number;
}

/** The dead letters of one aether, as people use them. */
export interface DeadLetters {
  /** The letters, oldest first, as they are at this moment. Throws `AETHER_BAD_OPTION` or `AETHER_BAD_CHANNEL`. */
  list(query?: DeadLetterQuery): AsyncIterable<DeadLetter>;
  /**
   * Emits the wave of letter `id` again, to the resonance that failed: under a new id, caused by the old wave, with its
   * trace, hops, key and headers. The letter is removed once the wave has travelled and is not known to have reached
   * nobody. Rejects with `AETHER_UNKNOWN_LETTER`, and as `emit` does.
   */
  reemit(id: string, options?: ReemitOptions): Promise<Receipt>;
  /** Removes letters, by default all; resolves to how many. Rejects with `AETHER_BAD_OPTION` or `AETHER_BAD_CHANNEL`. */
  purge(which?: DeadLetterPurge): Promise<number>;
}

/** Where dead letters are kept. It is bounded, and makes room for loud letters by giving up the quietest, oldest ones. */
export interface DeadLetterStore {
  /** Letters that are there. */
  readonly size: number;
  /** Letters that it gave up, or did not take, to keep its bounds. */
  readonly evicted: number;
  /** Takes a letter. Never throws or rejects: what it cannot keep counts as evicted. */
  add(letter: DeadLetter): void | Promise<void>;
  /** Letters, oldest first, as they are when it is called. */
  list(query: DeadLetterQuery): AsyncIterable<DeadLetter>;
  /**
   * Takes a letter out: it makes room, and nobody else can take it. A store that outlives its process remembers it until
   * `forget`, so that it is there again after a crash.
   */
  take(id: string): Promise<DeadLetter | undefined>;
  /** Puts a letter that was taken back into its place. Never rejects, as `add`. */
  putBack(letter: DeadLetter): void | Promise<void>;
  /** A letter that was taken is done with. */
  forget(id: string): void | Promise<void>;
  /** How many it removed. */
  purge(which: DeadLetterPurge): Promise<number>;
}
