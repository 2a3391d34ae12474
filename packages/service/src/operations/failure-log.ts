/** The log of failed handlers: a line each, and no more of them in a second than anybody reads. */

import type { Aether } from "@aether/core";
import type { Log } from "../log.ts";

/** Lines a second; what is over that is counted, and told with the next line. */
const MOST = 10;

/** Logs what handlers of `isOwn` vibrators fail at, until the undo is called. */
export function logFailures(
  aether: Aether,
  log: Log,
  isOwn: (vibrator: string) => boolean,
  now: () => number,
): () => void {
  let second = Number.NaN;
  let written = 0;
  let unwritten = 0;
  return aether.on("failed", ({ vibrator, pattern, wave, error, attempt, willRetry }) => {
    if (!isOwn(vibrator)) {
      return;
    }
    if (willRetry) {
      log.debug("A handler has failed; its wave is tried again", { vibrator, pattern, wave, error, attempt });
      return;
    }
    const at = Math.floor(now() / 1000);
    if (at !== second) {
      second = at;
      written = 0;
    }
    if (++written > MOST) {
      unwritten++;
      return;
    }
    const more = unwritten === 0 ? {} : { more: unwritten };
    unwritten = 0;
    log.error("A handler has failed", { vibrator, pattern, wave, error, attempt, ...more });
  });
}
