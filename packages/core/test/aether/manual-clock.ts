/** A clock that stands still until a test moves it: time without waiting. */

import type { Alarm, Clock } from "@aether/core";

interface Pending {
  readonly due: number;
  readonly order: number;
  readonly task: () => void;
}

/** Starts at an arbitrary time; `advance` moves it and rings what falls due on the way, in order. */
export class ManualClock implements Clock {
  #time = 1_000_000;
  #order = 0;
  readonly #pending = new Set<Pending>();

  now(): number {
    return 1_700_000_000_000 + this.#time;
  }

  monotonic(): number {
    return this.#time;
  }

  /** How many alarms have neither rung nor been cancelled. */
  get pending(): number {
    return this.#pending.size;
  }

  schedule(task: () => void, delayMs: number): Alarm {
    const pending = { due: this.#time + Math.max(0, delayMs), order: this.#order++, task };
    this.#pending.add(pending);
    return { cancel: () => void this.#pending.delete(pending) };
  }

  /** Moves the time by `ms`. Everybody reacts before it moves, at each alarm on the way, and at the end. */
  async advance(ms: number): Promise<void> {
    const end = this.#time + ms;
    await turns();
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#pending.delete(next);
      this.#time = Math.max(this.#time, next.due);
      next.task();
      await turns();
    }
    this.#time = end;
    await turns();
  }

  #next(end: number): Pending | undefined {
    let next: Pending | undefined;
    for (const pending of this.#pending) {
      const before =
        next === undefined || pending.due < next.due || (pending.due === next.due && pending.order < next.order);
      if (pending.due <= end && before) {
        next = pending;
      }
    }
    return next;
  }
}

/** Lets the event loop turn a few times, so that everything that needs no time has happened. */
export async function turns(count = 4): Promise<void> {
  for (let i = 0; i < count; i++) {
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}
