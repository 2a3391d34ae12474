/** A heap of what fades with one half-life: the highest rank on top, and anybody can leave from anywhere. */

/** What stands in a {@link RankHeap}. */
export interface Ranked {
  /** Its amplitude and time of arrival as one number, higher is louder: a constant. */
  readonly rank: number;
  /** Of equal ranks the one of higher order goes first. */
  readonly order: number;
  /** Its place in the heap, which the heap keeps. */
  at: number;
}

/** A binary heap: O(log n) to enter and to leave. */
export class RankHeap<E extends Ranked> {
  readonly halfLifeMs: number;
  readonly #entries: E[] = [];

  constructor(halfLifeMs: number) {
    this.halfLifeMs = halfLifeMs;
  }

  get size(): number {
    return this.#entries.length;
  }

  /** The one of the highest rank. */
  get first(): E | undefined {
    return this.#entries[0];
  }

  push(entry: E): void {
    entry.at = this.#entries.length;
    this.#entries.push(entry);
    this.#rise(entry);
  }

  /** Takes out `entry`, which is in it. */
  remove(entry: E): void {
    const { at } = entry;
    const last = this.#entries.pop();
    if (last !== undefined && last !== entry) {
      this.#put(last, at);
      this.#rise(last);
      this.#sink(last);
    }
  }

  #put(entry: E, at: number): void {
    this.#entries[at] = entry;
    entry.at = at;
  }

  #rise(entry: E): void {
    let { at } = entry;
    while (at > 0) {
      const parent = this.#entries[(at - 1) >> 1];
      if (parent === undefined || !isBefore(entry, parent)) {
        break;
      }
      const above = parent.at;
      this.#put(parent, at);
      at = above;
    }
    this.#put(entry, at);
  }

  #sink(entry: E): void {
    let { at } = entry;
    for (;;) {
      const left = this.#entries[2 * at + 1];
      const right = this.#entries[2 * at + 2];
      const child = left !== undefined && right !== undefined && isBefore(right, left) ? right : left;
      if (child === undefined || !isBefore(child, entry)) {
        break;
      }
      const below = child.at;
      this.#put(child, at);
      at = below;
    }
    this.#put(entry, at);
  }
}

function isBefore(a: Ranked, b: Ranked): boolean {
  return a.rank > b.rank || (a.rank === b.rank && a.order > b.order);
}
