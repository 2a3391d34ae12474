/** Credits: which band may pull the next wave, so that louder ones come first and none is left out. */

/** One band of a group's place, as dealing sees it. */
export interface Claimant {
  /** Its share, as a number above 0. */
  readonly weight: number;
  /** Whether waves wait there. */
  readonly busy: boolean;
  /** Whether it has become busy since the last dealing. */
  fresh: boolean;
  /** Waves that it may pull and has not asked for yet. */
  claim: number;
  /** How far it has come; the one that is behind the most is next. */
  pass: number;
}

/**
 * Deals `free` credits among those where waves wait, each by its weight over time: it gets a credit each time it is the
 * furthest behind, and then goes on by `1 / weight`. Claimants stand in the order of their weight, lightest first.
 */
export function deal(claimants: readonly Claimant[], free: number): void {
  welcome(claimants);
  for (let left = free; left > 0; left--) {
    let next: Claimant | undefined;
    for (const claimant of claimants) {
      if (claimant.busy && (next === undefined || claimant.pass <= next.pass)) {
        next = claimant;
      }
    }
    if (next === undefined) {
      return;
    }
    next.claim++;
    next.pass += 1 / next.weight;
  }
}

/** One that was idle begins where the others are: it need not wait, and cannot make up for what it never wanted. */
function welcome(claimants: readonly Claimant[]): void {
  let least = Number.POSITIVE_INFINITY;
  for (const { busy, fresh, pass } of claimants) {
    least = busy && !fresh ? Math.min(least, pass) : least;
  }
  for (const claimant of claimants) {
    if (claimant.busy && claimant.fresh) {
      claimant.fresh = false;
      claimant.pass = least === Number.POSITIVE_INFINITY ? 0 : least;
    }
  }
}
