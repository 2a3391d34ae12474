/** A batch: appends that wait together and go to the disk with one write. */

import { LENGTH_AT } from "./record-format.ts";
import { Slab } from "./slab.ts";

/** Memory of a batch that is kept for the next one. */
const KEPT_BYTES = 4 * 1024 * 1024;

/** Records one after the other, and who waits for each. */
export class Batch {
  readonly slab: Slab = new Slab();
  readonly #resolve: ((position: string) => void)[] = [];
  readonly #reject: ((error: Error) => void)[] = [];

  get count(): number {
    return this.#resolve.length;
  }

  get length(): number {
    return this.slab.length;
  }

  get bytes(): Buffer {
    return this.slab.buffer.subarray(0, this.slab.length);
  }

  /** Settles with the record that was written last. */
  wait(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#resolve.push(resolve);
      this.#reject.push(reject);
    });
  }

  /** Calls `visit` with the place and the length of each record. */
  each(visit: (at: number, length: number) => void): void {
    const { view, length: end } = this.slab;
    for (let at = 0; at < end; ) {
      const length = view.getUint32(at + LENGTH_AT, true);
      visit(at, length);
      at += length;
    }
  }

  /** Everybody is told the position of their record, which `stored` gives for each, in order. */
  settle(stored: (at: number, length: number) => string): void {
    let index = 0;
    this.each((at, length) => {
      const position = stored(at, length);
      this.#resolve[index++]?.(position);
    });
    this.#clear();
  }

  fail(error: Error): void {
    for (const reject of this.#reject) {
      reject(error);
    }
    this.#clear();
  }

  #clear(): void {
    this.#resolve.length = 0;
    this.#reject.length = 0;
    this.slab.clear(KEPT_BYTES);
  }
}
