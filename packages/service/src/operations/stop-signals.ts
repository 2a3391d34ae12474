/** Stop signals: the first SIGTERM or SIGINT asks for an orderly end, the second one for an end at once. */

/** A second signal within this time is the same one once more: npm passes on what the terminal has sent to all. */
const ECHO_MS = 100;
const SIGNALS = ["SIGTERM", "SIGINT"] as const;

export type StopSignal = (typeof SIGNALS)[number];

/** Listens to the signals until it is disposed. */
export class StopSignals implements Disposable {
  readonly #stopping = new AbortController();
  readonly #onForced: (signal: StopSignal) => void;
  readonly #listeners = SIGNALS.map((signal) => ({ signal, listener: () => this.#heard(signal) }));
  #stoppedAt = 0;

  constructor(onForced: (signal: StopSignal) => void) {
    this.#onForced = onForced;
    for (const { signal, listener } of this.#listeners) {
      process.on(signal, listener);
    }
  }

  /** Aborts at the first signal; its reason names it. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  #heard(signal: StopSignal): void {
    if (!this.#stopping.signal.aborted) {
      this.#stoppedAt = performance.now();
      this.#stopping.abort(new Error(`Stopped by ${signal}`));
    } else if (performance.now() - this.#stoppedAt > ECHO_MS) {
      this.#onForced(signal);
    }
  }

  [Symbol.dispose](): void {
    for (const { signal, listener } of this.#listeners) {
      process.off(signal, listener);
    }
  }
}
