/** The amplitude queue: a bounded inbox in which louder waves go first and the quietest give way. docs/physics.md §1. */

import { expected } from "../errors.ts";
import { band } from "../physics/amplitude.ts";
import { type AmplitudeQueueOptions, queueBounds } from "./queue-bounds.ts";
import { Ring } from "./ring.ts";
import { type Fading, StrongestQueue } from "./strongest-queue.ts";
import { Turns } from "./turns.ts";

const NONE: readonly never[] = Object.freeze([]);

/**
 * A bounded queue of one ring per band. Full, it drops the oldest item of the lowest band, or refuses the new one
 * when that is lower still. It is emptied by smooth weighted round robin, so that no band starves; with
 * `order: "strongest"` by loudness alone.
 */
export class AmplitudeQueue<T> {
  readonly #cap: number;
  readonly #capBytes: number;
  readonly #bands: number;
  readonly #turns: Turns;
  readonly #rings: (Ring<T> | undefined)[];
  readonly #bandBytes: number[];
  /** What does the work with `order: "strongest"`. */
  readonly #strongest: StrongestQueue<T> | undefined;
  /** Bit b is set while band b holds something. */
  #occupied = 0;
  #size = 0;
  #bytes = 0;

  constructor(options: AmplitudeQueueOptions) {
    const { cap, capBytes, bands } = queueBounds(options);
    this.#cap = cap;
    this.#capBytes = capBytes;
    this.#bands = bands;
    this.#turns = new Turns(bands, bands === 1 ? undefined : options.weights);
    this.#rings = new Array<Ring<T> | undefined>(bands).fill(undefined);
    this.#bandBytes = new Array<number>(bands).fill(0);
    this.#strongest = options.order === "strongest" ? new StrongestQueue<T>(options) : undefined;
  }

  get size(): number {
    return this.#strongest?.size ?? this.#size;
  }

  /** Bytes of everything that is queued. */
  get bytes(): number {
    return this.#strongest?.bytes ?? this.#bytes;
  }

  /** Whether the next push may cost something its place. */
  get full(): boolean {
    return this.#strongest?.full ?? (this.#size >= this.#cap || this.#bytes >= this.#capBytes);
  }

  /**
   * Queues `item` of amplitude `a` (0..1) and `bytes`. Returns what had to give way: nothing,
   * waves of the lowest bands, oldest first, or `item` itself. `fading` says how it fades while it waits, which only
   * `order: "strongest"` asks. Throws `AETHER_BAD_OPTION` for an amplitude that is none.
   */
  push(item: T, a: number, bytes = 0, fading?: Fading): readonly T[] {
    if (!(a >= 0 && a <= 1)) {
      throw expected("a", "an amplitude from 0 to 1", a);
    }
    if (this.#strongest !== undefined) {
      return this.#strongest.push(item, a, bytes, fading);
    }
    const index = this.#bands === 1 ? 0 : band(a, this.#bands);
    if (this.#size < this.#cap && this.#bytes + bytes <= this.#capBytes) {
      this.#put(item, index, bytes);
      return NONE;
    }
    return this.#pushFull(item, index, bytes);
  }

  #put(item: T, index: number, bytes: number): void {
    let ring = this.#rings[index];
    if (ring === undefined) {
      ring = new Ring<T>();
      this.#rings[index] = ring;
    }
    ring.push(item, bytes);
    this.#occupied |= 1 << index;
    this.#size++;
    this.#bytes += bytes;
    this.#bandBytes[index] = (this.#bandBytes[index] ?? 0) + bytes;
  }

  #pushFull(item: T, index: number, bytes: number): readonly T[] {
    if (!this.#canMakeRoom(index, bytes)) {
      return [item];
    }
    const evicted: T[] = [];
    while (this.#size >= this.#cap || this.#bytes + bytes > this.#capBytes) {
      const victim = this.#shift(31 - Math.clz32(this.#occupied & -this.#occupied));
      if (victim !== undefined) {
        evicted.push(victim);
      }
    }
    this.#put(item, index, bytes);
    return evicted;
  }

  /** Whether dropping everything up to band `index` would let `bytes` in: nothing is dropped in vain. */
  #canMakeRoom(index: number, bytes: number): boolean {
    if (this.#size >= this.#cap && (this.#occupied & ((2 << index) - 1)) === 0) {
      return false;
    }
    let kept = this.#bytes + bytes;
    for (let b = 0; b <= index; b++) {
      kept -= this.#bandBytes[b] ?? 0;
    }
    return kept <= this.#capBytes;
  }

  /**
   * The next item; `undefined` when it is empty. `now` is in monotonic milliseconds; only `order: "strongest"` asks for
   * it, where items of several half-lives are compared. What has faded comes out too: whoever takes it looks, and counts.
   */
  pop(now?: number): T | undefined {
    if (this.#strongest !== undefined) {
      return this.#strongest.pop(now);
    }
    return this.#occupied === 0 ? undefined : this.#shift(this.#turns.next(this.#occupied));
  }

  /** Takes everything out, louder bands first. */
  takeAll(): T[] {
    if (this.#strongest !== undefined) {
      return this.#strongest.takeAll();
    }
    const all: T[] = [];
    while (this.#occupied !== 0) {
      const item = this.#shift(31 - Math.clz32(this.#occupied));
      if (item !== undefined) {
        all.push(item);
      }
    }
    return all;
  }

  #shift(index: number): T | undefined {
    const ring = this.#rings[index];
    if (ring === undefined) {
      return undefined;
    }
    const bytes = ring.headBytes;
    const item = ring.shift();
    this.#size--;
    this.#bytes -= bytes;
    this.#bandBytes[index] = (this.#bandBytes[index] ?? 0) - bytes;
    if (ring.count === 0) {
      this.#occupied &= ~(1 << index);
      this.#turns.emptied(index);
    }
    return item;
  }
}
