/** A batch: appends that wait together and go to the disk with one write. */

import { checkAt, lengthAt } from "./record-format.ts";
import { Slab } from "./slab.ts";

/** Memory of a batch that is kept for the next one. */
const KEPT_BYTES = 4 * 1024 * 1024;

/** Who waits for a record. */
export interface Waiter {
  resolve(position: string): void;
  reject(error: Error): void;
}

/** Records one after the other, and who waits for each. */
export class Batch {
  readonly slab: Slab = new Slab();
  readonly #waiters: Waiter[] = [];

  get count(): number {
    return this.#waiters.length;
  }

  get length(): number {
    return this.slab.length;
  }

  get bytes(): Buffer {
    return this.slab.buffer.subarray(0, this.slab.length);
  }

  /** Somebody waits for the record that was written last. */
  wait(waiter: Waiter): void {
    this.#waiters.push(waiter);
  }

  /** Calls `visit` with the place and the length of each record. */
  each(visit: (at: number, length: number) => void): void {
    const { buffer, length: end } = this.slab;
    for (let at = 0; at < end; ) {
      const length = lengthAt(buffer, at);
      visit(at, length);
      at += length;
    }
  }

  /** Everybody is told the position of their record. */
  settle(positionOf: (index: number, check: number) => string): void {
    const { buffer } = this.slab;
    let index = 0;
    this.each((at) => {
      this.#waiters[index]?.resolve(positionOf(index, checkAt(buffer, at)));
      index++;
    });
    this.#clear();
  }

  fail(error: Error): void {
    for (const { reject } of this.#waiters) {
      reject(error);
    }
    this.#clear();
  }

  #clear(): void {
    this.#waiters.length = 0;
    this.slab.clear(KEPT_BYTES);
  }
}
