/** One sweep for all deadlines: a list per duration and one alarm, instead of a timer for every call. */

import type { Alarm, Timekeeper } from "../clock.ts";

/** Something that ends at a time. It stands in at most one list. */
export abstract class Deadline {
  /** Monotonic milliseconds. */
  due = 0;
  list: Lane | undefined;
  before: Deadline | undefined;
  after: Deadline | undefined;

  /** Whether it keeps the process alive. */
  get holds(): boolean {
    return true;
  }

  /** Called once when the time has come and nobody removed it before. */
  abstract expire(): void;
}

/** Deadlines of one duration: appended in the order they fall due. */
class Lane {
  readonly durationMs: number;
  first: Deadline | undefined;
  last: Deadline | undefined;

  constructor(durationMs: number) {
    this.durationMs = durationMs;
  }
}

/** A deadline that calls a function. */
class Task extends Deadline {
  readonly #task: () => void;

  constructor(task: () => void) {
    super();
    this.#task = task;
  }

  expire(): void {
    this.#task();
  }
}

/** All deadlines of an aether. Durations are rounded up to whole milliseconds, so that lists stay few. */
export class Deadlines {
  readonly #clock: Timekeeper;
  readonly #lanes = new Map<number, Lane>();
  /** The one that was added to last. */
  #last: Lane | undefined;
  #alarm: Alarm | undefined;
  #alarmDue = Number.POSITIVE_INFINITY;
  /** How many of them keep the process alive. */
  #holding = 0;

  constructor(clock: Timekeeper) {
    this.#clock = clock;
  }

  /** Lets `deadline` expire `durationMs` after `now`. */
  add(deadline: Deadline, durationMs: number, now: number): void {
    const whole = Math.ceil(Math.max(0, durationMs));
    const lane = this.#last?.durationMs === whole ? this.#last : this.#lane(whole);
    deadline.due = now + whole;
    deadline.list = lane;
    deadline.before = lane.last;
    if (lane.last === undefined) {
      lane.first = deadline;
    } else {
      lane.last.after = deadline;
    }
    lane.last = deadline;
    if (deadline.holds && this.#holding++ === 0) {
      this.#alarm?.hold?.(true);
    }
    if (deadline.due < this.#alarmDue) {
      this.#arm(deadline.due, now);
    }
  }

  #lane(durationMs: number): Lane {
    const known = this.#lanes.get(durationMs);
    const lane = known ?? new Lane(durationMs);
    if (known === undefined) {
      this.#lanes.set(durationMs, lane);
    }
    this.#last = lane;
    return lane;
  }

  /** Takes `deadline` out; nothing happens when it is not in. */
  remove(deadline: Deadline): void {
    const lane = deadline.list;
    if (lane === undefined) {
      return;
    }
    if (deadline.before === undefined) {
      lane.first = deadline.after;
    } else {
      deadline.before.after = deadline.after;
    }
    if (deadline.after === undefined) {
      lane.last = deadline.before;
    } else {
      deadline.after.before = deadline.before;
    }
    deadline.list = undefined;
    deadline.before = undefined;
    deadline.after = undefined;
    if (deadline.holds && --this.#holding === 0) {
      // The alarm stays for the next deadline, but does not keep the process alive.
      this.#alarm?.hold?.(false);
    }
  }

  /** Everything that waits for its time. */
  all(): Deadline[] {
    const found: Deadline[] = [];
    for (const lane of this.#lanes.values()) {
      for (let deadline = lane.first; deadline !== undefined; deadline = deadline.after) {
        found.push(deadline);
      }
    }
    return found;
  }

  /** Calls `task` after `delayMs`; returns the undo. */
  after(delayMs: number, task: () => void): () => void {
    const deadline = new Task(task);
    this.add(deadline, delayMs, this.#clock.monotonic());
    return () => this.remove(deadline);
  }

  /** Resolves after `delayMs`, or earlier when the function that `begin` is given is called. */
  async within(delayMs: number, begin: (done: () => void) => void): Promise<void> {
    await new Promise<void>((resolve) => {
      const undo = this.after(delayMs, resolve);
      begin(() => {
        undo();
        resolve();
      });
    });
  }

  /** Forgets everything: nothing expires after this. */
  close(): void {
    this.#alarm?.cancel();
    this.#alarm = undefined;
    this.#alarmDue = Number.POSITIVE_INFINITY;
    this.#lanes.clear();
    this.#last = undefined;
    this.#holding = 0;
  }

  #arm(due: number, now: number): void {
    this.#alarm?.cancel();
    this.#alarmDue = due;
    this.#alarm = this.#clock.schedule(() => this.#sweep(), due - now);
    if (this.#holding === 0) {
      this.#alarm.hold?.(false);
    }
  }

  #sweep(): void {
    this.#alarm = undefined;
    this.#alarmDue = Number.POSITIVE_INFINITY;
    const now = this.#clock.monotonic();
    let next = Number.POSITIVE_INFINITY;
    for (const lane of [...this.#lanes.values()]) {
      while (lane.first !== undefined && lane.first.due <= now) {
        const { first } = lane;
        this.remove(first);
        first.expire();
      }
      if (lane.first === undefined) {
        this.#lanes.delete(lane.durationMs);
        this.#last = this.#last === lane ? undefined : this.#last;
      } else {
        next = Math.min(next, lane.first.due);
      }
    }
    // What expired may have added deadlines, and armed the alarm, by itself.
    if (next < this.#alarmDue) {
      this.#arm(next, this.#clock.monotonic());
    }
  }
}
