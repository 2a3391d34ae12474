/** Smooth weighted round robin: whose turn it is among bands, so that louder ones come more often and none starves. */

import { expected } from "../errors.ts";

/** The turns of `bands` bands; default weight of band b is `2^b`. */
export class Turns {
  readonly #weights: readonly number[];
  /** What each band is owed. */
  readonly #owed: number[];

  constructor(bands: number, weights?: readonly number[]) {
    if (
      weights !== undefined &&
      (weights.length !== bands || !weights.every((one) => Number.isFinite(one) && one > 0))
    ) {
      throw expected("weights", `${bands} finite numbers above 0`, weights);
    }
    this.#weights = weights ?? Array.from({ length: bands }, (_, b) => 2 ** b);
    this.#owed = new Array<number>(bands).fill(0);
  }

  /** The band whose turn it is among those whose bit is set in `occupied`, which is not 0. */
  next(occupied: number): number {
    if ((occupied & (occupied - 1)) === 0) {
      return 31 - Math.clz32(occupied);
    }
    let chosen = 0;
    let most = Number.NEGATIVE_INFINITY;
    let total = 0;
    for (let rest = occupied; rest !== 0; rest &= rest - 1) {
      const band = 31 - Math.clz32(rest & -rest);
      const weight = this.#weights[band] ?? 1;
      const owed = (this.#owed[band] ?? 0) + weight;
      this.#owed[band] = owed;
      total += weight;
      if (owed >= most) {
        most = owed;
        chosen = band;
      }
    }
    this.#owed[chosen] = most - total;
    return chosen;
  }

  /** `band` has become empty: it is owed nothing. */
  emptied(band: number): void {
    this.#owed[band] = 0;
  }
}
