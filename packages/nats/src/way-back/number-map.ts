/** A number map: values by number, as a `Map` would keep them, but for what {@link NumberTable} says of that. */

import { type Numbered, NumberTable } from "./number-table.ts";

const MOST_FREE = 1024;

/** A place for one value. It is used again. */
class Place<V> implements Numbered<Place<V>> {
  correlation = 0;
  value: V | undefined;
  next: Place<V> | undefined;
}

/** Values by number. */
export class NumberMap<V> {
  readonly #table = new NumberTable<Place<V>>();
  readonly #free: Place<V>[] = [];

  get size(): number {
    return this.#table.size;
  }

  get(number: number): V | undefined {
    return this.#table.get(number)?.value;
  }

  has(number: number): boolean {
    return this.#table.get(number) !== undefined;
  }

  set(number: number, value: V): void {
    const known = this.#table.get(number);
    if (known !== undefined) {
      known.value = value;
      return;
    }
    const place = this.#free.pop() ?? new Place<V>();
    place.correlation = number;
    place.value = value;
    this.#table.add(place);
  }

  /** Takes the value of `number` out; false: there was none. */
  delete(number: number): boolean {
    const place = this.#table.get(number);
    if (place === undefined) {
      return false;
    }
    this.#table.delete(place);
    place.value = undefined;
    if (this.#free.length < MOST_FREE) {
      this.#free.push(place);
    }
    return true;
  }

  /** All values, in the order of their numbers. */
  values(): V[] {
    return [...this.#table]
      .sort((one, other) => one.correlation - other.correlation)
      .flatMap(({ value }) => (value === undefined ? [] : [value]));
  }

  clear(): void {
    this.#table.clear();
  }
}
