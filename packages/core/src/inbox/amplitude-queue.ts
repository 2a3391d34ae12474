/** The amplitude queue: a bounded inbox in which louder waves go first and the quietest give way. docs/physics.md §1. */

import { expected } from "../errors.ts";
import { BANDS, band } from "../physics/amplitude.ts";
import { Ring } from "./ring.ts";

/** Bounds and order of an {@link AmplitudeQueue}. */
export interface AmplitudeQueueOptions {
  /** Most items, at least 1. */
  readonly cap: number;
  /** Most bytes; default no bound. */
  readonly capBytes?: number | undefined;
  /** How many bands, 1..30; default 8. */
  readonly bands?: number | undefined;
  /** Share of each band in the order of service; default `2^band`. */
  readonly weights?: readonly number[] | undefined;
  /** `"banded"` (default): louder bands more often; `"fifo"`: by arrival, one band. */
  readonly order?: "banded" | "fifo" | undefined;
}

const NONE: readonly never[] = Object.freeze([]);

function weightsOf(bands: number, weights: readonly number[] | undefined): readonly number[] {
  if (weights === undefined) {
    return Array.from({ length: bands }, (_, b) => 2 ** b);
  }
  if (weights.length !== bands || weights.some((weight) => !(Number.isFinite(weight) && weight > 0))) {
    throw expected("weights", `${bands} finite numbers above 0`, weights);
  }
  return weights;
}

/**
 * A bounded queue of one ring per band. Full, it drops the oldest item of the lowest band, or refuses the new one
 * when that is lower still. It is emptied by smooth weighted round robin, so that no band starves.
 */
export class AmplitudeQueue<T> {
  readonly #cap: number;
  readonly #capBytes: number;
  readonly #bands: number;
  readonly #weights: readonly number[];
  readonly #rings: (Ring<T> | undefined)[];
  /** Smooth weighted round robin: what each band is owed. */
  readonly #owed: number[];
  readonly #bandBytes: number[];
  /** Bit b is set while band b holds something. */
  #occupied = 0;
  #size = 0;
  #bytes = 0;

  constructor(options: AmplitudeQueueOptions) {
    const { cap, capBytes = Number.POSITIVE_INFINITY, bands = BANDS, order = "banded" } = options;
    if (!Number.isInteger(cap) || cap < 1) {
      throw expected("cap", "a whole number of at least 1", cap);
    }
    if (!(capBytes >= 1)) {
      throw expected("capBytes", "a number of at least 1", capBytes);
    }
    if (!Number.isInteger(bands) || bands < 1 || bands > 30) {
      throw expected("bands", "a whole number from 1 to 30", bands);
    }
    if (order !== "banded" && order !== "fifo") {
      throw expected("order", '"banded" or "fifo"', order);
    }
    this.#cap = cap;
    this.#capBytes = capBytes;
    this.#bands = order === "fifo" ? 1 : bands;
    this.#weights = weightsOf(this.#bands, order === "fifo" ? undefined : options.weights);
    this.#rings = new Array<Ring<T> | undefined>(this.#bands).fill(undefined);
    this.#owed = new Array<number>(this.#bands).fill(0);
    this.#bandBytes = new Array<number>(this.#bands).fill(0);
  }

  get size(): number {
    return this.#size;
  }

  /** Bytes of everything that is queued. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether the next push may cost something its place. */
  get full(): boolean {
    return this.#size >= this.#cap || this.#bytes >= this.#capBytes;
  }

  /**
   * Queues `item` of amplitude `a` (0..1, checked by the caller) and `bytes`. Returns what had to give way: nothing,
   * waves of the lowest bands, oldest first, or `item` itself.
   */
  push(item: T, a: number, bytes = 0): readonly T[] {
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
      const victim = this.drop();
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

  /** The lowest band that holds something; -1 when it is empty. */
  get lowest(): number {
    return 31 - Math.clz32(this.#occupied & -this.#occupied);
  }

  /** Takes the oldest item of the lowest band out; `undefined` when it is empty. */
  drop(): T | undefined {
    return this.#occupied === 0 ? undefined : this.#shift(this.lowest);
  }

  /** The next item by weighted round robin over the bands; `undefined` when it is empty. */
  pop(): T | undefined {
    const occupied = this.#occupied;
    if (occupied === 0) {
      return undefined;
    }
    return this.#shift((occupied & (occupied - 1)) === 0 ? 31 - Math.clz32(occupied) : this.#turnOf(occupied));
  }

  #turnOf(occupied: number): number {
    let chosen = 0;
    let most = Number.NEGATIVE_INFINITY;
    let total = 0;
    for (let rest = occupied; rest !== 0; rest &= rest - 1) {
      const index = 31 - Math.clz32(rest & -rest);
      const weight = this.#weights[index] ?? 1;
      const owed = (this.#owed[index] ?? 0) + weight;
      this.#owed[index] = owed;
      total += weight;
      if (owed >= most) {
        most = owed;
        chosen = index;
      }
    }
    this.#owed[chosen] = most - total;
    return chosen;
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
      this.#owed[index] = 0;
    }
    return item;
  }
}
