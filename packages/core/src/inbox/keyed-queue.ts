/** The inbox of `order: "key"`: of each key one item is out at a time, and the next is the one that came next. */

import { band } from "../physics/amplitude.ts";
import { type AmplitudeQueueOptions, queueBounds } from "./queue-bounds.ts";
import { Turns } from "./turns.ts";

/** What a keyed queue needs to know of its items. */
export interface Keyed {
  readonly key: string | undefined;
  readonly amplitude: number;
  readonly bytes: number;
}

/** An item's places: among all of its band, among those of its band that may come out, and in its key's lane. */
class Entry<T> {
  readonly item: T;
  readonly band: number;
  readonly bytes: number;
  ready = false;
  readonly links: Record<"all" | "ready" | "lane", { before: Entry<T> | undefined; after: Entry<T> | undefined }> = {
    all: { before: undefined, after: undefined },
    ready: { before: undefined, after: undefined },
    lane: { before: undefined, after: undefined },
  };

  constructor(item: T, index: number, bytes: number) {
    this.item = item;
    this.band = index;
    this.bytes = bytes;
  }
}

/** A list of entries by one of their places: anybody can leave it at once. */
class Line<T> {
  readonly #by: "all" | "ready" | "lane";
  first: Entry<T> | undefined;
  #last: Entry<T> | undefined;

  constructor(by: "all" | "ready" | "lane") {
    this.#by = by;
  }

  append(entry: Entry<T>): void {
    entry.links[this.#by].before = this.#last;
    if (this.#last === undefined) {
      this.first = entry;
    } else {
      this.#last.links[this.#by].after = entry;
    }
    this.#last = entry;
  }

  prepend(entry: Entry<T>): void {
    entry.links[this.#by].after = this.first;
    if (this.first === undefined) {
      this.#last = entry;
    } else {
      this.first.links[this.#by].before = entry;
    }
    this.first = entry;
  }

  remove(entry: Entry<T>): void {
    const { before, after } = entry.links[this.#by];
    if (before === undefined) {
      this.first = after;
    } else {
      before.links[this.#by].after = after;
    }
    if (after === undefined) {
      this.#last = before;
    } else {
      after.links[this.#by].before = before;
    }
    entry.links[this.#by] = { before: undefined, after: undefined };
  }
}

/** The items of one key. It exists while it holds an item or one of its items is out. */
class Lane<T> extends Line<T> {
  /** Whether an item of the key was popped and not released. */
  out = false;

  constructor() {
    super("lane");
  }
}

/**
 * A bounded queue in which items of one key come out one at a time and in the order they came in: the next may come
 * when the last one was released. Items without a key are free. Full, it drops the oldest of the lowest band.
 */
export class KeyedQueue<T extends Keyed> {
  readonly #cap: number;
  readonly #capBytes: number;
  readonly #bands: number;
  readonly #turns: Turns;
  readonly #all: readonly Line<T>[];
  readonly #ready: readonly Line<T>[];
  readonly #bandBytes: number[];
  readonly #lanes = new Map<string, Lane<T>>();
  /** Bit b is set while band b has an item that may come out. */
  #readyBands = 0;
  #readyCount = 0;
  #size = 0;
  #bytes = 0;

  constructor(options: AmplitudeQueueOptions) {
    const { cap, capBytes, bands } = queueBounds(options);
    this.#cap = cap;
    this.#capBytes = capBytes;
    this.#bands = bands;
    this.#turns = new Turns(bands, bands === 1 ? undefined : options.weights);
    this.#all = Array.from({ length: bands }, () => new Line<T>("all"));
    this.#ready = Array.from({ length: bands }, () => new Line<T>("ready"));
    this.#bandBytes = new Array<number>(bands).fill(0);
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** How many wait for another of their key. */
  get blocked(): number {
    return this.#size - this.#readyCount;
  }

  get full(): boolean {
    return this.#size >= this.#cap || this.#bytes >= this.#capBytes;
  }

  /** As `AmplitudeQueue.push`. */
  push(item: T, a: number, bytes: number): readonly T[] {
    const entry = new Entry(item, this.#bands === 1 ? 0 : band(a, this.#bands), bytes);
    return this.#enter(entry, false);
  }

  /** Puts an item back that was popped and not released: it comes before the others of its key. */
  putBack(item: T): readonly T[] {
    const index = this.#bands === 1 ? 0 : band(item.amplitude, this.#bands);
    const gone = this.#enter(new Entry(item, index, item.bytes), true);
    this.release(item.key);
    return gone;
  }

  #enter(entry: Entry<T>, first: boolean): readonly T[] {
    const { item, band: index, bytes } = entry;
    if (!this.#canMakeRoom(index, bytes)) {
      return [item];
    }
    const gone: T[] = [];
    while (this.#size >= this.#cap || this.#bytes + bytes > this.#capBytes) {
      const oldest = this.#all.find((line) => line.first !== undefined)?.first;
      if (oldest === undefined) {
        break;
      }
      this.#leave(oldest);
      gone.push(oldest.item);
    }
    this.#size++;
    this.#bytes += bytes;
    this.#bandBytes[index] = (this.#bandBytes[index] ?? 0) + bytes;
    this.#all[index]?.append(entry);
    if (item.key === undefined) {
      this.#makeReady(entry);
      return gone;
    }
    const lane = this.#lanes.get(item.key) ?? new Lane<T>();
    this.#lanes.set(item.key, lane);
    if (first) {
      lane.prepend(entry);
    } else {
      lane.append(entry);
    }
    this.#advance(lane);
    return gone;
  }

  /** Whether dropping everything up to band `index` would let `bytes` in: nothing is dropped in vain. */
  #canMakeRoom(index: number, bytes: number): boolean {
    if (this.#size >= this.#cap && this.#all.findIndex((line) => line.first !== undefined) > index) {
      return false;
    }
    let kept = this.#bytes + bytes;
    for (let b = 0; b <= index; b++) {
      kept -= this.#bandBytes[b] ?? 0;
    }
    return kept <= this.#capBytes;
  }

  /** Lets the first of `lane` come out, unless one of its key is out. */
  #advance(lane: Lane<T>): void {
    if (!lane.out && lane.first !== undefined && !lane.first.ready) {
      this.#makeReady(lane.first);
    }
  }

  #makeReady(entry: Entry<T>): void {
    entry.ready = true;
    this.#readyCount++;
    this.#ready[entry.band]?.append(entry);
    this.#readyBands |= 1 << entry.band;
  }

  /** Takes `entry` out of all its places; the next of its key moves up. */
  #leave(entry: Entry<T>): void {
    const { item, band: index, bytes } = entry;
    this.#size--;
    this.#bytes -= bytes;
    this.#bandBytes[index] = (this.#bandBytes[index] ?? 0) - bytes;
    this.#all[index]?.remove(entry);
    if (entry.ready) {
      this.#readyCount--;
      const line = this.#ready[index];
      line?.remove(entry);
      if (line?.first === undefined) {
        this.#readyBands &= ~(1 << index);
        this.#turns.emptied(index);
      }
    }
    const lane = item.key === undefined ? undefined : this.#lanes.get(item.key);
    lane?.remove(entry);
    this.#tidy(item.key, lane);
  }

  #tidy(key: string | undefined, lane: Lane<T> | undefined): void {
    if (key !== undefined && lane !== undefined) {
      if (lane.first === undefined && !lane.out) {
        this.#lanes.delete(key);
      } else {
        this.#advance(lane);
      }
    }
  }

  /** The next item that may come out; its key is held until it is released. */
  pop(): T | undefined {
    const entry = this.#readyBands === 0 ? undefined : this.#ready[this.#turns.next(this.#readyBands)]?.first;
    if (entry === undefined) {
      return undefined;
    }
    const { key } = entry.item;
    const lane = key === undefined ? undefined : this.#lanes.get(key);
    if (lane !== undefined) {
      lane.out = true;
    }
    this.#leave(entry);
    return entry.item;
  }

  /** The item of `key` that was popped is done: the next one of that key may come. */
  release(key: string | undefined): void {
    const lane = key === undefined ? undefined : this.#lanes.get(key);
    if (lane !== undefined) {
      lane.out = false;
      this.#tidy(key, lane);
    }
  }

  /** Takes everything out, those that wait for their key included; who is out stays out. */
  takeAll(): T[] {
    const all: T[] = [];
    for (const line of this.#all.toReversed()) {
      for (let { first } = line; first !== undefined; { first } = line) {
        this.#leave(first);
        all.push(first.item);
      }
    }
    return all;
  }
}
