/** Handlers at work that take their time, in the order they started: the first to start is the first to be late. */

import { Deadline, type Deadlines } from "../deadlines.ts";
import type { TickTime } from "../tick-time.ts";
import type { Handling } from "./handling.ts";

/** What becomes of a handling. */
export interface RunsOutcome {
  done(handling: Handling, value: unknown): void;
  failed(handling: Handling, error: unknown): void;
  /**
   * It did not settle in its time. True: what stands around it was told, and has as long again to settle. Otherwise what
   * it does later is told to nobody.
   */
  late(handling: Handling): boolean;
}

/** A place for one handling. It is used again when the promise of that has settled, so its callbacks are made once. */
export class Run {
  handling: Handling | undefined;
  /** Monotonic milliseconds. No whole number at first, so that it is kept as a fraction from the beginning. */
  startedAt: number = Number.NaN;
  before: Run | undefined;
  after: Run | undefined;
  readonly onValue: (value: unknown) => void;
  readonly onError: (error: unknown) => void;

  constructor(runs: Runs, outcome: RunsOutcome) {
    this.onValue = (value) => {
      const handling = runs.end(this);
      if (handling !== undefined) {
        outcome.done(handling, value);
      }
    };
    this.onError = (error) => {
      const handling = runs.end(this);
      if (handling !== undefined) {
        outcome.failed(handling, error);
      }
    };
  }
}

/** The running handlers of one resonance, which all may take the same time: one deadline watches the oldest. */
export class Runs extends Deadline {
  readonly #timeoutMs: number;
  readonly #deadlines: Deadlines;
  readonly #time: TickTime;
  readonly #outcome: RunsOutcome;
  readonly #free: Run[] = [];
  #first: Run | undefined;
  #last: Run | undefined;
  #watched = false;

  constructor(timeoutMs: number, deadlines: Deadlines, time: TickTime, outcome: RunsOutcome) {
    super();
    this.#timeoutMs = timeoutMs;
    this.#deadlines = deadlines;
    this.#time = time;
    this.#outcome = outcome;
  }

  /** A handler that waits for nothing but itself keeps no process alive. */
  override get holds(): boolean {
    return false;
  }

  /** Waits for `promise`, the result of a handling that has just started. */
  follow(handling: Handling, promise: PromiseLike<unknown>): Run {
    const { at } = this.#time.moment;
    const run = this.#free.pop() ?? new Run(this, this.#outcome);
    this.#link(run, handling, at);
    if (!this.#watched) {
      this.#watched = true;
      this.#deadlines.add(this, this.#timeoutMs, at);
    }
    promise.then(run.onValue, run.onError);
    return run;
  }

  #link(run: Run, handling: Handling, at: number): void {
    run.handling = handling;
    run.startedAt = at;
    run.before = this.#last;
    if (this.#last === undefined) {
      this.#first = run;
    } else {
      this.#last.after = run;
    }
    this.#last = run;
  }

  /** Waits no longer for `handling` in `run`; false when it has ended already. */
  giveUp(run: Run, handling: Handling): boolean {
    if (run.handling !== handling) {
      return false;
    }
    this.#unlink(run);
    return true;
  }

  /** The promise of `run` has settled. Gives its handling, unless that was given up before. */
  end(run: Run): Handling | undefined {
    const { handling } = run;
    if (handling !== undefined) {
      this.#unlink(run);
    }
    this.#free.push(run);
    return handling;
  }

  #unlink(run: Run): void {
    const { before, after } = run;
    if (before === undefined) {
      this.#first = after;
    } else {
      before.after = after;
    }
    if (after === undefined) {
      this.#last = before;
    } else {
      after.before = before;
    }
    run.handling = undefined;
    if (before !== undefined) {
      run.before = undefined;
    }
    if (after !== undefined) {
      run.after = undefined;
    }
  }

  /** Gives up those whose time has passed, and watches the next. */
  expire(): void {
    this.#watched = false;
    const now = this.#time.moment.at;
    for (let run = this.#first; run !== undefined && dueOf(run, this.#timeoutMs) <= now; run = this.#first) {
      const { handling } = run;
      this.#unlink(run);
      if (handling !== undefined && this.#outcome.late(handling)) {
        this.#link(run, handling, this.#time.moment.at);
      }
    }
    if (this.#first !== undefined && !this.#watched) {
      this.#watched = true;
      this.#deadlines.add(this, dueOf(this.#first, this.#timeoutMs) - now, now);
    }
  }

  *[Symbol.iterator](): Iterator<Handling> {
    for (let run = this.#first; run !== undefined; run = run.after) {
      if (run.handling !== undefined) {
        yield run.handling;
      }
    }
  }
}

function dueOf({ startedAt }: Run, timeoutMs: number): number {
  return startedAt + timeoutMs;
}
