/** The inbox of one resonance: what waits there in the order that was asked for, and whether it is getting crowded. */

import { AmplitudeQueue } from "./amplitude-queue.ts";
import { type Keyed, KeyedQueue } from "./keyed-queue.ts";
import type { AmplitudeQueueOptions } from "./queue-bounds.ts";
import type { Fading } from "./strongest-queue.ts";

/** Bounds and order of an inbox. */
export interface InboxSettings {
  readonly capacity: number;
  readonly bytes: number;
  readonly order: "banded" | "fifo" | "key" | "strongest";
}

/** Half of what an inbox may hold: with more in it, it is crowded; with as much, nothing has to give way yet. */
export function halfOf({ capacity, bytes }: InboxSettings): { readonly items: number; readonly bytes: number } {
  return { items: capacity >> 1, bytes: Math.floor(bytes / 2) };
}

/** What an inbox needs of its queue. */
interface Queue<T> {
  readonly size: number;
  readonly bytes: number;
  readonly full: boolean;
  push(item: T, a: number, bytes: number, fading: Fading): readonly T[];
  pop(now: number): T | undefined;
  takeAll(): T[];
}

/** A queue with bounds, which knows when it is over half full and who waits for room in it. */
export class Inbox<T extends Keyed & Fading> {
  readonly #queue: Queue<T>;
  /** The queue, where it is one of `order: "key"`. */
  readonly #keyed: KeyedQueue<T> | undefined;
  readonly #halfItems: number;
  readonly #halfBytes: number;
  #crowded = false;
  #roomWaiters: (() => void)[] | undefined;

  /** Without `banded` the loud and the quiet are equal, whatever the order. */
  constructor(settings: InboxSettings, banded: boolean) {
    const { capacity, bytes, order } = settings;
    const options: AmplitudeQueueOptions = {
      cap: capacity,
      capBytes: bytes,
      order: order === "fifo" || !banded ? "fifo" : order === "strongest" ? "strongest" : "banded",
    };
    this.#keyed = order === "key" ? new KeyedQueue<T>(options) : undefined;
    this.#queue = this.#keyed ?? new AmplitudeQueue<T>(options);
    const half = halfOf(settings);
    this.#halfItems = half.items;
    this.#halfBytes = half.bytes;
  }

  get size(): number {
    return this.#queue.size;
  }

  get bytes(): number {
    return this.#queue.bytes;
  }

  /** How many wait for another of their key. */
  get blocked(): number {
    return this.#keyed?.blocked ?? 0;
  }

  get full(): boolean {
    return this.#queue.full;
  }

  /** As `AmplitudeQueue.push`. */
  push(item: T): readonly T[] {
    return this.#queue.push(item, item.amplitude, item.bytes, item);
  }

  /** The next item at `now` (monotonic milliseconds). Of `order: "key"`, its key is held until it is released. */
  pop(now: number): T | undefined {
    const item = this.#queue.pop(now);
    if (this.#roomWaiters !== undefined && item !== undefined) {
      this.#tellRoom();
    }
    return item;
  }

  /** Puts an item back that was popped and not released. Returns what had to give way. */
  putBack(item: T): readonly T[] {
    return this.#keyed?.putBack(item) ?? this.push(item);
  }

  /** An item that was popped is done with: the next one of its key may come. */
  release(item: T): void {
    this.#keyed?.release(item.key);
  }

  /** Takes everything out. */
  takeAll(): T[] {
    const all = this.#queue.takeAll();
    this.#tellRoom();
    return all;
  }

  get overHalf(): boolean {
    return this.#queue.size > this.#halfItems || this.#queue.bytes > this.#halfBytes;
  }

  /** Whether it was over half full, and has not eased off since. */
  get crowded(): boolean {
    return this.#crowded;
  }

  /** Notes that it is over half full; true when that is news. */
  crowd(): boolean {
    const isNews = !this.#crowded;
    this.#crowded = true;
    return isNews;
  }

  /** True when it ceases to be crowded: well below the half, not at it, lest it goes to and fro. */
  easeOff(): boolean {
    if (this.#queue.size * 2 > this.#halfItems || this.#queue.bytes * 2 > this.#halfBytes) {
      return false;
    }
    this.#crowded = false;
    return true;
  }

  /** Resolves when it has room. */
  room(): Promise<void> {
    if (!this.full) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#roomWaiters ??= [];
      this.#roomWaiters.push(resolve);
    });
  }

  #tellRoom(): void {
    const waiters = this.#roomWaiters;
    this.#roomWaiters = undefined;
    for (const resolve of waiters ?? []) {
      resolve();
    }
  }
}
