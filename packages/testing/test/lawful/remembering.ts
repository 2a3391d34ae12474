/** A medium with a memory: the in-process one, with the simplest recorder that keeps every guarantee. Tests are its only use. */

import {
  AetherError,
  AmplitudeQueue,
  type Clock,
  type Custody,
  contains,
  coverOf,
  type DeadLetterStore,
  type Follower,
  type Following,
  type From,
  inProcess,
  type Link,
  type Medium,
  type MediumEvents,
  matches,
  type Recorded,
  type RecordedGroup,
  type Recorder,
  type RecordQuery,
  type SnapshotStore,
  systemClock,
  type TailQuery,
  type TailStep,
  Wave,
} from "@aether/core";
import { RememberingLetters } from "./remembering-letters.ts";
import { RememberingSnapshots } from "./remembering-snapshots.ts";

const MOST_LETTERS = 10_000;

/** What a memory keeps of one wave. */
interface Entry {
  /** Its place in the record, from 1. */
  readonly index: number;
  readonly wave: Wave;
  /** Wall-clock milliseconds. */
  readonly at: number;
}

/** One follower of one link. */
interface Member {
  readonly follower: Follower;
  readonly link: object;
  open: boolean;
}

/** The place of one group. */
class Place {
  readonly group: string;
  readonly name: string;
  readonly pattern: string;
  /** Where it began: entries before it were never meant for it. */
  readonly start: number;
  /** What waits, louder bands more often. */
  readonly waiting: AmplitudeQueue<Entry> = new AmplitudeQueue<Entry>({ cap: 2 ** 31 - 1 });
  /** What it has not handled, wherever that is. */
  readonly pending = new Map<number, Entry>();
  /** Who has what in hand. */
  readonly held = new Map<Custody, { readonly entry: Entry; readonly member: Member }>();
  readonly members: Member[] = [];
  #turn = 0;
  #pumping = false;

  constructor(group: string, name: string, pattern: string, start: number) {
    this.group = group;
    this.name = name;
    this.pattern = pattern;
    this.start = start;
  }

  add(entry: Entry): void {
    this.pending.set(entry.index, entry);
    this.waits(entry);
  }

  waits(entry: Entry): void {
    if (this.pending.has(entry.index)) {
      this.waiting.push(entry, entry.wave.amplitude);
      this.pump();
    }
  }

  /** Hands over what is wanted, outside of whoever's call stack this is. */
  pump(): void {
    if (!this.#pumping) {
      this.#pumping = true;
      queueMicrotask(() => {
        this.#pumping = false;
        this.#handOver();
      });
    }
  }

  #handOver(): void {
    for (let member = this.#next(); member !== undefined; member = this.#next()) {
      const entry = this.waiting.pop();
      if (entry === undefined) {
        return;
      }
      const custody = this.#custody(entry);
      this.held.set(custody, { entry, member });
      member.follower.take(entry.wave, custody);
    }
  }

  #next(): Member | undefined {
    for (let i = 0; i < this.members.length; i++) {
      const member = this.members[this.#turn++ % this.members.length];
      if (member?.open === true && member.follower.wanted > 0) {
        return member;
      }
    }
    return undefined;
  }

  #custody(entry: Entry): Custody {
    const custody: Custody = {
      done: async () => {
        if (this.held.delete(custody)) {
          this.pending.delete(entry.index);
        }
      },
      giveBack: (delayMs = 0) => {
        if (this.held.delete(custody)) {
          this.comesAgain(entry, delayMs);
        }
      },
    };
    return custody;
  }

  comesAgain(entry: Entry, delayMs: number): void {
    if (delayMs > 0) {
      this.#schedule(() => this.waits(entry), delayMs);
    } else {
      this.waits(entry);
    }
  }

  #schedule: (task: () => void, delayMs: number) => void = () => undefined;

  /** How it lets time pass. */
  by(schedule: (task: () => void, delayMs: number) => void): this {
    this.#schedule = schedule;
    return this;
  }

  /** Everything that `isLost` says so of is out of hand, and comes again. */
  recover(isLost: (member: Member) => boolean): void {
    for (const [custody, { entry, member }] of this.held) {
      if (isLost(member)) {
        this.held.delete(custody);
        this.waits(entry);
      }
    }
  }
}

/** What all links share. */
class Memory {
  readonly clock: Clock;
  readonly entries: Entry[] = [];
  readonly places = new Map<string, Place>();
  readonly letters = new RememberingLetters(MOST_LETTERS);
  readonly snapshots = new RememberingSnapshots((one, other) => this.compare(one, other));
  /** Called once when something more is kept. */
  readonly #awaiting = new Set<() => void>();
  readonly #ids = new Map<string, number>();
  #cover: readonly string[] = [];

  constructor(clock: Clock) {
    this.clock = clock;
  }

  declare(patterns: readonly string[]): void {
    this.#cover = coverOf([...this.#cover, ...patterns]);
  }

  records(pattern: string): boolean {
    return this.#cover.some((outer) => contains(outer, pattern));
  }

  /** The place of `wave` in the record, and whether it is new. */
  keep(wave: Wave): { readonly index: number; readonly isNew: boolean } {
    const known = this.#ids.get(wave.id);
    if (known !== undefined) {
      return { index: known, isNew: false };
    }
    const index = this.entries.length + 1;
    const init = wave.toInit();
    const kept = Wave.of({ ...init, extras: { ...init.extras, position: String(index), exchange: undefined } });
    const entry = { index, wave: kept, at: this.clock.now() };
    this.#ids.set(wave.id, index);
    this.entries.push(entry);
    for (const place of this.places.values()) {
      if (matches(place.pattern, wave.channel)) {
        place.add(entry);
      }
    }
    for (const wake of [...this.#awaiting]) {
      wake();
    }
    return { index, isNew: true };
  }

  /** Resolves when something more is kept, or `signal` aborts. */
  async more(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        this.#awaiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#awaiting.add(wake);
      signal.addEventListener("abort", wake, { once: true });
    });
  }

  compare(one: string, other: string): number {
    return this.#indexOf(one) - this.#indexOf(other);
  }

  /** The first entry that a tail gives out. */
  firstAfter(position: string | undefined): number {
    const index = position === undefined ? 0 : this.#indexOf(position);
    if (index > this.entries.length) {
      throw new AetherError("AETHER_BAD_POSITION", `Expected a position up to ${this.entries.length}, got ${index}`);
    }
    return index + 1;
  }

  /** The place of a group, which a new one begins at `from`. */
  place({ presence }: Follower, from: From): Place {
    const { group, name, pattern } = presence;
    const identity = `${group}\n${name}`;
    const known = this.places.get(identity);
    if (known !== undefined) {
      return known;
    }
    const schedule = this.clock.schedule?.bind(this.clock) ?? systemClock.schedule?.bind(systemClock);
    const start = this.#startOf(from);
    const place = new Place(String(group), name, pattern, start).by((task, delayMs) => void schedule?.(task, delayMs));
    this.places.set(identity, place);
    for (const entry of this.entries) {
      if (entry.index >= start && matches(pattern, entry.wave.channel)) {
        place.add(entry);
      }
    }
    return place;
  }

  #startOf(from: From): number {
    if (from === "start") {
      return 1;
    }
    if (from === "new") {
      return this.entries.length + 1;
    }
    return "position" in from ? this.#indexOf(from.position) : this.#firstAt(from.time);
  }

  #firstAt(time: Date): number {
    return (this.entries.find(({ at }) => at >= time.getTime()) ?? { index: this.entries.length + 1 }).index;
  }

  #indexOf(position: string): number {
    const index = Number(position);
    if (!Number.isInteger(index) || index < 1) {
      throw new AetherError("AETHER_BAD_OPTION", `Expected a position of this record, got "${position}"`);
    }
    return index;
  }

  *read({ pattern = ">", from, to, minAmplitude = 0 }: RecordQuery): Iterable<Recorded> {
    const first = typeof from === "string" ? this.#indexOf(from) : from === undefined ? 1 : this.#firstAt(from);
    for (const { index, wave, at } of this.entries) {
      const isBehind = typeof to === "string" ? index > this.#indexOf(to) : to !== undefined && at > to.getTime();
      if (index >= first && !isBehind && matches(pattern, wave.channel) && wave.amplitude >= minAmplitude) {
        yield { position: String(index), wave };
      }
    }
  }

  groups(): readonly RecordedGroup[] {
    return [...this.places.values()].map((place) => {
      const { group, name, pattern, pending, start } = place;
      const handled = this.entries.filter(({ index, wave }) => index >= start && matches(pattern, wave.channel));
      const firstOpen = handled.findIndex(({ index }) => pending.has(index));
      const last = firstOpen < 0 ? handled.at(-1) : handled[firstOpen - 1];
      return { group, name, pattern, position: last && String(last.index), pending: pending.size };
    });
  }
}

/** One aether's way to the memory. */
class MemoryRecorder implements Recorder {
  readonly #memory: Memory;
  readonly #link: Link;
  #closed = false;

  constructor(memory: Memory, link: Link) {
    this.#memory = memory;
    this.#link = link;
  }

  get deadLetters(): DeadLetterStore {
    return this.#memory.letters;
  }

  async declare(patterns: readonly string[]): Promise<void> {
    this.#assertOpen();
    this.#memory.declare(patterns);
  }

  records(pattern: string): boolean {
    return this.#memory.records(pattern);
  }

  async record(wave: Wave, _deadline: number): Promise<string> {
    this.#assertOpen();
    const { index, isNew } = this.#memory.keep(wave);
    if (isNew) {
      await this.#link.outlet(wave.channel).propagate(wave);
    }
    return String(index);
  }

  async follow(follower: Follower, from: From): Promise<Following> {
    this.#assertOpen();
    const place = this.#memory.place(follower, from);
    const member: Member = { follower, link: this, open: true };
    place.members.push(member);
    place.pump();
    return {
      wants: () => place.pump(),
      close: async () => {
        member.open = false;
        remove(place.members, member);
      },
    };
  }

  async *read(query: RecordQuery): AsyncGenerator<Recorded> {
    yield* this.#memory.read(query);
  }

  async tail({ patterns, after }: TailQuery, signal: AbortSignal): Promise<AsyncIterable<TailStep>> {
    this.#assertOpen();
    return this.#steps(patterns, this.#memory.firstAfter(after), signal);
  }

  async *#steps(patterns: readonly string[], first: number, signal: AbortSignal): AsyncGenerator<TailStep> {
    const { entries } = this.#memory;
    for (let index = first; !signal.aborted; index++) {
      while (index > entries.length && !signal.aborted) {
        await this.#memory.more(signal);
      }
      const wave = entries[index - 1]?.wave;
      if (wave !== undefined && !signal.aborted) {
        this.#assertOpen();
        const isAsked = patterns.some((pattern) => matches(pattern, wave.channel));
        yield { position: String(index), wave: isAsked ? wave : undefined };
      }
    }
  }

  async end(): Promise<string | undefined> {
    const { length } = this.#memory.entries;
    return length === 0 ? undefined : String(length);
  }

  compare(one: string, other: string): number {
    return this.#memory.compare(one, other);
  }

  get snapshots(): SnapshotStore {
    return this.#memory.snapshots;
  }

  async groups(): Promise<readonly RecordedGroup[]> {
    return this.#memory.groups();
  }

  async drop(group: string, name: string): Promise<void> {
    this.#memory.places.delete(`${group}\n${name}`);
  }

  /** Its followers are gone, and what they had in hand goes to others. */
  close(): void {
    this.#closed = true;
    for (const place of this.#memory.places.values()) {
      for (const member of place.members.filter(({ link }) => link === this)) {
        member.open = false;
        remove(place.members, member);
      }
      place.recover(({ link }) => link === this);
    }
  }

  #assertOpen(): void {
    if (this.#closed) {
      throw new AetherError("AETHER_CLOSED", "Expected an open link, got a closed one");
    }
  }
}

function remove<T>(list: T[], item: T): void {
  const at = list.indexOf(item);
  if (at >= 0) {
    list.splice(at, 1);
  }
}

/** The in-process medium with a memory, in which time passes by `clock`. */
export function remembering(clock: Clock = systemClock, medium: Medium = inProcess()): Medium {
  const memory = new Memory(clock);
  const open = async (events: MediumEvents): Promise<Link> => {
    const inner = await medium.open(events);
    const recorder = new MemoryRecorder(memory, inner);
    return {
      recorder,
      outlet: (channel) => inner.outlet(channel),
      reflect: (reflection) => inner.reflect(reflection),
      resonate: (listener) => inner.resonate(listener),
      room: (channel) => inner.room(channel),
      present: () => inner.present(),
      heard: (channel) => inner.heard(channel),
      close: async () => {
        recorder.close();
        await inner.close();
      },
    };
  };
  return { name: "remembering", traits: { ...medium.traits, durable: true }, open };
}
