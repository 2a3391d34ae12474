/** Resend control: when a wave that nobody took is sent again, and when it is given up. docs/physics.md §2. */

/** How a wave is sent again. */
export interface ResendLaw {
  /** Most sendings of one wave, the first included. */
  readonly attempts: number;
  /** Milliseconds that the first wait takes at most; each later one at most twice as many as the one before. */
  readonly baseMs: number;
  /** Milliseconds that no wait is longer than, unless who refused it says so. */
  readonly capMs: number;
  /** Resends of one channel in a minute, as a share of its first sendings; `Infinity`: any number. */
  readonly budget: number;
}

export const DEFAULT_RESEND: ResendLaw = { attempts: 3, baseMs: 100, capMs: 10_000, budget: 0.1 };

/**
 * Milliseconds to wait after the `n`-th resend (0: after the first sending): `min(cap, base · 2^n) · u`, with `u` from
 * 0 up to 1 by chance, lest all come back together; at least `leastMs`, which is what a receiver asked for.
 */
export function resendDelayMs(n: number, u: number, law: ResendLaw = DEFAULT_RESEND, leastMs = 0): number {
  return Math.max(leastMs, Math.min(law.capMs, law.baseMs * 2 ** n) * u);
}

/** Counts by second, of as many seconds as it has places. */
class Seconds {
  readonly #counts: number[];
  #last = Number.NEGATIVE_INFINITY;
  #sum = 0;

  constructor(places: number) {
    this.#counts = new Array<number>(places).fill(0);
  }

  /** The sum of the last seconds, `now` (milliseconds) included. */
  sum(now: number): number {
    const second = Math.max(this.#last, Math.floor(now / 1000));
    const { length } = this.#counts;
    for (let at = Math.max(this.#last + 1, second - length + 1); at <= second; at++) {
      const place = ((at % length) + length) % length;
      this.#sum -= this.#counts[place] ?? 0;
      this.#counts[place] = 0;
    }
    this.#last = second;
    return this.#sum;
  }

  add(now: number, count: number): void {
    this.sum(now);
    const { length } = this.#counts;
    const place = ((this.#last % length) + length) % length;
    this.#counts[place] = (this.#counts[place] ?? 0) + count;
    this.#sum += count;
  }
}

const WINDOW_S = 60;
/** So many resends a minute are always allowed: a tenth of little traffic would be nothing. */
const LEAST_RESENDS = 3;

/**
 * What may be sent again on one channel: in any 60 seconds at most `share` of what was sent first, and at least 3. It
 * counts by whole seconds, on the safe side. Its size does not depend on the traffic.
 */
export class ResendBudget {
  readonly #first = new Seconds(WINDOW_S);
  readonly #again = new Seconds(WINDOW_S + 1);

  /** A wave is sent for the first time at `now` (monotonic milliseconds), or several are. */
  sent(now: number, waves = 1): void {
    this.#first.add(now, waves);
  }

  /** Whether one more may be sent again at `now`; if so it counts. */
  take(now: number, share: number = DEFAULT_RESEND.budget): boolean {
    const most = share === Number.POSITIVE_INFINITY ? share : Math.max(LEAST_RESENDS, share * this.#first.sum(now));
    const allowed = this.#again.sum(now) + 1 <= most;
    if (allowed) {
      this.#again.add(now, 1);
    }
    return allowed;
  }
}
