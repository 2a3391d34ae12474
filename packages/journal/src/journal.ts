/** The journal: waves in a directory, in the order they were appended, with snapshots of what was made of them. */

import { type AetherError, assertTravels, type Medium, type Recording, type Surroundings, Wave } from "@aether/core";
import { bodyOf, writeWave } from "./body/wave-body.ts";
import { expected } from "./failures.ts";
import { RECORDER } from "./files/names.ts";
import { Log, type LogOptions } from "./log/log.ts";
import { KIND } from "./log/record-format.ts";
import type { Drop } from "./log/retention.ts";
import type { Cut } from "./log/segments.ts";
import { checkReading, type JournalOptions, logOptions, type ReadOptions } from "./options.ts";
import { Ledger } from "./recorder/ledger.ts";
import { over } from "./recorder/over-medium.ts";
import { ViewSnapshots } from "./recorder/view-snapshots.ts";
import { type Fallback, type Snapshot, Snapshots, snapshotToken } from "./snapshot/snapshots.ts";
import { type JournalEntry, surroundingsOf, WaveReading } from "./wave-reading.ts";

/** What a journal tells of, by name. */
export interface JournalEvents {
  /** A segment was deleted by the retention. */
  readonly dropped: Drop;
  /** There was no room for an append. It may be tried again. */
  readonly full: { readonly error: AetherError };
  /** The disk failed: nothing more is taken, and nothing is read. */
  readonly failed: { readonly error: AetherError };
  /** A snapshot was passed over, for it is damaged or does not fit the log. */
  readonly fallback: Fallback;
}

/** How a journal is. */
export interface JournalHealth {
  /** `full`: the last append found no room; the next one may. `failed`: for good. */
  readonly state: "ok" | "full" | "failed" | "closed";
  readonly error: AetherError | undefined;
  /** What was cut off the end when it was opened: bytes that a crash had left half written. */
  readonly cuts: readonly Cut[];
  /** Snapshots that were passed over. */
  readonly fallbacks: readonly Fallback[];
  readonly segments: number;
  readonly bytes: number;
  /** Position of the last record; `undefined`: nothing was ever appended. */
  readonly last: string | undefined;
}

/** What {@link Journal.verify} has read. */
export interface Verified {
  readonly segments: number;
  readonly records: number;
  readonly bytes: number;
}

const MOST_FALLBACKS = 100;

type Listener<E extends keyof JournalEvents> = (event: JournalEvents[E]) => void;

/**
 * An open journal. Made by {@link openJournal}. Its guarantees, each of which is one test of the conformance suite:
 *
 * - what is appended is read in the order of the calls
 * - a wave is read as it was at the call of append
 * - a position is that of its wave, and positions grow
 * - a reading is bounded by position, time, pattern and amplitude, both ends included
 * - a reading ends where the journal ended when it began
 * - what cannot be written is refused, and leaves nothing
 * - what was acknowledged is there when it is opened again
 * - a position is given once, also after it was opened again
 * - what was on its way when it was closed is kept
 * - a snapshot is given back with its position, the newest of its name
 * - a name of which no snapshot was taken has none
 * - a position of another journal is refused with AETHER_BAD_POSITION
 * - verify reads everything that is there
 * - one writer has it at a time: another is refused with AETHER_JOURNAL_LOCKED
 * - a closed one refuses with AETHER_CLOSED, and closing twice is closing once
 */
export class Journal implements Recording {
  readonly directory: string;
  readonly #log: Log;
  readonly #snapshots: Snapshots;
  readonly #surroundings: Surroundings;
  readonly #notices: Notices;
  readonly #options: LogOptions;
  /** There once it is, or was, over a medium. */
  #ledger: Ledger | undefined;
  #closed = false;

  /** @internal */
  constructor(directory: string, log: Log, options: LogOptions, notices: Notices) {
    this.directory = directory;
    this.#log = log;
    this.#notices = notices;
    this.#options = options;
    this.#surroundings = surroundingsOf(options.clock);
    this.#snapshots = new Snapshots({
      directory,
      files: options.files,
      clock: options.clock,
      locate: (position) => log.locate(position),
      fellBack: (fallback) => notices.fellBack(fallback),
    });
  }

  /** The records below: for what is kept in the same journal beside waves. @internal */
  get log(): Log {
    return this.#log;
  }

  /**
   * Keeps `wave`, with its payload as it is at the call, and resolves to its position once it is stored as the mode says.
   * Waves are kept in the order of the calls. Rejects with `AETHER_JOURNAL_FULL`: it was not kept, and may be appended
   * again; `AETHER_JOURNAL_FAILED`: nobody knows, and nothing more is taken; `AETHER_BAD_PAYLOAD`, `AETHER_TOO_LARGE`.
   */
  append(wave: Wave): Promise<string> {
    try {
      if (!(wave instanceof Wave) || wave.fault !== undefined) {
        throw expected("wave", "a wave", wave instanceof Wave ? wave.fault : wave);
      }
      if (this.#ledger !== undefined) {
        return this.#ledger.append(wave);
      }
      const body = bodyOf(wave);
      const now = wave.surroundings.clock.monotonic();
      const age = wave.age + Math.max(0, now - wave.arrivedAt);
      return this.#log.append(KIND.wave, body.most, (slab) => writeWave(slab, body, age));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * The waves from `from` to `to`, both included, in the order they were appended, up to what is the end at the call.
   * Iterating throws `AETHER_BAD_POSITION` when a position is none of this journal as it is now, and
   * `AETHER_JOURNAL_DAMAGED`, with file and offset, instead of a wave that was not appended like that.
   */
  read(options: ReadOptions = {}): AsyncIterableIterator<JournalEntry, undefined> {
    const { from, to, pattern, minAmplitude } = checkReading(options);
    const log = this.#log;
    const before = log.lastSequence;
    let last = before;
    const reading = new WaveReading({
      epoch: log.epoch,
      directory: this.directory,
      surroundings: this.#surroundings,
      filter: { pattern, minAmplitude },
      get lastSequence() {
        return last;
      },
      lastTime: to instanceof Date ? to.getTime() : Number.POSITIVE_INFINITY,
      async open() {
        await log.refresh();
        // Without a lock, the end is that of the first look.
        last = Math.max(before, log.isReadOnly ? log.lastSequence : before);
        last = typeof to === "string" ? (await log.locate(to, "to")).sequence : last;
        const first = typeof from === "string" ? (await log.locate(from, "from")).sequence : 0;
        const time = from instanceof Date ? from.getTime() : 0;
        return log.reader((mark) => mark.sequence < first || mark.time < time);
      },
    });
    return reading;
  }

  /**
   * Keeps `state` under `name`, with the position up to which it has folded everything. Resolves once it is on the disk
   * and was read back; until then, and after it, the one before it is kept as well. Rejects with `AETHER_BAD_PAYLOAD`, with the
   * path, for what would not come back as it was, such as a `Map`.
   */
  async snapshot(name: string, state: unknown, position: string): Promise<void> {
    const token = snapshotToken(name);
    if (token === RECORDER) {
      throw expected("name", "another one than the journal's own", name);
    }
    assertTravels(state);
    await this.#save(token, state, position);
  }

  async #save(token: string, state: unknown, position: string): Promise<void> {
    this.#log.assertWritable();
    await this.#log.flush();
    const place = await this.#log.locate(position);
    await this.#snapshots.save(token, state, place);
  }

  /**
   * The newest snapshot of `name` that is whole and fits the journal; `undefined`: none was ever taken. A damaged one is
   * passed over and told of by `health` and `on`; if none is left, its reason is thrown.
   */
  async latestSnapshot(name: string): Promise<Snapshot | undefined> {
    const token = snapshotToken(name);
    await this.#log.refresh();
    return await this.#snapshots.latest(token);
  }

  /**
   * Nobody needs `position` or anything before it any more. From the first call on, only what was released is deleted,
   * whatever the limits of the retention say; and never what a group of a recorded channel has not handled.
   */
  async release(position: string): Promise<void> {
    const { sequence } = await this.#log.locate(position);
    await (this.#ledger ?? this.#log).release(sequence);
  }

  /** Reads everything again from the disk. Throws `AETHER_JOURNAL_DAMAGED`, with file and offset. */
  verify(): Promise<Verified> {
    return this.#log.verify();
  }

  health(): JournalHealth {
    const { cuts, segments, bytes, last, full } = this.#log;
    const failure = this.#closed ? undefined : this.#log.refusal;
    const state = this.#closed ? "closed" : failure !== undefined ? "failed" : full !== undefined ? "full" : "ok";
    return {
      state,
      error: failure ?? full,
      cuts,
      fallbacks: this.#notices.fallbacks,
      segments: segments.length,
      bytes,
      last,
    };
  }

  /** Calls `listener` for each event of that name, until the function that it gives is called. */
  on<E extends keyof JournalEvents>(event: E, listener: Listener<E>): () => void {
    return this.#notices.on(event, listener);
  }

  /**
   * `medium`, which is one of this process, with the waves of recorded channels kept in this journal until each group has
   * handled them. Several media and aethers may share one journal. Close it after them. Throws `AETHER_UNSUPPORTED` for a
   * medium that reaches other processes, and for a journal that is only read.
   */
  over(medium: Medium): Medium {
    this.#log.assertWritable();
    return over(medium, {
      ...{ log: this.#log, directory: this.directory, snapshots: new ViewSnapshots(this) },
      ledger: () => this.#recording(),
      read: (query) => this.read(query),
    });
  }

  /** What recorders share, once it has been read. @internal */
  async #recording(): Promise<Ledger> {
    this.#log.assertOpen();
    this.#ledger ??= new Ledger({
      ...{ log: this.#log, surroundings: this.#surroundings },
      files: this.#options.files,
      clock: this.#options.clock,
      retention: this.#options.retention,
      segmentBytes: this.#options.segmentBytes,
      store: {
        save: (state, position) => this.#save(RECORDER, state, position),
        latest: () => this.#snapshots.latest(RECORDER),
      },
    });
    await this.#ledger.begin();
    return this.#ledger;
  }

  /** Where waves were recorded before, what recorders share is there from the beginning. @internal */
  async resume(): Promise<void> {
    if (this.#log.isRecorded && !this.#log.isReadOnly) {
      await this.#recording();
    }
  }

  /** Stores what waits and lets everything go. Nothing is taken any more. */
  async close(): Promise<void> {
    if (!this.#closed) {
      await this.#ledger?.close();
    }
    this.#closed = true;
    await this.#log.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Who listens, and what is remembered for those who ask later. */
class Notices {
  readonly #listeners: { readonly [E in keyof JournalEvents]: Set<Listener<E>> } = {
    dropped: new Set(),
    full: new Set(),
    failed: new Set(),
    fallback: new Set(),
  };
  #fallbacks: readonly Fallback[] = [];

  get fallbacks(): readonly Fallback[] {
    return this.#fallbacks;
  }

  on<E extends keyof JournalEvents>(event: E, listener: Listener<E>): () => void {
    const listeners = this.#listeners[event];
    if (listeners === undefined) {
      throw expected("event", Object.keys(this.#listeners).join(", "), event);
    }
    if (typeof listener !== "function") {
      throw expected("listener", "a function", listener);
    }
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /** A snapshot was passed over: it is told, and remembered. */
  fellBack(fallback: Fallback): void {
    this.#fallbacks = [...this.#fallbacks, fallback].slice(-MOST_FALLBACKS);
    this.tell("fallback", fallback);
  }

  tell<E extends keyof JournalEvents>(event: E, fact: JournalEvents[E]): void {
    for (const listener of this.#listeners[event]) {
      try {
        listener(fact);
      } catch {
        // Whoever looks on cannot stop what happens.
      }
    }
  }
}

/**
 * Opens the journal in `directory`, or begins one there. All of it is read and checked; what a crash left half written at
 * its end is cut off, and `health().cuts` tells of it. Rejects with `AETHER_JOURNAL_LOCKED` while another one writes there,
 * `AETHER_NO_JOURNAL`, `AETHER_JOURNAL_DAMAGED` (with file and offset), `AETHER_JOURNAL_FAILED` and `AETHER_UNSUPPORTED`;
 * nothing was changed then.
 */
export async function openJournal(directory: string, options: JournalOptions = {}): Promise<Journal> {
  if (typeof directory !== "string" || directory === "" || directory.includes("\0")) {
    throw expected("directory", "the path of a directory", directory);
  }
  const checked = logOptions(options);
  const notices = new Notices();
  const log = await Log.open(directory, checked, {
    dropped: (drop) => notices.tell("dropped", drop),
    full: (error) => notices.tell("full", { error }),
    failed: (error) => notices.tell("failed", { error }),
  });
  const journal = new Journal(directory, log, checked, notices);
  try {
    await journal.resume();
  } catch (error) {
    await log.close();
    throw error;
  }
  return journal;
}
