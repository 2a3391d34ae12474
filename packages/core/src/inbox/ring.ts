/** A queue in a circle: the items and bytes of one band. */

const SMALLEST = 16;
/** A ring that emptied and is longer than this gives its memory back. */
const KEPT = 1024;

/** First in, first out. Slots from `head` on are live; the length is a power of two, so that `& mask` wraps. */
export class Ring<T> {
  #items: (T | undefined)[] = [];
  #sizes: number[] = [];
  #mask = -1;
  #head = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  push(item: T, bytes: number): void {
    if (this.#count > this.#mask) {
      this.#grow();
    }
    const slot = (this.#head + this.#count++) & this.#mask;
    this.#items[slot] = item;
    this.#sizes[slot] = bytes;
  }

  /** Bytes of the item that `shift` would give. */
  get headBytes(): number {
    return this.#sizes[this.#head] ?? 0;
  }

  shift(): T | undefined {
    if (this.#count === 0) {
      return undefined;
    }
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head = (this.#head + 1) & this.#mask;
    if (--this.#count === 0 && this.#mask >= KEPT) {
      this.#items = [];
      this.#sizes = [];
      this.#mask = -1;
      this.#head = 0;
    }
    return item;
  }

  #grow(): void {
    const length = Math.max(SMALLEST, this.#items.length * 2);
    const items = new Array<T | undefined>(length).fill(undefined);
    const sizes = new Array<number>(length).fill(0);
    for (let i = 0; i < this.#count; i++) {
      const slot = (this.#head + i) & this.#mask;
      items[i] = this.#items[slot];
      sizes[i] = this.#sizes[slot] ?? 0;
    }
    this.#items = items;
    this.#sizes = sizes;
    this.#mask = length - 1;
    this.#head = 0;
  }
}
