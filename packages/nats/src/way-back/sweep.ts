/** One timer for all deadlines of exchanges: precise to a few milliseconds, and cheap to add to and take from. */

/** Width of a bucket as a power of two: 8 ms. */
const SHIFT = 3;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Something that ends at a time. It stands in at most one bucket, chained in itself. */
export interface Swept {
  /** Number of the bucket it stands in. */
  bucket: number | undefined;
  before: Swept | undefined;
  after: Swept | undefined;
  /** Called once, soon after its time, unless it was taken out before. */
  expire(): void;
}

/** Calls things at their time. It keeps no process alive. */
export class Sweep {
  readonly #now: () => number;
  /** The first of each bucket. */
  readonly #buckets = new Map<number, Swept>();
  #timer: NodeJS.Timeout | undefined;
  #timerBucket = Number.POSITIVE_INFINITY;

  /** `now` gives monotonic milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Lets `swept` expire soon after `due`, in monotonic milliseconds; never when that is `Infinity`, or it is in already. */
  add(swept: Swept, due: number): void {
    if (swept.bucket !== undefined || !(due < Number.POSITIVE_INFINITY)) {
      return;
    }
    const bucket = Math.ceil(due / 2 ** SHIFT);
    const first = this.#buckets.get(bucket);
    swept.bucket = bucket;
    swept.after = first;
    if (first !== undefined) {
      first.before = swept;
    }
    this.#buckets.set(bucket, swept);
    if (bucket < this.#timerBucket) {
      this.#arm(bucket);
    }
  }

  /** Takes `swept` out. */
  remove(swept: Swept): void {
    const { bucket, before, after } = swept;
    if (bucket === undefined) {
      return;
    }
    if (before !== undefined) {
      before.after = after;
    } else if (after !== undefined) {
      this.#buckets.set(bucket, after);
    } else {
      this.#buckets.delete(bucket);
    }
    if (after !== undefined) {
      after.before = before;
    }
    swept.bucket = undefined;
    swept.before = undefined;
    swept.after = undefined;
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
    for (const bucket of [...this.#buckets.keys()]) {
      if (bucket <= due) {
        this.#expire(bucket);
      } else {
        next = Math.min(next, bucket);
      }
    }
    if (next < this.#timerBucket) {
      this.#arm(next);
    }
  }

  #expire(bucket: number): void {
    for (let swept = this.#buckets.get(bucket); swept !== undefined; swept = this.#buckets.get(bucket)) {
      this.remove(swept);
      swept.expire();
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#buckets.clear();
  }
}
