/** The pump: everything that has waves to handle runs in one microtask, outside the emitter's call stack. */

import { afterTurn, soon } from "../../clock.ts";
import type { TickTime } from "../tick-time.ts";

/** Something with work. */
export interface Runnable {
  /** Works until there is nothing left or `late` says so; true when something is left. */
  run(late: Late): boolean;
}

/** Tells a runnable the time, and when others should have their turn. */
export interface Late {
  /** Monotonic milliseconds, read when the runnable was given its turn or last asked. */
  readonly now: number;
  /** Reads the clock; true when the pump has held the event loop for long enough. */
  isLate(): boolean;
}

/** How long the pump may hold the event loop before timers and input get their turn. */
const LONGEST_MS = 10;

/** Runs what was scheduled, in order, each once per scheduling. */
export class Pump implements Late {
  readonly #time: TickTime;
  // The two arrays are used in turn, again and again: a new one for each drain would have to grow.
  #waiting: (Runnable | undefined)[] = [];
  #spare: (Runnable | undefined)[] = [];
  #count = 0;
  #scheduled = false;
  #startedAt = 0;
  now = 0;
  readonly #run = (): void => this.#drain();

  constructor(time: TickTime) {
    this.#time = time;
  }

  /** Lets `runnable` run soon. The caller makes sure that it is scheduled once at a time. */
  schedule(runnable: Runnable): void {
    this.#wait(runnable);
    if (!this.#scheduled) {
      this.#scheduled = true;
      soon(this.#run);
    }
  }

  #wait(runnable: Runnable): void {
    this.#waiting[this.#count++] = runnable;
  }

  isLate(): boolean {
    this.now = this.#time.refresh();
    return this.now - this.#startedAt > LONGEST_MS;
  }

  /** Whatever goes wrong with one, the others run, and it goes on with its next wave. */
  #runOne(runnable: Runnable): boolean {
    try {
      return runnable.run(this);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
      return true;
    }
  }

  #drain(): void {
    this.#startedAt = this.#time.moment.at;
    this.now = this.#startedAt;
    const batch = this.#waiting;
    const count = this.#count;
    this.#waiting = this.#spare;
    this.#count = 0;
    for (let i = 0; i < count; i++) {
      const runnable = batch[i];
      batch[i] = undefined;
      if (runnable !== undefined && this.#runOne(runnable)) {
        this.#wait(runnable);
      }
    }
    this.#spare = batch;
    if (this.#count === 0) {
      this.#scheduled = false;
    } else if (this.isLate()) {
      afterTurn(this.#run);
    } else {
      soon(this.#run);
    }
  }
}
