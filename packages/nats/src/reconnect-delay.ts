/** Reconnect delays: how long a link that lost its server waits between two attempts. */

export const FIRST_DELAY_MS = 250;
/** Nobody waits for longer, and so many links come back within so long, evenly. */
const LONGEST_DELAY_MS = 1000;
/** After so long without an attempt the delays begin anew. */
const CALM_MS = 20_000;

/**
 * Delays that double up to one second, each any part of that: links that lost a server together come back apart. The
 * client asks before each attempt and again when it wakes up, and is told the same until it may go: of several draws the
 * longest would count. `now` is in monotonic milliseconds.
 */
export function fullJitter(
  random: () => number = Math.random,
  now: () => number = () => performance.now(),
): () => number {
  let most = FIRST_DELAY_MS;
  let delay = 0;
  let drawnAt = Number.NEGATIVE_INFINITY;
  let isOver = true;
  return () => {
    const at = now();
    if (!isOver) {
      isOver = at - drawnAt >= delay;
      return delay;
    }
    most = at - drawnAt > CALM_MS ? FIRST_DELAY_MS : Math.min(LONGEST_DELAY_MS, most * 2);
    delay = random() * most;
    drawnAt = at;
    isOver = false;
    return delay;
  };
}
