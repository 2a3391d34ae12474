/** Waiting for room: an emit with `whenFull: "wait"` leaves once everybody who hears its channel can take it. */

import { AetherError } from "../../errors.ts";
import type { Link } from "../../medium/medium.ts";
import type { Deadlines } from "../deadlines.ts";

/** How long, and until when, room is waited for. */
export interface RoomWait {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Launches as soon as everybody who hears `channel` has room: in the same breath, before others take it. Rejects with
 * `AETHER_TIMEOUT`, with the signal's reason, or with what `launch` throws; what it gives is handed on as it is.
 */
export async function whenRoom<T>(
  channel: string,
  { timeoutMs, signal }: RoomWait,
  link: Link,
  deadlines: Deadlines,
  launch: () => Promise<T>,
): Promise<{ readonly launched: Promise<T> }> {
  let stop: ((error: unknown) => void) | undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = reject;
  });
  stopped.catch(() => undefined);
  const onAbort = (): void => stop?.(signal?.reason);
  const undo = deadlines.after(timeoutMs, () => stop?.(crowded(channel, timeoutMs)));
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    if (signal?.aborted) {
      throw signal.reason;
    }
    for (let room = link.room(channel); room !== undefined; room = link.room(channel)) {
      await Promise.race([room, stopped]);
    }
    return { launched: launch() };
  } finally {
    undo();
    signal?.removeEventListener("abort", onAbort);
  }
}

function crowded(channel: string, timeoutMs: number): AetherError {
  return new AetherError("AETHER_TIMEOUT", `Nobody made room for a wave on "${channel}" in ${timeoutMs} ms`, {
    details: { channel, timeoutMs },
  });
}
