/** The queue of `order: "strongest"`: what is loudest now comes first, to the last digit. docs/physics.md §1. */

import { band } from "../physics/amplitude.ts";
import { type AmplitudeQueueOptions, queueBounds } from "./queue-bounds.ts";
import { type Ranked, RankHeap } from "./rank-heap.ts";

/** How an item fades while it waits; a wave tells it of itself. */
export interface Fading {
  /** Amplitude with which it arrived, 0..1. */
  readonly arrivalAmplitude: number;
  /** Monotonic milliseconds. */
  readonly arrivedAt: number;
  /** Milliseconds; `Infinity`: it does not fade. */
  readonly halfLifeMs: number;
}

/** An item, its place in the heap of its half-life and its place among all of its band, in the order they came. */
class Entry<T> implements Ranked {
  readonly item: T;
  readonly band: number;
  readonly bytes: number;
  readonly rank: number;
  readonly order: number;
  readonly heap: RankHeap<Entry<T>>;
  at = -1;
  before: Entry<T> | undefined;
  after: Entry<T> | undefined;

  constructor(item: T, index: number, bytes: number, rank: number, order: number, heap: RankHeap<Entry<T>>) {
    this.item = item;
    this.band = index;
    this.bytes = bytes;
    this.rank = rank;
    this.order = order;
    this.heap = heap;
  }
}

/** The entries of one band, the oldest first. */
interface Line<T> {
  first: Entry<T> | undefined;
  last: Entry<T> | undefined;
  bytes: number;
}

/** Half-lives that are told apart. What comes under one more is taken for the nearest of them. */
const MOST_HALF_LIVES = 32;
const NONE: readonly never[] = Object.freeze([]);

/**
 * A bounded queue that gives the item which is loudest now, the newest of equals. Items of one half-life keep their
 * order for ever, for `rank = log2 A + t0/hl` is a constant: they share a heap that is never sorted anew, and of
 * several half-lives the tops of the heaps are compared. O(log n). Full, it does as the banded queue does: the oldest
 * item of the lowest band gives way. Quiet items may starve.
 */
export class StrongestQueue<T> {
  readonly #cap: number;
  readonly #capBytes: number;
  readonly #bands: number;
  readonly #lines: readonly Line<T>[];
  /** By half-life in milliseconds; none of them is empty. */
  readonly #heaps = new Map<number, RankHeap<Entry<T>>>();
  /** What ranks are counted from, lest large times eat their digits: when the first came after it was empty. */
  #base = 0;
  /** The latest time it was told, in monotonic milliseconds. */
  #now = 0;
  #order = 0;
  #size = 0;
  #bytes = 0;

  constructor(options: AmplitudeQueueOptions) {
    const { cap, capBytes, bands } = queueBounds(options);
    this.#cap = cap;
    this.#capBytes = capBytes;
    this.#bands = bands;
    this.#lines = Array.from({ length: bands }, () => ({ first: undefined, last: undefined, bytes: 0 }));
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get full(): boolean {
    return this.#size >= this.#cap || this.#bytes >= this.#capBytes;
  }

  /** As `AmplitudeQueue.push`. Without `fading` the item keeps the amplitude `a`. */
  push(item: T, a: number, bytes = 0, fading?: Fading): readonly T[] {
    const index = band(a, this.#bands);
    let gone: readonly T[] = NONE;
    if (this.#size >= this.#cap || this.#bytes + bytes > this.#capBytes) {
      if (!this.#canMakeRoom(index, bytes)) {
        return [item];
      }
      gone = this.#makeRoom(bytes);
    }
    const at = fading?.arrivedAt ?? this.#now;
    if (this.#size === 0) {
      this.#base = at;
    }
    this.#now = Math.max(this.#now, at);
    const heap = this.#heapOf(fading?.halfLifeMs ?? Number.POSITIVE_INFINITY);
    const rank = Math.log2(fading?.arrivalAmplitude ?? a) + (at - this.#base) / heap.halfLifeMs;
    const entry = new Entry(item, index, bytes, rank, this.#order++, heap);
    heap.push(entry);
    this.#append(entry);
    return gone;
  }

  #heapOf(halfLifeMs: number): RankHeap<Entry<T>> {
    const known = this.#heaps.get(halfLifeMs);
    if (known !== undefined) {
      return known;
    }
    if (this.#heaps.size >= MOST_HALF_LIVES) {
      const distance = (heap: RankHeap<Entry<T>>): number => Math.abs(1 / heap.halfLifeMs - 1 / halfLifeMs);
      return [...this.#heaps.values()].reduce((best, heap) => (distance(heap) < distance(best) ? heap : best));
    }
    const heap = new RankHeap<Entry<T>>(halfLifeMs);
    this.#heaps.set(halfLifeMs, heap);
    return heap;
  }

  /** Whether dropping everything up to band `index` would let `bytes` in: nothing is dropped in vain. */
  #canMakeRoom(index: number, bytes: number): boolean {
    const lower = this.#lines.slice(0, index + 1);
    if (this.#size >= this.#cap && lower.every(({ first }) => first === undefined)) {
      return false;
    }
    return lower.reduce((kept, line) => kept - line.bytes, this.#bytes + bytes) <= this.#capBytes;
  }

  #makeRoom(bytes: number): readonly T[] {
    const gone: T[] = [];
    while (this.#size >= this.#cap || this.#bytes + bytes > this.#capBytes) {
      const oldest = this.#lines.find(({ first }) => first !== undefined)?.first;
      if (oldest === undefined) {
        break;
      }
      this.#leave(oldest);
      gone.push(oldest.item);
    }
    return gone;
  }

  #append(entry: Entry<T>): void {
    this.#size++;
    this.#bytes += entry.bytes;
    const line = this.#lines[entry.band];
    if (line !== undefined) {
      line.bytes += entry.bytes;
      entry.before = line.last;
      if (line.last === undefined) {
        line.first = entry;
      } else {
        line.last.after = entry;
      }
      line.last = entry;
    }
  }

  /** Takes `entry` out of its heap and its line. */
  #leave(entry: Entry<T>): void {
    const { heap, before, after } = entry;
    heap.remove(entry);
    if (heap.size === 0) {
      this.#heaps.delete(heap.halfLifeMs);
    }
    this.#size--;
    this.#bytes -= entry.bytes;
    const line = this.#lines[entry.band];
    if (line !== undefined) {
      line.bytes -= entry.bytes;
      line.first = before === undefined ? after : line.first;
      line.last = after === undefined ? before : line.last;
    }
    if (before !== undefined) {
      before.after = after;
    }
    if (after !== undefined) {
      after.before = before;
    }
    entry.before = undefined;
    entry.after = undefined;
  }

  /** The item that is loudest at `now` (monotonic milliseconds); default: the latest time that it was told. */
  pop(now: number = this.#now): T | undefined {
    this.#now = Math.max(this.#now, now);
    let best: Entry<T> | undefined;
    let bestStrength = 0;
    for (const heap of this.#heaps.values()) {
      const top = heap.first;
      if (top === undefined) {
        continue;
      }
      const strength = top.rank - (this.#now - this.#base) / heap.halfLifeMs;
      if (best === undefined || strength > bestStrength || (strength === bestStrength && top.order > best.order)) {
        best = top;
        bestStrength = strength;
      }
    }
    if (best === undefined) {
      return undefined;
    }
    this.#leave(best);
    return best.item;
  }

  /** Takes everything out, louder bands first, each in the order it came. */
  takeAll(): T[] {
    const all: T[] = [];
    for (const line of this.#lines.toReversed()) {
      for (let { first } = line; first !== undefined; { first } = line) {
        this.#leave(first);
        all.push(first.item);
      }
    }
    return all;
  }
}
