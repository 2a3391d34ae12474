/** Retries: waves whose handler failed, or asked for another time, until they come again. */

import type { Random } from "../../wave/ids.ts";
import type { Wave } from "../../wave/wave.ts";
import type { Deadlines } from "../deadlines.ts";
import type { Delivery } from "./delivery.ts";

/** How long waves wait for another attempt, in milliseconds: `base` at first, doubled each time, at most `max`. */
export interface Backoff {
  readonly base: number;
  readonly max: number;
}

/** The delay in milliseconds after attempt number `attempt` (from 1) has failed: chance below the backoff. */
export function jitteredMs(attempt: number, { base, max }: Backoff, random: Random): number {
  return random() * Math.min(max, base * 2 ** (attempt - 1));
}

/** What is known of a wave that comes once more. */
export interface Again {
  /** The number of the attempt that is next, or that is running. */
  readonly attempt: number;
  /** How often it was put off, which spends no attempt. */
  readonly postponed: number;
  /** What it has kept of its amplitude. */
  readonly kept: number;
}

/** The waves of one resonance that wait for another attempt. They count as queued, and their keys stay held. */
export class Retries {
  readonly #delivery: Delivery;
  readonly #deadlines: Deadlines;
  /** Told when a wave is back in the inbox. */
  readonly #onBack: () => void;
  /** Those that wait, with the undo of that. */
  readonly #waiting = new Map<Wave, () => void>();
  readonly #again = new WeakMap<Wave, Again>();

  constructor(delivery: Delivery, deadlines: Deadlines, onBack: () => void) {
    this.#delivery = delivery;
    this.#deadlines = deadlines;
    this.#onBack = onBack;
  }

  /** How many waves wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Lets a delivered wave come again after `delayMs`, at the end of its band. */
  add(wave: Wave, delayMs: number, again: Again): void {
    this.#again.set(wave, again);
    this.#delivery.undeliver(wave);
    const undo = this.#deadlines.after(delayMs, () => {
      this.#waiting.delete(wave);
      this.#delivery.putBack(wave);
      this.#onBack();
    });
    this.#waiting.set(wave, undo);
  }

  /** What is known of `wave`; `undefined`: it comes for the first time. */
  of(wave: Wave): Again | undefined {
    return this.#again.get(wave);
  }

  /** `wave` is done with. */
  forget(wave: Wave): void {
    this.#again.delete(wave);
  }

  /** Absorbs those that wait and for which `which` says so, as `closed`. */
  giveUp(which: (wave: Wave) => boolean): void {
    for (const [wave, undo] of this.#waiting) {
      if (which(wave)) {
        undo();
        this.#waiting.delete(wave);
        this.#again.delete(wave);
        this.#delivery.unhold();
        this.#delivery.release(wave);
        this.#delivery.absorb(wave, "closed");
      }
    }
  }
}
