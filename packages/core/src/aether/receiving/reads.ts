/** Reads: waves whose schema takes its time, and those that came behind them, so that handlers start in order. */

import { AetherError } from "../../errors.ts";
import type { Wave } from "../../wave/wave.ts";
import type { Delivery } from "./delivery.ts";

/** What becomes of a wave that was read. */
export interface ReadsOutcome {
  /** It is the turn of `wave`, which came as `original`. */
  ready(wave: Wave, original: Wave): void;
  malformed(wave: Wave, error: unknown): void;
  /** All whose turn has come have had it. */
  advanced(): void;
}

/** A wave, and what came of reading it: at most one of the two is there. */
interface Read {
  readonly original: Wave;
  ready: Wave | undefined;
  error: unknown;
}

/** The waves of one resonance that are being read. They count as queued. */
export class Reads {
  readonly #delivery: Delivery;
  readonly #outcome: ReadsOutcome;
  /** In the order in which they came. */
  readonly #reads: Read[] = [];

  constructor(delivery: Delivery, outcome: ReadsOutcome) {
    this.#delivery = delivery;
    this.#outcome = outcome;
  }

  get size(): number {
    return this.#reads.length;
  }

  /** Queues `original` for its turn, as `ready`: a wave that may be handled, or the promise of one. */
  add(original: Wave, ready: Wave | Promise<Wave>): void {
    const read: Read = { original, ready: undefined, error: undefined };
    this.#reads.push(read);
    this.#delivery.hold();
    if (!(ready instanceof Promise)) {
      read.ready = ready;
      return;
    }
    ready.then(
      (late) => {
        read.ready = late;
        this.#advance();
      },
      (error: unknown) => {
        read.error = error ?? new AetherError("AETHER_BAD_PAYLOAD", "The schema rejected without a reason");
        this.#advance();
      },
    );
  }

  /** Gives those at the front their turn, up to the first that is still being read. */
  #advance(): void {
    const reads = this.#reads;
    for (let [first] = reads; first?.ready !== undefined || first?.error !== undefined; [first] = reads) {
      reads.shift();
      this.#delivery.unhold();
      if (first.ready !== undefined) {
        this.#outcome.ready(first.ready, first.original);
      } else {
        this.#outcome.malformed(first.original, first.error);
      }
    }
    this.#outcome.advanced();
  }
}
