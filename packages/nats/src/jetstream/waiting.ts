/** Waves that wait to be recorded: louder bands first, by arrival within one; over the bounds the quietest give way. */

import { BANDS } from "@aether/core";

/** Something that waits. */
export interface Waits {
  readonly band: number;
  readonly bytes: number;
}

/** A bounded queue from which anything can be taken. */
export class Waiting<T extends Waits> {
  readonly #bands: readonly Set<T>[] = Array.from({ length: BANDS }, () => new Set<T>());
  readonly #bounds: { readonly waves: number; readonly bytes: number };
  #size = 0;
  #bytes = 0;

  constructor(bounds: { readonly waves: number; readonly bytes: number }) {
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#size;
  }

  /** Takes `entry` in, and gives those that have to give way, it among them when it is the quietest. */
  push(entry: T): readonly T[] {
    this.#bands[entry.band]?.add(entry);
    this.#size++;
    this.#bytes += entry.bytes;
    const given: T[] = [];
    while (this.#size > this.#bounds.waves || (this.#bytes > this.#bounds.bytes && this.#size > 1)) {
      const quietest = this.#oldestOfQuietest();
      if (quietest === undefined || !this.delete(quietest)) {
        break;
      }
      given.push(quietest);
    }
    return given;
  }

  /** The oldest of the quietest band: it has waited longest, and its emitter gives up first. */
  #oldestOfQuietest(): T | undefined {
    const [oldest] = this.#bands.find((entries) => entries.size > 0) ?? [];
    return oldest;
  }

  delete(entry: T): boolean {
    const found = this.#bands[entry.band]?.delete(entry) === true;
    if (found) {
      this.#size--;
      this.#bytes -= entry.bytes;
    }
    return found;
  }

  /** Takes the next one out. */
  shift(): T | undefined {
    for (let band = BANDS - 1; band >= 0; band--) {
      for (const entry of this.#bands[band] ?? []) {
        this.delete(entry);
        return entry;
      }
    }
    return undefined;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (const entries of this.#bands) {
      yield* entries;
    }
  }
}
