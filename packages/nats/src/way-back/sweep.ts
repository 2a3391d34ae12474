/** One timer for all deadlines of exchanges: precise to a few milliseconds, and cheap to add to and take from. */

/** Width of a bucket as a power of two: 8 ms. */
const SHIFT = 3;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Calls tasks at their time. It keeps no process alive. */
export class Sweep {
  readonly #now: () => number;
  readonly #buckets = new Map<number, Set<() => void>>();
  #timer: NodeJS.Timeout | undefined;
  #timerBucket = Number.POSITIVE_INFINITY;

  /** `now` gives monotonic milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Calls `task` soon after `due`, in monotonic milliseconds; never when that is `Infinity`. Returns the undo. */
  at(due: number, task: () => void): () => void {
    if (!(due < Number.POSITIVE_INFINITY)) {
      return () => {};
    }
    const bucket = Math.ceil(due / 2 ** SHIFT);
    const tasks = this.#buckets.get(bucket) ?? new Set();
    this.#buckets.set(bucket, tasks);
    tasks.add(task);
    if (bucket < this.#timerBucket) {
      this.#arm(bucket);
    }
    return () => {
      if (tasks.delete(task) && tasks.size === 0) {
        this.#buckets.delete(bucket);
      }
    };
  }

  #arm(bucket: number): void {
    clearTimeout(this.#timer);
    this.#timerBucket = bucket;
    const delayMs = bucket * 2 ** SHIFT - this.#now();
    this.#timer = setTimeout(() => this.#sweep(), Math.min(Math.max(0, delayMs), LONGEST_TIMER_MS));
    this.#timer.unref();
  }

  #sweep(): void {
    this.#timerBucket = Number.POSITIVE_INFINITY;
    const due = this.#now() / 2 ** SHIFT;
    let next = Number.POSITIVE_INFINITY;
    for (const [bucket, tasks] of [...this.#buckets]) {
      if (bucket <= due) {
        this.#buckets.delete(bucket);
        for (const task of tasks) {
          task();
        }
      } else {
        next = Math.min(next, bucket);
      }
    }
    if (next < this.#timerBucket) {
      this.#arm(next);
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#buckets.clear();
  }
}
