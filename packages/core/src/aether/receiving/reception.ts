/** `receive` of one vibrator: takes from all its pulled resonances, each in its turn. */

import { AetherError } from "../../errors.ts";
import type { Wave } from "../../wave/wave.ts";
import type { Deadlines } from "../deadlines.ts";

/** What `receive` needs to know of a resonance that it may take from. */
export interface Source {
  takeOne(): Wave | undefined;
}

/** Those who wait in `receive`, and where their waves come from. */
export class Reception {
  readonly #sources: Source[] = [];
  readonly #waiters = new Set<(wave: Wave) => void>();
  readonly #closers = new Set<(error: unknown) => void>();

  add(source: Source): void {
    this.#sources.push(source);
    this.available();
  }

  delete(source: Source): void {
    const at = this.#sources.indexOf(source);
    if (at >= 0) {
      this.#sources.splice(at, 1);
    }
  }

  /** Something may be there. */
  readonly available = (): void => {
    for (const waiter of this.#waiters) {
      const wave = this.#next();
      if (wave === undefined) {
        return;
      }
      waiter(wave);
    }
  };

  #next(): Wave | undefined {
    for (let i = 0; i < this.#sources.length; i++) {
      const source = this.#sources.shift();
      if (source !== undefined) {
        this.#sources.push(source);
        const wave = source.takeOne();
        if (wave !== undefined) {
          return wave;
        }
      }
    }
    return undefined;
  }

  /** The next wave; `undefined` after `timeoutMs`. Rejects with the signal's reason, or when the vibrator closes. */
  receive(
    deadlines: Deadlines,
    timeoutMs: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Wave | undefined> {
    if (signal?.aborted) {
      return Promise.reject(signal.reason);
    }
    const wave = this.#next();
    if (wave !== undefined) {
      return Promise.resolve(wave);
    }
    return new Promise((resolve, reject) => {
      const undo =
        timeoutMs === undefined ? undefined : deadlines.after(timeoutMs, () => settle(() => resolve(undefined)));
      const onAbort = (): void => settle(() => reject(signal?.reason));
      const onClose = (error: unknown): void => settle(() => reject(error));
      const give = (given: Wave): void => settle(() => resolve(given));
      const settle = (then: () => void): void => {
        undo?.();
        signal?.removeEventListener("abort", onAbort);
        this.#waiters.delete(give);
        this.#closers.delete(onClose);
        then();
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiters.add(give);
      this.#closers.add(onClose);
    });
  }

  /** Ends everybody who waits. */
  close(): void {
    for (const close of [...this.#closers]) {
      close(new AetherError("AETHER_CLOSED", "The vibrator was closed while it waited for a wave"));
    }
  }
}
