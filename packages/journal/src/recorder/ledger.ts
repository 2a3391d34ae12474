/** The ledger of a journal: what all recorders over it share, from what is recorded to the places of groups. */

import {
  type AetherError,
  type Clock,
  contains,
  coverOf,
  type Follower,
  type From,
  type Moment,
  type RecordedGroup,
  type Surroundings,
  type Wave,
} from "@aether/core";
import { ShapedWriter } from "../body/shaped-writer.ts";
import { bodyOf, WaveBodies, writeWave } from "../body/wave-body.ts";
import type { FileSystem } from "../files/file-system.ts";
import type { Log, LogOptions } from "../log/log.ts";
import { KIND, RECORD_HEAD } from "../log/record-format.ts";
import type { RetentionOptions } from "../log/retention.ts";
import { placeOf, positionOf } from "../position.ts";
import { type CheckpointStore, Checkpoints } from "./checkpoints.ts";
import { glanceAt } from "./glance.ts";
import { KnownIds } from "./known-ids.ts";
import { checkpointOf, LedgerState } from "./ledger-state.ts";
import { LetterBook } from "./letter-book.ts";
import { appendJson, isFullLog, OWN } from "./own-records.ts";
import { Place } from "./place.ts";
import { factsFields, identityOf, type PlaceFacts, type PlaceName } from "./place-facts.ts";
import { PlaceWriter } from "./place-writer.ts";
import { StoredRecords } from "./stored-records.ts";
import { type Chunk, RECORD_BANDS, recordBand, WaveIndex } from "./wave-index.ts";

/** What a ledger works with. */
export interface LedgerParts {
  readonly log: Log;
  readonly files: FileSystem;
  readonly clock: LogOptions["clock"];
  readonly retention: RetentionOptions;
  readonly segmentBytes: number;
  readonly surroundings: Surroundings;
  readonly store: CheckpointStore;
  /** A wave was refused: the room that is left is for what the ledger itself remembers. */
  full(error: AetherError): void;
}

/** What became of a wave that was to be recorded. */
export interface Kept {
  readonly position: string;
  /** Whether it was not there before. */
  readonly isNew: boolean;
}

/** A wave that stands in the log now. */
interface Noticed {
  readonly wave: Wave;
  readonly position: string;
  /** Its record, where somebody follows closely. */
  readonly copy: Buffer | undefined;
}

/** A wave that waits for room. */
interface Behind {
  readonly wave: Wave;
  resolve(position: Promise<string>): void;
  reject(error: unknown): void;
}

/** Room that waves leave in a journal with a limit, in segments. */
const LEFT_SEGMENTS = 2;
const MOST_PATTERNS = 10_000;
/** Records that are read in one go before others get their turn. */
const IN_ONE_GO = 5000;

function isKept({ kind }: Wave): boolean {
  return kind === "event" || kind === "broadcast" || kind === "command";
}

/** Everything about recorded waves that the log does not say by itself. */
export class Ledger {
  readonly letters: LetterBook;
  readonly #parts: LedgerParts;
  readonly #log: Log;
  readonly #ids = new KnownIds();
  /** Waves that are being appended, by id. */
  readonly #running = new Map<string, Promise<Kept>>();
  readonly #places = new Map<string, Place>();
  readonly #placing = new Map<string, Promise<Place>>();
  readonly #writer: PlaceWriter;
  readonly #checkpoints: Checkpoints;
  readonly #records: StoredRecords;
  readonly #bodies = new WaveBodies({});
  readonly #shapes = new ShapedWriter();
  readonly #known = new Map<string, boolean>();
  #state = new LedgerState();
  #index: WaveIndex = new WaveIndex(0);
  #indexing: Promise<unknown> = Promise.resolve();
  /** Up to here everything was read when it began; later waves are noticed as they come. */
  #begunAt = Number.POSITIVE_INFINITY;
  /** What was kept while it began: the reading may have ended before it. */
  #meanwhile: Noticed[] = [];
  #segments = 0;
  /** Bytes of waves that are being appended. */
  #onTheirWay = 0;
  #lack: AetherError | undefined;
  /** Waves for which room is being made, in their order. */
  readonly #behind: Behind[] = [];
  #begun: Promise<void> | undefined;
  #closed = false;

  constructor(parts: LedgerParts) {
    const { log, files, clock, retention, store, surroundings } = parts;
    this.#parts = parts;
    this.#log = log;
    this.#records = new StoredRecords(log, files);
    this.letters = new LetterBook({
      ...{ log, clock, surroundings, records: this.#records, bodies: this.#bodies },
      shelf: () => this.#state.letters,
      applied: () => this.#applied(),
    });
    this.#checkpoints = new Checkpoints({
      log,
      retention,
      store,
      state: () => this.#checkpoint(),
      low: () => this.#low(),
      move: (upTo) => this.letters.move(upTo),
    });
    this.#writer = new PlaceWriter({
      log,
      kept: () => this.#applied(),
      checkpoint: () => this.#checkpoints.take(),
    });
  }

  get clock(): Clock {
    return this.#parts.clock;
  }

  /** Reads what was remembered, and the log since. */
  begin(): Promise<void> {
    this.#begun ??= this.#begin();
    return this.#begun;
  }

  async #begin(): Promise<void> {
    const checkpoint = await this.#checkpoints.latest();
    const state = new LedgerState(checkpoint?.state);
    this.#state = state;
    // From here on nothing is deleted that a group has not handled.
    await this.#log.release(0);
    // Whatever was appended before is settled when this is, and is read below. A full log refuses it, and all before it.
    await appendJson(this.#log, OWN.declared, { patterns: [] }).catch((error: unknown) => {
      if (!isFullLog(error)) {
        throw error;
      }
    });
    const covered = checkpoint?.sequence ?? 0;
    const lows = [...state.places.values()].map(({ passed, open }) =>
      Math.min(...passed, ...open.map(({ sequence }) => sequence - 1)),
    );
    const low = lows.length === 0 ? this.#log.lastSequence : Math.min(...lows);
    const idsSince = checkpoint === undefined || state.idsSince > 0 ? state.idsSince : covered + 1;
    this.#index = new WaveIndex(low);
    let read = 0;
    await this.#scan(Math.min(covered + 1, idsSince, low + 1), Number.POSITIVE_INFINITY, (kind, record) => {
      const { buffer, at, end, sequence, check } = record;
      read = sequence;
      if (kind !== KIND.wave) {
        if (sequence > covered) {
          state.apply(kind, buffer, at, end, sequence);
        }
        return;
      }
      const wave = glanceAt(buffer, at, end);
      if (wave?.isKept !== true) {
        return;
      }
      if (sequence >= idsSince) {
        this.#ids.set(wave.id, positionOf(this.#log.epoch, sequence, check), sequence);
      }
      // A place that begins in what is read here begins later than all that others need, or asks for more itself.
      if (sequence > low) {
        this.#index.push(sequence, recordBand(wave.amplitude), wave.channel);
      }
    });
    this.#begunAt = read;
    this.#segments = this.#log.segments.length;
    for (const noticed of this.#meanwhile.splice(0)) {
      this.#noticed(noticed);
    }
    for (const facts of state.places.values()) {
      const from = Math.min(...facts.passed, ...facts.open.map(({ sequence }) => sequence - 1));
      const chunk = await this.#indexFrom(from);
      this.#places.set(identityOf(facts), this.#placeOf(facts, chunk));
    }
    state.places.clear();
    if (checkpoint === undefined) {
      await this.#checkpoints.take();
    }
  }

  /** Reads records from sequence `first` up to `last`. */
  async #scan(
    first: number,
    last: number,
    visit: (kind: number, record: { buffer: Buffer; at: number; end: number; sequence: number; check: number }) => void,
  ): Promise<void> {
    const reader = this.#log.reader((mark) => mark.sequence < first);
    if (reader === undefined) {
      return;
    }
    try {
      for (let count = 0; ; ) {
        if (!reader.step()) {
          if (!(await reader.load())) {
            return;
          }
          continue;
        }
        const { sequence, check, window, at, length } = reader;
        if (sequence > last) {
          return;
        }
        visit(reader.kind, { buffer: window, at: at + RECORD_HEAD, end: at + length, sequence, check });
        if (++count % IN_ONE_GO === 0) {
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
    } finally {
      await reader.close();
    }
  }

  #placeOf(facts: PlaceFacts, chunk: Chunk): Place {
    return new Place(facts, chunk, {
      index: this.#index,
      schedule: (task, delayMs) => this.#parts.clock.schedule(task, delayMs),
      keep: (place) => this.#writer.keep(place),
    });
  }

  /** Waves after `sequence` are in the index: where they begin there, or before that. */
  #indexFrom(sequence: number): Promise<Chunk> {
    const run = this.#indexing.then(async () => {
      const until = this.#index.head;
      if (until.floor <= sequence + 1) {
        return until;
      }
      const earlier = new WaveIndex(sequence);
      await this.#scan(sequence + 1, until.floor - 1, (kind, { buffer, at, end, sequence: its }) => {
        const wave = kind === KIND.wave ? glanceAt(buffer, at, end) : undefined;
        if (wave?.isKept === true) {
          earlier.push(its, recordBand(wave.amplitude), wave.channel);
        }
      });
      this.#index.prepend(earlier, until);
      return earlier.head;
    });
    this.#indexing = run.catch(() => undefined);
    return run;
  }

  /** A record of the ledger itself was kept, and what it says holds. */
  #applied(): void {
    if (this.#begunAt !== Number.POSITIVE_INFINITY && !this.#closed) {
      this.#checkpoints.advance();
    }
  }

  // What is recorded.

  async declare(patterns: readonly string[]): Promise<void> {
    const missing = patterns.filter((pattern) => !this.records(pattern));
    if (missing.length > 0) {
      await appendJson(this.#log, OWN.declared, { patterns: missing });
      this.#state.cover = coverOf([...this.#state.cover, ...missing]);
      this.#known.clear();
      this.#applied();
    }
  }

  records(pattern: string): boolean {
    let known = this.#known.get(pattern);
    if (known === undefined) {
      known = this.#state.cover.some((outer) => contains(outer, pattern));
      if (this.#known.size >= MOST_PATTERNS) {
        this.#known.clear();
      }
      this.#known.set(pattern, known);
    }
    return known;
  }

  // Waves.

  /** Keeps `wave`, unless one of its id was kept lately. */
  record(wave: Wave): Promise<Kept> {
    const { id } = wave;
    const position = this.#ids.get(id);
    if (position !== undefined) {
      return Promise.resolve({ position, isNew: false });
    }
    const running = this.#running.get(id);
    if (running !== undefined) {
      return running.then((kept) => ({ ...kept, isNew: false }));
    }
    const kept = this.append(wave).then(
      (at) => {
        this.#running.delete(id);
        return { position: at, isNew: true };
      },
      (error: unknown) => {
        this.#running.delete(id);
        throw error;
      },
    );
    this.#running.set(id, kept);
    return kept;
  }

  /**
   * Appends `wave`, whatever was before. Resolves to its position. Waves leave some room to the ledger itself: without it
   * nothing could be handled any more that would make room.
   */
  append(wave: Wave): Promise<string> {
    return this.#behind.length === 0 && this.#hasRoom ? this.#append(wave) : this.#appendBehind(wave);
  }

  /** Once there is room, and after all that wait for it already. */
  #appendBehind(wave: Wave): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#behind.push({ wave, resolve, reject });
      if (this.#behind.length === 1) {
        void this.#letIn();
      }
    });
  }

  /** Those who wait take the room that there is one after the other; when none can be made, all of them are refused. */
  async #letIn(): Promise<void> {
    const behind = this.#behind;
    while (behind.length > 0) {
      try {
        await this.#makeRoom();
      } catch (error) {
        for (const { reject } of behind.splice(0)) {
          reject(error);
        }
        return;
      }
      for (let next = behind[0]; next !== undefined && this.#hasRoom; next = behind[0]) {
        behind.shift();
        next.resolve(this.#append(next.wave));
      }
    }
  }

  /** Why the last wave was refused for want of room; `undefined`: it was not, or there is room by now. */
  get lack(): AetherError | undefined {
    return this.#hasRoom ? undefined : this.#lack;
  }

  get #hasRoom(): boolean {
    const { retention, segmentBytes } = this.#parts;
    const { maxBytes = Number.POSITIVE_INFINITY } = retention;
    const most = maxBytes - LEFT_SEGMENTS * segmentBytes;
    return most === Number.POSITIVE_INFINITY || this.#log.bytes + this.#onTheirWay <= most;
  }

  /** Throws `AETHER_JOURNAL_FULL` when there is none to be made. */
  async #makeRoom(): Promise<void> {
    const { segmentBytes, full } = this.#parts;
    try {
      await this.#checkpoints.settled();
      await this.#log.enforce((LEFT_SEGMENTS + 1) * segmentBytes + this.#onTheirWay);
      this.#lack = undefined;
    } catch (error) {
      if (isFullLog(error)) {
        this.#lack = error;
        full(error);
      }
      throw error;
    }
  }

  #append(wave: Wave): Promise<string> {
    let copy: Buffer | undefined;
    let bytes = 0;
    const { log } = this.#parts;
    try {
      const age = wave.age + Math.max(0, wave.surroundings.clock.monotonic() - wave.arrivedAt);
      const body = bodyOf(wave, this.#shapes);
      const appended = log.append(KIND.wave, body.most, (slab) => {
        const start = slab.length;
        writeWave(slab, body, age);
        bytes = RECORD_HEAD + slab.length - start;
        copy = this.#isFollowed ? Buffer.from(slab.buffer.subarray(start, slab.length)) : undefined;
      });
      this.#onTheirWay += bytes;
      return appended.then(
        (position) => {
          this.#onTheirWay -= bytes;
          this.#noticed({ wave, position, copy });
          return position;
        },
        (error: unknown) => {
          this.#onTheirWay -= bytes;
          throw error;
        },
      );
    } catch (error) {
      return Promise.reject(error);
    }
  }

  get #isFollowed(): boolean {
    for (const place of this.#places.values()) {
      if (place.hasMembers) {
        return true;
      }
    }
    return false;
  }

  /** `wave` stands in the log at `position`. */
  #noticed(noticed: Noticed): void {
    const { wave, position, copy } = noticed;
    const { sequence } = placeOf(position);
    if (this.#begunAt === Number.POSITIVE_INFINITY) {
      this.#meanwhile.push(noticed);
      return;
    }
    if (sequence <= this.#begunAt || !isKept(wave)) {
      return;
    }
    const { id, channel, amplitude } = wave;
    this.#ids.set(id, position, sequence);
    this.#index.push(sequence, recordBand(amplitude), channel);
    if (copy !== undefined) {
      this.#records.remember(sequence, { buffer: copy, at: 0, end: copy.length, position });
    }
    for (const place of this.#places.values()) {
      place.noticed(channel);
    }
    if (this.#log.segments.length !== this.#segments) {
      this.#segments = this.#log.segments.length;
      this.#checkpoints.takeSoon();
    }
  }

  /** The wave of record `sequence`, as it arrives at `moment`. */
  read(sequence: number, moment: () => Moment): Wave | undefined | Promise<Wave | undefined> {
    const found = this.#records.inMemory(sequence);
    if (found !== undefined) {
      return this.#decode(found, moment());
    }
    return this.#records.load(sequence).then((record) => record && this.#decode(record, moment()));
  }

  #decode(
    { buffer, at, end, position }: { buffer: Buffer; at: number; end: number; position: string },
    moment: Moment,
  ): Wave | undefined {
    return this.#bodies.read(buffer, at, end, moment, { position }) ?? undefined;
  }

  // Places.

  /** The place of a group, which a new one begins at `from`. */
  place({ presence }: Follower, from: From): Promise<Place> {
    const name = { group: String(presence.group), name: presence.name };
    const identity = identityOf(name);
    const run = this.#placing.get(identity) ?? this.#findPlace(identity, name, presence.pattern, from);
    this.#placing.set(identity, run);
    const over = (): void => void (this.#placing.get(identity) === run && this.#placing.delete(identity));
    run.then(over, over);
    return run;
  }

  async #findPlace(identity: string, name: PlaceName, pattern: string, from: From): Promise<Place> {
    const known = this.#places.get(identity);
    if (known !== undefined && known.pattern === pattern) {
      return known;
    }
    const start = known === undefined ? await this.#startOf(from) : 0;
    // One whose pattern has changed goes on where it was, with what is meant for it now.
    const facts = known?.facts() ?? { passed: new Array<number>(RECORD_BANDS).fill(start), open: [], handled: 0 };
    const chunk = await this.#indexFrom(Math.min(...facts.passed, ...facts.open.map(({ sequence }) => sequence - 1)));
    const whole = { ...facts, ...name, pattern };
    const place = this.#placeOf(whole, chunk);
    known?.end();
    this.#places.set(identity, place);
    try {
      await appendJson(this.#log, OWN.place, factsFields(whole));
      this.#applied();
    } catch (error) {
      this.#places.delete(identity);
      throw error;
    }
    return place;
  }

  /** Sequence after which a place begins. */
  async #startOf(from: From): Promise<number> {
    if (from === "start") {
      return 0;
    }
    if (from === "new") {
      return this.#log.lastSequence;
    }
    if ("position" in from) {
      return (await this.#log.locate(from.position)).sequence - 1;
    }
    return (await this.#firstAt(from.time.getTime())) - 1;
  }

  /** Sequence of the first record of `time` or later, or of the next one. */
  async #firstAt(time: number): Promise<number> {
    const reader = this.#log.reader((mark) => mark.time < time);
    try {
      while (reader !== undefined && !reader.step()) {
        if (!(await reader.load())) {
          return this.#log.lastSequence + 1;
        }
      }
      return reader?.sequence ?? this.#log.lastSequence + 1;
    } finally {
      await reader?.close();
    }
  }

  async groups(): Promise<readonly RecordedGroup[]> {
    const groups: RecordedGroup[] = [];
    for (const place of [...this.#places.values()]) {
      const { group, name, pattern, pending } = place;
      const { handled } = place.settle();
      const record = handled === 0 ? undefined : await this.#records.load(handled);
      groups.push({ group, name, pattern, position: record?.position, pending });
    }
    return groups;
  }

  async drop(group: string, name: string): Promise<void> {
    const identity = identityOf({ group, name });
    const place = this.#places.get(identity);
    if (place !== undefined) {
      place.end();
      this.#places.delete(identity);
      await appendJson(this.#log, OWN.place, { group, name, gone: true });
      this.#applied();
    }
  }

  /** A link is gone. */
  async lost(link: object): Promise<void> {
    for (const place of this.#places.values()) {
      place.lost(link);
    }
    await this.#writer.flush();
  }

  // What is kept, and what may go.

  #checkpoint(): unknown {
    const places = [...this.#places.values()].map((place) => place.facts());
    return checkpointOf(this.#state.cover, places, this.#state.letters, this.#ids.since);
  }

  /** Sequence up to which no group needs anything; `undefined`: there is no group. What nobody needs leaves the index. */
  #low(): number | undefined {
    let low: number | undefined;
    let chunk = this.#index.tail;
    for (const place of this.#places.values()) {
      const settled = place.settle();
      if (low === undefined || settled.sequence < low) {
        low = settled.sequence;
        chunk = settled.chunk;
      }
    }
    this.#index.keepFrom(chunk);
    return low;
  }

  /** Somebody else needs nothing up to `sequence` any more. */
  async release(sequence: number): Promise<void> {
    this.#checkpoints.release(sequence);
    await this.#checkpoints.settled();
  }

  /** Keeps everything that has changed. */
  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      await this.#begun?.catch(() => undefined);
      await this.#writer.flush();
      await this.#checkpoints.close();
    }
  }
}
