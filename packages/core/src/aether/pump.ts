/** The pump: everything that has waves to handle runs in one microtask, outside the emitter's call stack. */

import { afterTurn, type Clock } from "../clock.ts";

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
  readonly #clock: Clock;
  #waiting: Runnable[] = [];
  #scheduled = false;
  #startedAt = 0;
  now = 0;
  readonly #run = (): void => this.#drain();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Lets `runnable` run soon. The caller makes sure that it is scheduled once at a time. */
  schedule(runnable: Runnable): void {
    this.#waiting.push(runnable);
    if (!this.#scheduled) {
      this.#scheduled = true;
      void RESOLVED.then(this.#run);
    }
  }

  isLate(): boolean {
    this.now = this.#clock.monotonic();
    return this.now - this.#startedAt > LONGEST_MS;
  }

  #drain(): void {
    this.#startedAt = this.#clock.monotonic();
    this.now = this.#startedAt;
    const batch = this.#waiting;
    this.#waiting = [];
    for (let i = 0; i < batch.length; i++) {
      const runnable = batch[i];
      if (runnable?.run(this) === true) {
        this.#waiting.push(runnable);
      }
    }
    if (this.#waiting.length === 0) {
      this.#scheduled = false;
    } else if (this.isLate()) {
      afterTurn(this.#run);
    } else {
      void RESOLVED.then(this.#run);
    }
  }
}

const RESOLVED = Promise.resolve();
