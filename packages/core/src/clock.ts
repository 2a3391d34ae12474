/** Time and randomness come in through here, so that laws, deadlines and retries are tested without waiting. */

/** A pending call of {@link Clock.schedule}. */
export interface Alarm {
  cancel(): void;
  /** Whether the alarm keeps the process alive until it rings; the default is yes. */
  hold?(alive: boolean): void;
}

/** Where Aether reads time from. All values are milliseconds. */
export interface Clock {
  /** Wall-clock time since the epoch: information for people, never compared. */
  now(): number;
  /** A time that never goes back, for ages and deadlines. */
  monotonic(): number;
  /** Calls `task` once after `delayMs`; without it the timers of the platform are used. */
  schedule?(task: () => void, delayMs: number): Alarm;
}

/** A clock whose alarms are settled: the one the runtime works with. */
export interface Timekeeper extends Clock {
  schedule(task: () => void, delayMs: number): Alarm;
}

const LONGEST_TIMER_MS = 2 ** 31 - 1;
const { timeOrigin } = performance;

/** The platform's time. `monotonic()` starts at the epoch time of the process start, and never jumps. */
export const systemClock: Timekeeper = {
  now: () => Date.now(),
  monotonic: () => timeOrigin + performance.now(),
  schedule(task, delayMs) {
    const timer = setTimeout(task, Math.min(Math.max(0, delayMs), LONGEST_TIMER_MS));
    return {
      cancel: () => clearTimeout(timer),
      hold: (alive) => {
        if (typeof timer === "object") {
          alive ? timer.ref() : timer.unref();
        }
      },
    };
  },
};

/** `clock` with the platform's timers where it brings none of its own. */
export function timekeeper(clock: Clock): Timekeeper {
  const { schedule } = clock;
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    schedule: schedule === undefined ? systemClock.schedule : (task, delayMs) => schedule.call(clock, task, delayMs),
  };
}

const RESOLVED = Promise.resolve();
/** Tasks of one microtask. The arrays are used again and again: tasks are few, and live long. */
interface Batch {
  readonly tasks: (() => void)[];
  readonly last: (() => void)[];
  taskCount: number;
  lastCount: number;
}

let batch: Batch = { tasks: [], last: [], taskCount: 0, lastCount: 0 };
let spareBatch: Batch = { tasks: [], last: [], taskCount: 0, lastCount: 0 };
/** The batch whose microtask runs right now. */
let runningBatch: Batch | undefined;
let scheduled = false;

/**
 * Calls `task` when the current call stack has unwound, before timers and input. Everybody who asks within one tick
 * shares one microtask, in the order they asked. A task must not throw.
 */
export function soon(task: () => void): void {
  batch.tasks[batch.taskCount++] = task;
  schedule();
}

/** As {@link soon}, but after all tasks of that microtask; in one of these tasks: after those of its own microtask. */
export function atTickEnd(task: () => void): void {
  if (runningBatch !== undefined) {
    runningBatch.last[runningBatch.lastCount++] = task;
    return;
  }
  batch.last[batch.lastCount++] = task;
  schedule();
}

function schedule(): void {
  if (!scheduled) {
    scheduled = true;
    void RESOLVED.then(runTasks);
  }
}

function runTasks(): void {
  scheduled = false;
  const due = batch;
  batch = spareBatch;
  runningBatch = due;
  for (let i = 0; i < due.taskCount; i++) {
    due.tasks[i]?.();
  }
  for (let i = 0; i < due.lastCount; i++) {
    due.last[i]?.();
  }
  runningBatch = undefined;
  due.taskCount = 0;
  due.lastCount = 0;
  spareBatch = due;
}

/** Calls `task` after the event loop has turned once: input, output and timers come first. */
export const afterTurn: (task: () => void) => void =
  typeof setImmediate === "function" ? (task) => void setImmediate(task) : (task) => void setTimeout(task, 0);

let turning: Promise<void> | undefined;

/** Resolves after the event loop has turned; everybody who asks within one turn shares the promise. */
export function turn(): Promise<void> {
  turning ??= new Promise((resolve) => {
    afterTurn(() => {
      turning = undefined;
      resolve();
    });
  });
  return turning;
}
