/** Early waves: what a server hands over when nobody wants it any more, kept in its order for a moment. */

import type { Wave } from "@aether/core";
import type { Delivery } from "./delivery.ts";

/**
 * How long they wait. A receiver that was full for a moment wants them soon; one that is paused leaves them to others of its
 * group.
 */
const MOST_MS = 100;

/** A wave that nobody wanted when it came. */
export interface EarlyWave {
  readonly wave: Wave;
  readonly delivery: Delivery;
}

/**
 * The waves that came too early for one follower. To give each back at once would let later ones overtake it: the server hands
 * it over again after those that are on their way.
 */
export class EarlyWaves {
  readonly #giveBack: (delivery: Delivery) => void;
  #waves: EarlyWave[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(giveBack: (delivery: Delivery) => void) {
    this.#giveBack = giveBack;
  }

  get size(): number {
    return this.#waves.length;
  }

  add(early: EarlyWave): void {
    this.#waves.push(early);
    if (this.#timer === undefined) {
      this.#wait();
    }
  }

  /** The one that came first; it is somebody else's from now on. */
  next(): EarlyWave | undefined {
    const first = this.#waves.shift();
    this.#rest();
    if (this.#waves.length > 0) {
      this.#wait(); // Some are wanted again, so the others will be soon.
    }
    return first;
  }

  /** All go back, in their order. */
  giveBack(): void {
    this.#rest();
    for (const { delivery } of this.#waves.splice(0)) {
      this.#giveBack(delivery);
    }
  }

  #wait(): void {
    this.#timer = setTimeout(() => this.giveBack(), MOST_MS);
  }

  #rest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
