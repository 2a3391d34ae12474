/** Waves out of a log, one by one, as somebody asks for them: no more is in memory than a window of the file. */

import { type Clock, DEFAULT_PHYSICS, type Moment, type Surroundings, type Wave } from "@aether/core";
import { WaveBodies, type WaveFilter } from "./body/wave-body.ts";
import { damaged } from "./failures.ts";
import type { LogReader } from "./log/log-reader.ts";
import { KIND, RECORD_HEAD } from "./log/record-format.ts";
import { positionOf } from "./position.ts";

/** One wave of a journal. */
export interface JournalEntry {
  readonly position: string;
  /** It is as old as it was when it was appended. */
  readonly wave: Wave;
  /** When it was appended: milliseconds since 1970. */
  readonly appendedAt: number;
}

/** A wave with its place, which is put into words when somebody asks. */
class Entry {
  readonly #epoch: string;
  readonly #sequence: number;
  readonly #check: number;
  readonly appendedAt: number;

  constructor(epoch: string, sequence: number, check: number, appendedAt: number) {
    this.#epoch = epoch;
    this.#sequence = sequence;
    this.#check = check;
    this.appendedAt = appendedAt;
  }

  get position(): string {
    return positionOf(this.#epoch, this.#sequence, this.#check);
  }
}

/** An entry that has its wave: the wave knows its entry, and so comes second. */
class FullEntry extends Entry implements JournalEntry {
  #wave: Wave | undefined;

  get wave(): Wave {
    if (this.#wave === undefined) {
      throw new TypeError("Expected an entry with its wave");
    }
    return this.#wave;
  }

  /** What people see of it in `JSON.stringify`. */
  toJSON(): JournalEntry {
    const { position, wave, appendedAt } = this;
    return { position, wave, appendedAt };
  }

  /** This entry, with `wave` for good. */
  with(wave: Wave): this {
    this.#wave = wave;
    return this;
  }
}

Object.defineProperty(FullEntry.prototype, Symbol.for("nodejs.util.inspect.custom"), {
  value(this: FullEntry): unknown {
    return this.toJSON();
  },
});

/** The laws that waves out of a journal fade by, until a medium gives them its own. */
export function surroundingsOf(clock: Clock): Surroundings {
  const { perHop, minAmplitude, maxLifetimeMs } = DEFAULT_PHYSICS;
  return { clock, perHop, minAmplitude, maxLifetimeMs, wallOffsetMs: clock.now() - clock.monotonic() };
}

/** What a reading needs to know. */
export interface WaveReadingParts {
  readonly epoch: string;
  readonly directory: string;
  readonly surroundings: Surroundings;
  readonly filter: WaveFilter;
  /** Where it ends: after this sequence, and after this time. */
  readonly lastSequence: number;
  readonly lastTime: number;
  /** Opens the reader at the first use; `undefined`: there is nothing. */
  open(): Promise<LogReader | undefined>;
}

const DONE: IteratorResult<JournalEntry, undefined> = { done: true, value: undefined };

/** An iterator by hand: a generator would cost more for each wave than the wave. */
export class WaveReading implements AsyncIterableIterator<JournalEntry, undefined> {
  readonly #parts: WaveReadingParts;
  readonly #bodies: WaveBodies;
  #reader: LogReader | undefined;
  #moment: Moment | undefined;
  #done = false;
  /** The last call of {@link next}: those who call before it ends wait for it. */
  #running: Promise<unknown> | undefined;

  constructor(parts: WaveReadingParts) {
    this.#parts = parts;
    this.#bodies = new WaveBodies(parts.filter);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<JournalEntry, undefined>> {
    if (this.#running !== undefined) {
      return this.#track(this.#running.then(() => this.#advance() ?? this.#load()));
    }
    return this.#advance() ?? this.#track(this.#load());
  }

  /** What can be said at once; `undefined`: it takes a look at the file. */
  #advance(): Promise<IteratorResult<JournalEntry, undefined>> | undefined {
    if (this.#done) {
      return this.#end().then(() => DONE);
    }
    try {
      const entry = this.#inMemory();
      return entry === undefined ? undefined : Promise.resolve({ done: false, value: entry });
    } catch (error) {
      return this.#end().then(() => Promise.reject(error));
    }
  }

  #track(run: Promise<IteratorResult<JournalEntry, undefined>>): Promise<IteratorResult<JournalEntry, undefined>> {
    const over = (): void => {
      if (this.#running === settled) {
        this.#running = undefined;
      }
    };
    const settled: Promise<void> = run.then(over, over);
    this.#running = settled;
    return run;
  }

  async #load(): Promise<IteratorResult<JournalEntry, undefined>> {
    try {
      while (!this.#done) {
        this.#reader ??= await this.#parts.open();
        const { surroundings } = this.#parts;
        this.#moment = { at: surroundings.clock.monotonic(), surroundings };
        if (this.#reader === undefined || !(await this.#reader.load())) {
          break;
        }
        const entry = this.#inMemory();
        if (entry !== undefined) {
          return { done: false, value: entry };
        }
      }
    } catch (error) {
      await this.#end();
      throw error;
    }
    await this.#end();
    return DONE;
  }

  /** The next wave that is wanted, as far as it is in memory. */
  #inMemory(): FullEntry | undefined {
    const reader = this.#reader;
    const moment = this.#moment;
    if (reader === undefined || moment === undefined) {
      return undefined;
    }
    const { epoch, lastSequence, lastTime } = this.#parts;
    while (reader.step()) {
      const { sequence, time } = reader;
      if (sequence > lastSequence || time > lastTime) {
        this.#done = true;
        return undefined;
      }
      if (reader.kind !== KIND.wave) {
        continue;
      }
      const { at } = reader;
      const entry = new FullEntry(epoch, sequence, reader.check, time);
      const wave = this.#bodies.read(reader.window, at + RECORD_HEAD, at + reader.length, moment, entry);
      if (wave === null) {
        const what = `a wave that this version cannot read (${entry.position})`;
        throw damaged({ file: this.#parts.directory, offset: at, what });
      }
      if (wave !== undefined) {
        return entry.with(wave);
      }
    }
    return undefined;
  }

  async #end(): Promise<void> {
    this.#done = true;
    await this.#reader?.close();
    this.#reader = undefined;
  }

  async return(): Promise<IteratorResult<JournalEntry, undefined>> {
    await this.#running;
    await this.#end();
    return DONE;
  }
}
