/** Dead letters: waves whose handling failed for good, kept so that people can look at them and send them again. docs/physics.md §7. */

import type { DeadLetter, DeadLetterPurge, DeadLetterQuery, DeadLetterStats } from "../../medium/dead-letter-store.ts";
import type { Amplitude } from "../../physics/amplitude.ts";
import type { Channel } from "../../wave/channel.ts";
import type { Receipt } from "../receipt.ts";

/** What is to be different from the wave that failed. */
export interface ReemitOptions {
  /** Checked by the channel's contract, where this aether knows one. */
  readonly payload?: unknown;
  readonly channel?: string | Channel | undefined;
  readonly amplitude?: Amplitude | undefined;
  /** `"all"`: everybody who hears the channel. Default: only the resonance that failed. */
  readonly to?: "all" | undefined;
}

/** Which dead letters to remove: those of which all that is given holds. */
export interface PurgeOptions extends Omit<DeadLetterPurge, "before"> {
  /** Those that failed before this moment: a date, or wall-clock milliseconds since the epoch. */
  readonly before?: Date | number | undefined;
}

/**
 * The dead letters that one aether sees, as people use them: those of its own ephemeral waves, and those of recorded waves
 * wherever in the namespace they failed, if the recorder keeps dead letters.
 */
export interface DeadLetters {
  /**
   * The letters, oldest first, as they are at this moment. Throws `AETHER_BAD_OPTION` or `AETHER_BAD_CHANNEL`; the
   * iteration rejects when what keeps them does not answer.
   */
  list(query?: DeadLetterQuery): AsyncIterable<DeadLetter>;
  /**
   * Emits the wave of letter `id` again, to the resonance that failed: under a new id, caused by the old wave, with its
   * trace, hops, key and headers. The letter is removed once the wave has travelled and is not known to have reached
   * nobody. Rejects with `AETHER_UNKNOWN_LETTER`, also while somebody else emits it, and as `emit` does.
   */
  reemit(id: string, options?: ReemitOptions): Promise<Receipt>;
  /** Removes letters, by default all; resolves to how many. Rejects with `AETHER_BAD_OPTION` or `AETHER_BAD_CHANNEL`. */
  purge(which?: PurgeOptions): Promise<number>;
  /** What became of the letters that this aether sees. For recorded waves that is what happened in the whole namespace. */
  stats(): Promise<DeadLetterStats>;
}
