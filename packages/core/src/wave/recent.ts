/** A bounded memory of what was used last: two generations of a map, of which the older one is dropped whole. */

/** Keeps at least the `most / 2` and at most the `most` entries that were used last. */
export class Recent<K, V> {
  readonly #half: number;
  #young = new Map<K, V>();
  #old = new Map<K, V>();

  constructor(most: number) {
    this.#half = Math.ceil(most / 2);
  }

  get(key: K): V | undefined {
    const value = this.#young.get(key);
    if (value !== undefined) {
      return value;
    }
    const older = this.#old.get(key);
    if (older !== undefined) {
      this.#old.delete(key);
      this.set(key, older);
    }
    return older;
  }

  set(key: K, value: V): void {
    if (this.#young.size >= this.#half) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  delete(key: K): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  *values(): Iterable<V> {
    yield* this.#old.values();
    yield* this.#young.values();
  }
}
