/** Obstacles: how opaque a receiver is, and how likely a wave tunnels through it all the same. docs/physics.md §9. */

/** Opacity from which on waves go around. */
export const OPAQUE = 0.5;

/** How much one second of waiting that is left weighs against tunnelling. */
const DECAY_PER_SECOND = 2;

/** What makes a receiver an obstacle. */
export interface Obstacle {
  /** Whether its circuit is open: too many runs have failed. */
  readonly open: boolean;
  /** The share of its last runs that have failed, 0..1. */
  readonly failureRate: number;
  /** How much of what it hears it throws back, `|r|`, 0..1. */
  readonly pushBack: number;
}

/** `o`, 0 (clear) to 1 (opaque): 1 when the circuit is open, else the larger of failure rate and `|r|`. */
export function opacityOf({ open, failureRate, pushBack }: Obstacle): number {
  return open ? 1 : Math.max(failureRate, pushBack);
}

/**
 * How likely a wave passes an obstacle of `opacity` (0..1) whose circuit stays open for another `remainingMs`:
 * `e^(−2·o·w)`, w in seconds; 1 once the time is over. docs/physics.md §9.
 */
export function tunnelling(opacity: number, remainingMs: number): number {
  return Math.exp((-DECAY_PER_SECOND * opacity * Math.max(0, remainingMs)) / 1000);
}
