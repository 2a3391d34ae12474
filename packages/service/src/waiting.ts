/** Waiting that can end early: by a signal, or because the time has passed. */

import { AetherError, type Clock, systemClock } from "@aether/core";

const LONGEST_MS = 2 ** 31 - 1;

/** `amount` if it is a number of milliseconds from 0 to 24 days. Throws `AETHER_BAD_OPTION`. */
export function millisecondsOf(option: string, amount: number): number {
  if (typeof amount === "number" && amount >= 0 && amount <= LONGEST_MS) {
    return amount;
  }
  const what = `a number of milliseconds from 0 to ${LONGEST_MS}`;
  throw new AetherError("AETHER_BAD_OPTION", `Expected \`${option}\` to be ${what}, got ${String(amount)}`, {
    details: { option, got: amount },
  });
}

/** What `work` comes to; rejects with the signal's reason when that aborts first. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let undo = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    undo = () => signal.removeEventListener("abort", onAbort);
    if (signal.aborted) {
      onAbort();
    }
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    undo();
  }
}

/** Resolves to whether `work` settled within `ms` of `clock`; rejects when it did so by rejecting. */
export async function settledWithin(work: Promise<void>, ms: number, clock: Clock = systemClock): Promise<boolean> {
  let undo = (): void => {};
  const late = new Promise<false>((resolve) => {
    const ring = (): void => resolve(false);
    const alarm = clock.schedule?.(ring, ms) ?? systemClock.schedule(ring, ms);
    undo = () => alarm.cancel();
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    undo();
  }
}
