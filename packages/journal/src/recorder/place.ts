/** The place of one group: what it is handed next, what it has in hand, and how far it has come. */

import { type Alarm, type Custody, type Follower, matches, Turns, type Wave } from "@aether/core";
import type { OpenWave, PlaceChange, PlaceFacts } from "./place-facts.ts";
import { type Chunk, IndexCursor, RECORD_BANDS, type WaveIndex } from "./wave-index.ts";

/** One follower of one link. */
export interface Member {
  readonly follower: Follower;
  readonly link: object;
  open: boolean;
  /** The wave of record `sequence`; a promise: it takes a look at the file, which may fail; `undefined`: it is no wave. */
  read(sequence: number): Wave | undefined | Promise<Wave | undefined>;
}

/** What a place works with. */
export interface PlaceParts {
  readonly index: WaveIndex;
  schedule(task: () => void, delayMs: number): Alarm;
  /** Something has changed that is to be kept; resolves when it is. */
  keep(place: Place): Promise<void>;
}

/** A wave that was handed over, or is about to be, and is not done with. */
interface Open {
  readonly sequence: number;
  readonly band: number;
  attempt: number;
  /** Whether the log says, or will say, that it is open. */
  isKept: boolean;
  /** Who has it. */
  member: Member | undefined;
  custody: Custody | undefined;
  alarm: Alarm | undefined;
}

/** How long a wave waits that could not be read, in milliseconds. */
const UNREAD_MS = 500;
/** Waves that may be open at a time: with more, nothing new is begun. */
const MOST_OPEN = 10_000;
const MOST_CHANNELS = 4096;

/** Hands the waves of one pattern to the members of one group, each to one of them at a time. */
export class Place {
  readonly group: string;
  readonly name: string;
  readonly pattern: string;
  readonly #parts: PlaceParts;
  readonly #members: Member[] = [];
  /** The next new wave of each band. */
  readonly #next: readonly IndexCursor[];
  /** The first wave that is not done with, or some wave before it. */
  readonly #low: IndexCursor;
  /** What was given back and is due, by band. */
  readonly #returned: readonly Open[][] = Array.from({ length: RECORD_BANDS }, () => []);
  readonly #turns = new Turns(RECORD_BANDS);
  readonly #open = new Map<number, Open>();
  /** The wave whose turn it is, while it is being read or nobody wants it. */
  #ready: Open | undefined;
  readonly #meant = new Map<string, boolean>();
  /** Opened since the place was kept last, and closed of what was open then. */
  #opened = new Set<number>();
  #closed: number[] = [];
  #handled: number;
  #unopened = 0;
  #turn = 0;
  #isPumping = false;
  #isAwaited = false;
  #isGone = false;

  /** All waves that it has not passed must be in the index, from `chunk` on. */
  constructor(facts: PlaceFacts, chunk: Chunk, parts: PlaceParts) {
    const { group, name, pattern, passed, open, handled } = facts;
    this.group = group;
    this.name = name;
    this.pattern = pattern;
    this.#parts = parts;
    this.#handled = handled;
    this.#next = passed.map((sequence) => IndexCursor.after(sequence, chunk));
    this.#low = IndexCursor.after(lowOf(passed, open), chunk);
    for (const { sequence, band, attempt } of open) {
      const one = { sequence, band, attempt, isKept: true, member: undefined, custody: undefined, alarm: undefined };
      this.#open.set(sequence, one);
      this.#returned[band]?.push(one);
    }
    for (const list of this.#returned) {
      list.sort((a, b) => a.sequence - b.sequence);
    }
    this.#unopened = this.#count();
  }

  /** How many waves wait that were never begun. */
  #count(): number {
    let count = 0;
    for (const [waveBand, cursor] of this.#next.entries()) {
      const walk = cursor.copy();
      for (; walk.peek(waveBand, this.#wants) !== 0; walk.step()) {
        count++;
      }
    }
    return count;
  }

  readonly #wants = (channel: string): boolean => {
    let wanted = this.#meant.get(channel);
    if (wanted === undefined) {
      wanted = matches(this.pattern, channel);
      if (this.#meant.size >= MOST_CHANNELS) {
        this.#meant.clear();
      }
      this.#meant.set(channel, wanted);
    }
    return wanted;
  };

  /** How many waves it has not handled. */
  get pending(): number {
    return this.#unopened + this.#open.size;
  }

  /** Whether it has ended. */
  get isGone(): boolean {
    return this.#isGone;
  }

  get hasMembers(): boolean {
    return this.#members.length > 0;
  }

  /** A wave on `channel` has been added to the index. */
  noticed(channel: string): void {
    if (this.#wants(channel)) {
      this.#unopened++;
      this.pump();
    }
  }

  join(member: Member): void {
    this.#members.push(member);
    this.pump();
  }

  leave(member: Member): void {
    member.open = false;
    const at = this.#members.indexOf(member);
    if (at >= 0) {
      this.#members.splice(at, 1);
    }
  }

  /** A link is gone: its members are, and what they had in hand goes to others. */
  lost(link: object): void {
    for (const member of this.#members.filter((one) => one.link === link)) {
      this.leave(member);
    }
    for (const open of this.#open.values()) {
      if (open.member?.link === link) {
        this.#comesAgain(open, 0);
      }
    }
    this.pump();
  }

  /** Nothing is handed over any more, and nothing is kept. */
  end(): void {
    this.#isGone = true;
    for (const { alarm } of this.#open.values()) {
      alarm?.cancel();
    }
    this.#open.clear();
  }

  /** Hands over what is wanted, outside of whoever's call stack this is. */
  pump(): void {
    if (!this.#isPumping && !this.#isAwaited && this.#members.length > 0) {
      this.#isPumping = true;
      queueMicrotask(() => {
        this.#isPumping = false;
        this.#handOver();
      });
    }
  }

  #handOver(): void {
    while (!this.#isGone && !this.#isAwaited) {
      const member = this.#wanting();
      const open = member && (this.#ready ?? this.#choose());
      if (member === undefined || open === undefined) {
        return;
      }
      this.#ready = open;
      const wave = member.read(open.sequence);
      if (!(wave instanceof Promise)) {
        this.#give(open, wave, member);
        continue;
      }
      this.#isAwaited = true;
      const read = (found: Wave | undefined): void => {
        this.#isAwaited = false;
        const isStill = member.open && member.follower.wanted > 0;
        if (isStill && !this.#isGone) {
          this.#give(open, found, member);
        }
        this.#handOver();
      };
      // A wave that cannot be read now, for the journal is closed or the disk fails, stays where it is; so do those after it.
      wave.then(read, () => {
        const again = (): void => {
          this.#isAwaited = false;
          this.pump();
        };
        this.#parts.schedule(again, UNREAD_MS).hold?.(false);
      });
    }
  }

  #wanting(): Member | undefined {
    for (let i = 0; i < this.#members.length; i++) {
      const member = this.#members[this.#turn++ % this.#members.length];
      if (member?.open === true && member.follower.wanted > 0) {
        return member;
      }
    }
    return undefined;
  }

  /** The wave whose turn it is: louder bands come more often, and what was given back comes before what is new. */
  #choose(): Open | undefined {
    let occupied = 0;
    const mayBegin = this.#open.size < MOST_OPEN;
    for (const [waveBand, cursor] of this.#next.entries()) {
      const waits = (this.#returned[waveBand]?.length ?? 0) > 0;
      if (waits || (mayBegin && cursor.peek(waveBand, this.#wants) !== 0)) {
        occupied |= 1 << waveBand;
      } else {
        this.#turns.emptied(waveBand);
      }
    }
    if (occupied === 0) {
      return undefined;
    }
    const waveBand = this.#turns.next(occupied);
    return this.#returned[waveBand]?.shift() ?? this.#begin(waveBand);
  }

  #begin(waveBand: number): Open | undefined {
    const cursor = this.#next[waveBand];
    const sequence = cursor?.peek(waveBand, this.#wants) ?? 0;
    if (cursor === undefined || sequence === 0) {
      return undefined;
    }
    cursor.step();
    this.#unopened--;
    const open = {
      sequence,
      band: waveBand,
      attempt: 1,
      isKept: false,
      member: undefined,
      custody: undefined,
      alarm: undefined,
    };
    this.#open.set(sequence, open);
    this.#opened.add(sequence);
    return open;
  }

  #give(open: Open, wave: Wave | undefined, member: Member): void {
    this.#ready = undefined;
    if (wave === undefined) {
      this.#close(open).catch(() => undefined);
      member.follower.malformed();
      return;
    }
    const isHeld = (): boolean => open.custody === custody;
    const custody: Custody = {
      attempt: open.attempt,
      done: () => (isHeld() ? this.#close(open) : Promise.resolve()),
      retries: (attempt) => {
        if (isHeld()) {
          open.attempt = attempt;
          this.#opened.add(open.sequence);
          this.#parts.keep(this).catch(() => undefined);
        }
      },
      giveBack: (delayMs = 0) => {
        if (isHeld()) {
          this.#comesAgain(open, delayMs);
        }
      },
    };
    open.custody = custody;
    open.member = member;
    member.follower.take(wave, custody);
  }

  #close(open: Open): Promise<void> {
    open.custody = undefined;
    open.member = undefined;
    this.#opened.delete(open.sequence);
    if (this.#open.delete(open.sequence) && open.isKept) {
      this.#closed.push(open.sequence);
    }
    return this.#isGone ? Promise.resolve() : this.#parts.keep(this);
  }

  #comesAgain(open: Open, delayMs: number): void {
    open.custody = undefined;
    open.member = undefined;
    const due = (): void => {
      open.alarm = undefined;
      if (this.#open.get(open.sequence) === open) {
        this.#returned[open.band]?.push(open);
        this.pump();
      }
    };
    if (delayMs > 0) {
      open.alarm = this.#parts.schedule(due, delayMs);
    } else {
      due();
    }
  }

  /** The follower wants more, or may. */
  wants(): void {
    this.pump();
  }

  // How far it has come.

  #passed(): readonly number[] {
    const { last } = this.#parts.index;
    return this.#next.map((cursor, waveBand) => (cursor.peek(waveBand, this.#wants) || last + 1) - 1);
  }

  #openWaves(sequences: Iterable<number>): readonly OpenWave[] {
    const waves: OpenWave[] = [];
    for (const sequence of sequences) {
      const open = this.#open.get(sequence);
      if (open !== undefined) {
        open.isKept = true;
        waves.push({ sequence, band: open.band, attempt: open.attempt });
      }
    }
    return waves;
  }

  /** Sequence up to which it needs nothing any more; the chunk of the index that it needs first comes along. */
  settle(): { readonly sequence: number; readonly chunk: Chunk; readonly handled: number } {
    let low = Math.min(...this.#passed());
    for (const sequence of this.#open.keys()) {
      low = Math.min(low, sequence - 1);
    }
    for (let here = this.#low.here(); here !== 0 && here <= low; here = this.#low.here()) {
      if (this.#wants(this.#low.chunk.channelAt(this.#low.at))) {
        this.#handled = here;
      }
      this.#low.step();
    }
    return { sequence: low, chunk: this.#low.chunk, handled: this.#handled };
  }

  /** All of it, as it is now. */
  facts(): PlaceFacts {
    const { group, name, pattern } = this;
    const open = this.#openWaves(this.#open.keys());
    return { group, name, pattern, passed: this.#passed(), open, handled: this.settle().handled };
  }

  /** What has changed since the last call. */
  takeChange(): PlaceChange {
    const { group, name } = this;
    const opened = this.#openWaves(this.#opened);
    const closed = this.#closed;
    this.#opened = new Set();
    this.#closed = [];
    return { group, name, passed: this.#passed(), opened, closed, handled: this.settle().handled };
  }

  /** `change` was not kept: it belongs to the next one. */
  putBack({ opened, closed }: PlaceChange): void {
    for (const { sequence } of opened) {
      if (this.#open.has(sequence)) {
        this.#opened.add(sequence);
      }
    }
    this.#closed = [...closed, ...this.#closed];
  }
}

function lowOf(passed: readonly number[], open: readonly OpenWave[]): number {
  return Math.min(...passed, ...open.map(({ sequence }) => sequence - 1));
}
