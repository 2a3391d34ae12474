/** Time that passes only when a test says so. */

import { setImmediate as turn } from "node:timers/promises";
import { AetherError, type Alarm, type Clock } from "@aether/core";

/** What a clock shows that was given no start: the first of January 2025, midnight UTC. */
const EPOCH = Date.UTC(2025, 0, 1);
/** How many turns of the event loop must pass without a change before the world counts as still. */
const STILL_TURNS = 3;
/** More alarms than this at one moment are taken for a loop that never lets time pass. */
const MOST_AT_ONCE = 10_000;

interface Entry {
  readonly task: () => void;
  /** Milliseconds, on this clock. */
  readonly due: number;
  /** Rank among alarms that fall due together. */
  readonly order: number;
}

/**
 * A {@link Clock} that stands still until {@link advance} moves it. `now()` and `monotonic()` show the same
 * milliseconds and move together. No real time passes: what waits for an alarm is resumed between two alarms.
 */
export class VirtualClock implements Clock {
  #time: number;
  readonly #alarms = new Set<Entry>();
  #scheduled = 0;
  #changes = 0;
  #advancing: Promise<unknown> = Promise.resolve();

  /** `start`: milliseconds since the epoch; default the first of January 2025. */
  constructor(start: number = EPOCH) {
    this.#time = finite("start", start);
  }

  now(): number {
    return this.#time;
  }

  monotonic(): number {
    return this.#time;
  }

  /** How many alarms have neither rung nor been cancelled. */
  get pending(): number {
    return this.#alarms.size;
  }

  /** How often an alarm was set, cancelled or rung: whoever sees it unchanged knows that nothing touched the clock. */
  get changes(): number {
    return this.#changes;
  }

  /** Milliseconds until the next alarm; `undefined` when none will ever ring. */
  get nextInMs(): number | undefined {
    const next = this.#next(Number.MAX_VALUE);
    return next && next.due - this.#time;
  }

  /** Calls `task` once, during the {@link advance} that reaches `delayMs` from now; never inside this call. */
  schedule(task: () => void, delayMs: number): Alarm {
    const entry = { task, due: this.#time + Math.max(0, delayMs), order: this.#scheduled++ };
    this.#alarms.add(entry);
    this.#changes++;
    return {
      cancel: () => {
        if (this.#alarms.delete(entry)) {
          this.#changes++;
        }
      },
    };
  }

  /**
   * Lets `ms` milliseconds pass (0: only what is due now). Alarms ring in the order of their time, those of one moment
   * in the order they were set in, and the clock shows that time meanwhile. Before the first and after each one,
   * everything that can go on without time does so: alarms that are set by that ring too, if they fall into the span.
   * Calls that overlap take their turns. Rejects with what an alarm throws, and with `AETHER_BAD_OPTION`.
   */
  async advance(ms: number): Promise<void> {
    const span = finite("ms", ms);
    await this.#inTurn(async () => {
      const end = this.#time + span;
      await this.settle();
      let atOnce = 0;
      for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
        atOnce = next.due > this.#time ? 1 : atOnce + 1;
        if (atOnce > MOST_AT_ONCE) {
          throw new AetherError("AETHER_TIMEOUT", `More than ${MOST_AT_ONCE} alarms at one moment: one sets the next`);
        }
        this.#ring(next);
        await this.settle();
      }
      this.#time = end;
    });
  }

  /** Lets time pass until the next alarm has rung; false when there is none. */
  async advanceToNext(): Promise<boolean> {
    return await this.#inTurn(async () => {
      await this.settle();
      const next = this.#next(Number.MAX_VALUE);
      if (next === undefined) {
        return false;
      }
      this.#ring(next);
      await this.settle();
      return true;
    });
  }

  /** Resolves when the event loop has turned three times in a row and nobody touched the clock. Moves no time. */
  async settle(): Promise<void> {
    for (let still = 0; still < STILL_TURNS; still++) {
      const before = this.#changes;
      await turn();
      if (this.#changes !== before) {
        still = -1;
      }
    }
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const result = this.#advancing.then(step);
    this.#advancing = result.catch(() => undefined);
    return result;
  }

  #ring(entry: Entry): void {
    this.#alarms.delete(entry);
    this.#changes++;
    this.#time = Math.max(this.#time, entry.due);
    entry.task();
  }

  /** The alarm that rings first, if it falls due by `end`. */
  #next(end: number): Entry | undefined {
    let next: Entry | undefined;
    for (const entry of this.#alarms) {
      if (entry.due <= end && (next === undefined || entry.due < next.due)) {
        next = entry;
      }
    }
    return next;
  }
}

function finite(name: string, amount: number): number {
  if (Number.isFinite(amount) && amount >= 0) {
    return amount;
  }
  throw new AetherError("AETHER_BAD_OPTION", `Expected \`${name}\` to be a finite number >= 0, got ${amount}`, {
    details: { option: name, got: amount },
  });
}
