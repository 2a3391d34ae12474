/** Waiting without hoping: for a condition or a promise, at most until a deadline. */

import { AssertionError } from "node:assert";
import { setTimeout as pause, setImmediate as turn } from "node:timers/promises";

/** A process that is starved of time is not blamed: nothing is given up before it was looked at so often. */
const LEAST_LOOKS = 100;

/** Turns of the event loop in which a condition is looked at before it is looked at by the millisecond. */
const EAGER_TURNS = 20;

/** Resolves once `condition` holds. Rejects with an assertion error that says `what`, after `deadlineMs`. */
export async function until(condition: () => boolean, what: () => string, deadlineMs: number): Promise<void> {
  const end = performance.now() + deadlineMs;
  for (let looks = 0; !condition(); looks++) {
    if (looks > LEAST_LOOKS && performance.now() > end) {
      throw new AssertionError({ message: `Expected within ${deadlineMs} ms: ${what()}` });
    }
    await (looks < EAGER_TURNS ? turn() : pause(1));
  }
}

/** What `promise` gives. Rejects with an assertion error that says `what`, when it has not settled by the deadline. */
export async function within<T>(promise: Promise<T>, what: string, deadlineMs: number): Promise<T> {
  let settled = false;
  const late = until(
    () => settled,
    () => what,
    deadlineMs,
  );
  // When it is not late, `late` resolves a turn after `promise` has: the race is over by then.
  const wait = Promise.race([promise, late.then(() => promise)]);
  late.catch(() => undefined);
  try {
    return await wait;
  } finally {
    settled = true;
  }
}

/** Resolves after the event loop has turned, as often as it takes for what is already there to be seen. */
export async function turns(count = 3): Promise<void> {
  for (let i = 0; i < count; i++) {
    await turn();
  }
}
