/** When to stop: at the first Ctrl-C or SIGTERM, or when nobody reads what is written any more. */

/** A second signal within this time is the same one once more: npm passes on what the terminal has sent to all. */
const ECHO_MS = 100;

/**
 * Aborts at the first signal, and when the reader of standard output is gone. Another signal after that calls
 * `onForced` and ends the process at once, with exit code 1.
 */
export function untilStopped(onForced: () => void): AbortSignal {
  const stopping = new AbortController();
  let stoppedAt = 0;
  const onSignal = (): void => {
    if (!stopping.signal.aborted) {
      stoppedAt = performance.now();
      stopping.abort(new Error("Stopped by a signal"));
    } else if (performance.now() - stoppedAt > ECHO_MS) {
      onForced();
      process.exit(1);
    }
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  onUnread((reason) => stopping.abort(reason));
  return stopping.signal;
}

/** Aborts when the reader of standard output is gone. */
export function untilUnread(): AbortSignal {
  const stopping = new AbortController();
  onUnread((reason) => stopping.abort(reason));
  return stopping.signal;
}

function onUnread(tell: (reason: Error) => void): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") {
      throw error;
    }
    tell(new Error("Nobody reads any more"));
  });
}

/** Resolves when `signal` aborts. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) {
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  }
}
