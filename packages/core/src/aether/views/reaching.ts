/** Reaching: those who wait for a view to cover a position, in the order of the record. */

import { AetherError } from "../../errors.ts";
import type { Deadlines } from "../deadlines.ts";
import { millisecondsOf } from "../options.ts";
import type { ReachOptions } from "./view-options.ts";

/** What reaching works with. */
export interface ReachingParts {
  readonly name: string;
  readonly deadlines: Deadlines;
  compare(one: string, other: string): number;
}

/** One who waits. */
interface Waiter {
  readonly position: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Everybody who waits for one view. */
export class Reaching {
  readonly #parts: ReachingParts;
  /** The nearest first. */
  readonly #waiters: Waiter[] = [];

  constructor(parts: ReachingParts) {
    this.#parts = parts;
  }

  /** Resolves when {@link covers} has told of `position`. */
  async wait(position: string, { timeoutMs, signal }: ReachOptions): Promise<void> {
    const undos: (() => void)[] = [];
    try {
      await new Promise<void>((resolve, reject) => {
        const waiter = { position, resolve, reject };
        this.#insert(waiter);
        undos.push(() => this.#remove(waiter));
        if (timeoutMs !== undefined) {
          const late = (): void => reject(this.#late(position, timeoutMs));
          undos.push(this.#parts.deadlines.after(millisecondsOf("timeoutMs", timeoutMs), late));
        }
        if (signal !== undefined) {
          const aborted = (): void => reject(signal.reason);
          signal.addEventListener("abort", aborted, { once: true });
          undos.push(() => signal.removeEventListener("abort", aborted));
        }
      });
    } finally {
      for (const undo of undos) {
        undo();
      }
    }
  }

  #insert(waiter: Waiter): void {
    let at = this.#waiters.length;
    for (let before = this.#waiters[at - 1]; before !== undefined; before = this.#waiters[at - 1]) {
      if (this.#parts.compare(before.position, waiter.position) <= 0) {
        break;
      }
      at--;
    }
    this.#waiters.splice(at, 0, waiter);
  }

  #remove(waiter: Waiter): void {
    const at = this.#waiters.indexOf(waiter);
    if (at >= 0) {
      this.#waiters.splice(at, 1);
    }
  }

  /** Everything up to `position` is folded. */
  covers(position: string): void {
    for (let [first] = this.#waiters; first !== undefined; [first] = this.#waiters) {
      if (this.#parts.compare(first.position, position) > 0) {
        return;
      }
      this.#waiters.shift();
      first.resolve();
    }
  }

  /** Nothing more is folded. */
  end(error: unknown): void {
    for (const { reject } of this.#waiters.splice(0)) {
      reject(error);
    }
  }

  #late(position: string, timeoutMs: number): AetherError {
    return new AetherError(
      "AETHER_TIMEOUT",
      `Expected the view "${this.#parts.name}" to cover ${position} within ${timeoutMs} ms, got no further than before it`,
      { details: { view: this.#parts.name, position, timeoutMs } },
    );
  }
}
