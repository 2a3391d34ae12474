/** The contract of recording: what keeps waves until every group has handled them. */

import type { Wave } from "../wave/wave.ts";
import type { DeadLetterStore } from "./dead-letter-store.ts";
import type { Presence } from "./presence.ts";
import type { SnapshotStore } from "./snapshot-store.ts";

/** Where a group begins that has no place yet: with what comes from now on, at the start, at a position, at a time. */
export type From = "new" | "start" | { readonly position: string } | { readonly time: Date };

/** A recorded wave in the hands of one member of a group. It is settled once; until then nobody else of its group has it. */
export interface Custody {
  /** The group is done with it. Resolves when that is kept; rejects when it may not be, and then it may come again. */
  done(): Promise<void>;
  /** Which attempt it comes for, where the recorder remembers that. Default: the first, as far as it knows. */
  readonly attempt?: number | undefined;
  /**
   * A run has failed, and whoever has it tries again: should it come to somebody else, it comes for `attempt`. Absent: the
   * recorder remembers no attempts. Never throws, and promises nothing: a crash may forget the last of them.
   */
  retries?(attempt: number): void;
  /** It goes back to the group, which gets it again after `delayMs` or later. Nobody has failed. Never throws. */
  giveBack(delayMs?: number): void;
}

/**
 * One recorded resonance, as a recorder sees it. Once it follows, a listener with the same presence, the very object, comes
 * to `Link.resonate`, and takes nothing but queries there: what is recorded comes to it from the recorder alone. A medium may
 * keep everything else away from that listener.
 */
export interface Follower {
  readonly presence: Presence;
  /** How many waves more it takes now, those left out that it has in hand. Never less than 0; less after each `take`. */
  readonly wanted: number;
  /**
   * Takes a wave, which carries its position, and answers for it from now on. It may settle it at once, as one that it
   * has handled before. Never throws, never runs a handler.
   */
  take(wave: Wave, custody: Custody): void;
  /**
   * Something in the record was no wave, such as bytes that are damaged: it counts `count` (default 1) received and as
   * many absorbed as `malformed`. The recorder is done with it by itself. Never throws.
   */
  malformed(count?: number): void;
}

/** A follower's place in the record. */
export interface Following {
  /** Tells that {@link Follower.wanted} has grown. Told once a tick at most, and never while a wave is being taken. */
  wants(): void;
  /** No more is handed over after it has resolved; what is in hand stays so until it is settled. */
  close(): Promise<void>;
}

/** What is read of a record; without a bound, all of it. */
export interface RecordQuery {
  readonly pattern?: string | undefined;
  /** Position or time, inclusive. */
  readonly from?: string | Date | undefined;
  /** Position or time, inclusive. */
  readonly to?: string | Date | undefined;
  readonly minAmplitude?: number | undefined;
}

/** One wave of a record. */
export interface Recorded {
  readonly position: string;
  readonly wave: Wave;
}

/** What a tail gives out: the waves of any of `patterns`, all of which are recorded. */
export interface TailQuery {
  /** At least one. A wave that several cover comes once. */
  readonly patterns: readonly string[];
  /** The position after which it begins. Without it: with the first wave that was ever recorded. */
  readonly after?: string | undefined;
}

/** One step along the record. */
export interface TailStep {
  /** Everything that is asked for has been given out up to here, this wave included. No step is before the last one. */
  readonly position: string;
  /** The wave at `position`; `undefined`: nothing that is asked for stands between the last step and here. */
  readonly wave?: Wave | undefined;
  /** What stands at `position` is on a channel that is asked for and is no wave, such as bytes that are damaged. */
  readonly malformed?: boolean | undefined;
}

/** A group that has a place in the record. */
export interface RecordedGroup {
  readonly group: string;
  readonly name: string;
  readonly pattern: string;
  /** Up to where it has handled everything; `undefined`: nothing yet. */
  readonly position: string | undefined;
  /** How many waves it has not handled. */
  readonly pending: number;
}

/**
 * Keeps the waves of recorded channels. Its guarantees, each of which is one test of the conformance suite:
 *
 * - a wave that was recorded is handed to each group that follows its channel
 * - a wave is in the hands of one member of a group at a time
 * - a group that comes back goes on where it was
 * - a group begins where it was told to
 * - a wave that is given back comes again
 * - a wave whose holder dies comes again
 * - a wave that was done with does not come again
 * - a wave recorded twice under one id is kept once
 * - a follower is handed no more than it wants
 * - louder waves come first, and none is left out
 * - waves of one channel and band come in order
 * - a position is that of its wave
 * - positions grow
 * - what was recorded can be read again, by pattern, position, time and amplitude
 * - what is declared by anybody is recorded for everybody
 * - a wave on a channel that nobody follows is kept
 * - those who only listen hear a recorded wave live
 * - groups can be listed and dropped
 * - a tail gives each wave once, in the order of the record, and goes on with what comes
 * - a tail begins after the position that it is told
 * - a tail takes several patterns in one order
 * - a tail waits for whoever reads it
 * - a tail tells how far it has come where nothing is asked for
 * - a tail ends when it is told to
 * - a tail refuses what is no position of the record
 * - positions are compared as the record has them
 * - the end of the record covers its last wave, and no wave that comes
 *
 * And where it keeps dead letters:
 *
 * - a dead letter is seen from everywhere, with all that is known of it
 * - a dead letter outlives the link that kept it
 * - a wave that fails again at the same resonance leaves one letter
 * - a letter whose payload cannot be written is kept without it
 * - dead letters are listed oldest first, by pattern and limit
 * - a dead letter is taken by one at a time, and can be put back
 * - a dead letter that was forgotten is gone for good
 * - dead letters are purged by pattern, id and time
 * - dead letters are counted wherever they enter and leave
 *
 * And where it keeps snapshots:
 *
 * - a snapshot is loaded from everywhere, as it was saved
 * - a snapshot outlives the link that saved it
 * - the snapshot that covers most comes first, whichever was saved last
 * - snapshots under different names are kept apart
 */
export interface Recorder {
  /** Adds `patterns` to what the namespace records. Rejects with `AETHER_UNSUPPORTED` where that cannot be. */
  declare(patterns: readonly string[]): Promise<void>;
  /** Whether every channel that `pattern` covers is recorded. What was recorded once stays so. Cheap: every emit asks. */
  records(pattern: string): boolean;
  /**
   * Keeps `wave`, and resolves to its position. It also carries it, at most once and with no promise, to those who hear
   * its channel live: listeners that do not follow, and observers. Rejects with `AETHER_UNCERTAIN` when it is not known
   * by `deadline`, in monotonic milliseconds, whether it was kept: it may then be recorded again under the same id. An
   * emit waits no longer than that, nor longer than its vibrator is open.
   */
  record(wave: Wave, deadline: number): Promise<string>;
  /** Hands the waves of the follower's pattern over, group by group. Resolves when its place is kept. */
  follow(follower: Follower, from: From): Promise<Following>;
  /** Reads in the order of the record. */
  read(query: RecordQuery): AsyncIterable<Recorded>;
  /**
   * Follows the record in its order, without a group: for whoever makes something of all that was ever recorded. It reads
   * ahead of whoever takes its steps by a bounded number of waves, and goes on after any break of the connection and any
   * restart of what keeps the record. It ends when `signal` aborts. Rejects with `AETHER_BAD_POSITION` where not every
   * wave after `query.after` is there: the position is of another record, lies ahead of this one, or waves behind it
   * were forgotten; iterating throws the same once that happens. Rejects with `AETHER_BAD_OPTION` for what is no position.
   * Iterating throws `AETHER_CLOSED` when the link is closed.
   */
  tail(query: TailQuery, signal: AbortSignal): Promise<AsyncIterable<TailStep>>;
  /** Where the record ends: at its last wave, or at what the recorder keeps behind it. `undefined`: it is empty. */
  end(): Promise<string | undefined>;
  /**
   * Less than 0, 0 or more: whether the wave at `one` comes before that at `other`, is the same, or comes after. Throws
   * `AETHER_BAD_POSITION` for positions of two records, `AETHER_BAD_OPTION` for what is no position.
   */
  compare(one: string, other: string): number;
  /** The groups that have a place. */
  groups(): Promise<readonly RecordedGroup[]>;
  /** Forgets a group's place: what it has not handled no longer waits for it. */
  drop(group: string, name: string): Promise<void>;
  /**
   * Keeps the dead letters of recorded waves, so that they outlive every process. Absent: they are in the memory of the
   * aether where they failed. The same object for as long as the link is open.
   */
  readonly deadLetters?: DeadLetterStore | undefined;
  /** Keeps what views have made of the record. Absent: they make it anew from its first wave. */
  readonly snapshots?: SnapshotStore | undefined;
}
