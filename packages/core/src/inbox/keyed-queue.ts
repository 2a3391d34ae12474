/** The inbox of `order: "key"`: of each key only the oldest item is let into the queue, the rest waits behind it. */

import { BANDS, band } from "../physics/amplitude.ts";
import { AmplitudeQueue, type AmplitudeQueueOptions } from "./amplitude-queue.ts";

/** What a keyed queue needs to know of its items. */
export interface Keyed {
  readonly key: string | undefined;
  readonly amplitude: number;
  readonly bytes: number;
}

/**
 * An amplitude queue in which items of one key come out one at a time and in the order they came in: the next one
 * enters when the last one was released. Items without a key are free. Bounds count those who wait as well.
 */
export class KeyedQueue<T extends Keyed> {
  readonly #queue: AmplitudeQueue<T>;
  readonly #cap: number;
  readonly #capBytes: number;
  /** Who waits behind the one of its key that is out, oldest first. A key is here while one of its items is. */
  readonly #lanes = new Map<string, Set<T>>();
  /** The same items by band, oldest first: who gives way when it is full. */
  readonly #waiting: readonly Set<T>[] = Array.from({ length: BANDS }, () => new Set<T>());
  #waitingCount = 0;
  #waitingBytes = 0;

  constructor(options: AmplitudeQueueOptions) {
    this.#queue = new AmplitudeQueue<T>(options);
    this.#cap = options.cap;
    this.#capBytes = options.capBytes ?? Number.POSITIVE_INFINITY;
  }

  get size(): number {
    return this.#queue.size + this.#waitingCount;
  }

  get bytes(): number {
    return this.#queue.bytes + this.#waitingBytes;
  }

  get full(): boolean {
    return this.size >= this.#cap || this.bytes >= this.#capBytes;
  }

  /** As {@link AmplitudeQueue.push}. */
  push(item: T, a: number, bytes: number): readonly T[] {
    const evicted: T[] = [];
    while (this.size > 0 && (this.size >= this.#cap || this.bytes + bytes > this.#capBytes)) {
      const victim = this.#makeRoom(band(a));
      if (victim === undefined) {
        return [...evicted, item];
      }
      evicted.push(victim);
    }
    if (bytes > this.#capBytes) {
      return [...evicted, item];
    }
    const lane = item.key === undefined ? undefined : this.#lanes.get(item.key);
    if (lane === undefined) {
      if (item.key !== undefined) {
        this.#lanes.set(item.key, new Set());
      }
      this.#queue.push(item, a, bytes);
    } else {
      lane.add(item);
      this.#waiting[band(item.amplitude)]?.add(item);
      this.#waitingCount++;
      this.#waitingBytes += bytes;
    }
    return evicted;
  }

  /** Drops the oldest item of the lowest band, if that is not above `limit`. */
  #makeRoom(limit: number): T | undefined {
    const waiting = this.#waiting.findIndex((items) => items.size > 0);
    const queued = this.#queue.lowest;
    if (waiting >= 0 && (queued < 0 || waiting <= queued)) {
      const [victim] = this.#waiting[waiting] ?? [];
      if (waiting > limit || victim?.key === undefined) {
        return undefined;
      }
      this.#lanes.get(victim.key)?.delete(victim);
      this.#forget(victim);
      return victim;
    }
    if (queued < 0 || queued > limit) {
      return undefined;
    }
    const victim = this.#queue.drop();
    if (victim !== undefined) {
      this.release(victim.key);
    }
    return victim;
  }

  #forget(item: T): void {
    this.#waiting[band(item.amplitude)]?.delete(item);
    this.#waitingCount--;
    this.#waitingBytes -= item.bytes;
  }

  pop(): T | undefined {
    return this.#queue.pop();
  }

  /** The item of `key` that was popped is done: the next one of that key may come. */
  release(key: string | undefined): void {
    const lane = key === undefined ? undefined : this.#lanes.get(key);
    if (key === undefined || lane === undefined) {
      return;
    }
    const [next] = lane;
    if (next === undefined) {
      this.#lanes.delete(key);
      return;
    }
    lane.delete(next);
    this.#forget(next);
    this.#queue.push(next, next.amplitude, next.bytes);
  }

  /** Puts an item back whose key is still held: it goes before those who wait behind it. */
  putBack(item: T): readonly T[] {
    if (item.key === undefined) {
      return this.push(item, item.amplitude, item.bytes);
    }
    return this.#queue.push(item, item.amplitude, item.bytes);
  }
}
