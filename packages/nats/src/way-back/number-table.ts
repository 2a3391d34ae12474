/** A number table: things by their number, chained in the things themselves, so that what has left it is held by nothing. */

/** Something that stands in a table. */
export interface Numbered<T> {
  readonly correlation: number;
  /** The next one in its chain; whoever makes it leaves it `undefined`. */
  next: T | undefined;
}

const LEAST_CHAINS = 64;
/** A table shrinks when it has so many times fewer things than chains. */
const SPARSE = 8;

/**
 * Things by number, several of one number included. A `Map` would do, but each time that it is laid out anew its old
 * layout refers to the new one: once one of them has grown old, all that ever came and went outlives the quick
 * collections of the heap. That made half of what a query costs.
 */
export class NumberTable<T extends Numbered<T>> {
  #chains: (T | undefined)[] = new Array<T | undefined>(LEAST_CHAINS).fill(undefined);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The one that was added last under `correlation`; others of the same number follow by {@link after}. */
  get(correlation: number): T | undefined {
    return this.#from(this.#chains[correlation & (this.#chains.length - 1)], correlation);
  }

  /** Another one with the number of `thing`. */
  after(thing: T): T | undefined {
    return this.#from(thing.next, thing.correlation);
  }

  #from(first: T | undefined, correlation: number): T | undefined {
    let thing = first;
    while (thing !== undefined && thing.correlation !== correlation) {
      thing = thing.next;
    }
    return thing;
  }

  add(thing: T): void {
    if (this.#size === this.#chains.length) {
      this.#lay(this.#chains.length * 2);
    }
    this.#size++;
    this.#push(thing);
  }

  #push(thing: T): void {
    const at = thing.correlation & (this.#chains.length - 1);
    thing.next = this.#chains[at];
    this.#chains[at] = thing;
  }

  /** Takes `thing` out; false: it was not in. */
  delete(thing: T): boolean {
    const at = thing.correlation & (this.#chains.length - 1);
    let before: T | undefined;
    let one = this.#chains[at];
    while (one !== undefined && one !== thing) {
      before = one;
      one = one.next;
    }
    if (one === undefined) {
      return false;
    }
    if (before === undefined) {
      this.#chains[at] = thing.next;
    } else {
      before.next = thing.next;
    }
    thing.next = undefined;
    this.#size--;
    if (this.#chains.length > LEAST_CHAINS && this.#size * SPARSE < this.#chains.length) {
      this.#lay(this.#chains.length / 2);
    }
    return true;
  }

  #lay(chains: number): void {
    const things = [...this];
    this.#chains = new Array<T | undefined>(chains).fill(undefined);
    // Backwards, so that what was added last stays in front.
    for (const thing of things.reverse()) {
      this.#push(thing);
    }
  }

  /** All of them, as they are when it begins. */
  [Symbol.iterator](): Iterator<T> {
    const things: T[] = [];
    for (const first of this.#chains) {
      for (let thing = first; thing !== undefined; thing = thing.next) {
        things.push(thing);
      }
    }
    return things.values();
  }

  clear(): void {
    this.#chains = new Array<T | undefined>(LEAST_CHAINS).fill(undefined);
    this.#size = 0;
  }
}
