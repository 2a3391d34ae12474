/** The adaptive noise floor: how much of the traffic a receiver sheds so that the rest waits no longer than it may. */

import { type FloorOptions, floorOptions } from "./floor-options.ts";

/** A band that has to be kept away again so soon after it was let in has come back too early. */
const RELAPSE_MS = 5000;
/** A tick that is late counts in the sum of errors as at most this many: what a long pause taught is out of date. */
const MOST_TICKS = 5;
/** Overload is measured up to this: above it a receiver sheds all it can in any case, and must find its way back. */
const MOST_RHO = 10_000;
/** Tolerance where an edge of a band is compared with an edge of a bin. */
const EPSILON = 1e-9;

/**
 * Follows the delay of an inbox by moving the shed share u, 0..0.99, not the floor: the floor is the u-quantile of
 * the amplitudes seen lately, and the bin it falls into is admitted in part, by the hash of the trace. So the share
 * that is admitted is 1 − u, however the amplitudes are spread. Deterministic; knows no clock. docs/physics.md §3.
 */
export class AdaptiveFloor {
  readonly #options: FloorOptions;
  /** Amplitudes seen lately, by bin. */
  readonly #seen: Float64Array;
  /** The share that is shed. */
  #shed = 0;
  #delayMs = 0;
  /** Arrivals over service: 1 is as much as can be done. */
  #rho = 1;
  /** Waves since the last tick. */
  #offered = 0;
  /** The bin that the floor falls into, and the part of it that is admitted. */
  #edge = 0;
  #edgeAdmits = 1;
  /** Whether the safeguard admits everything. */
  #isCalm: boolean;
  #brokerBand = 0;
  /** How long it has been time to keep one more band away, and to let one in. */
  #aboveMs = 0;
  #belowMs = 0;
  #backoff = 1;
  #now = 0;
  #loweredAt = Number.NEGATIVE_INFINITY;

  /** Throws `AETHER_BAD_OPTION`. */
  constructor(options?: { readonly [K in keyof FloorOptions]?: FloorOptions[K] | undefined }) {
    this.#options = floorOptions(options);
    this.#seen = new Float64Array(this.#options.bins);
    this.#isCalm = this.#options.safeguardShed > 0;
  }

  /** Amplitude below which waves are shed, 0..1; of those in its bin only a part is. */
  get floor(): number {
    return Math.max(this.#options.staticFloor, this.#edge / this.#options.bins);
  }

  /** The share of waves that is shed, 0..0.99. */
  get shed(): number {
    return this.#shed;
  }

  /** Waves of lower bands, by their amplitude at emission, need not be handed over at all: the medium may filter them. */
  get brokerBand(): number {
    return this.#brokerBand;
  }

  /**
   * Whether a wave that arrives with amplitude `a` is admitted; it counts as seen. `h01` (0 up to 1) is the hash of
   * its trace: of one chain of waves all those with the same amplitude fare alike. What is no amplitude is not admitted.
   */
  admit(a: number, h01: number): boolean {
    if (a >= 0) {
      const bin = this.#binOf(a);
      this.#seen[bin] = (this.#seen[bin] ?? 0) + 1;
      this.#offered++;
    }
    return this.admits(a, h01);
  }

  /** As {@link admit}, of a wave that is only asked about. */
  admits(a: number, h01: number): boolean {
    if (!(a >= this.#options.staticFloor)) {
      return false;
    }
    if (this.#isCalm) {
      return true;
    }
    const bin = this.#binOf(a);
    return bin > this.#edge || (bin === this.#edge && h01 < this.#edgeAdmits);
  }

  #binOf(a: number): number {
    const { bins } = this.#options;
    return Math.min(bins - 1, Math.max(0, Math.floor(a * bins)));
  }

  /**
   * Decides anew, `elapsedMs` (default: `tickMs`) after the last time. `delayMs` is what the inbox holds over the
   * service rate; `serviceRatePerMs` is in waves per millisecond, 0 where it is not known. `targetMs` is the target in
   * force, where that is above the one of the options. A delay that is no number counts as 0.
   */
  tick(
    delayMs: number,
    serviceRatePerMs: number,
    targetMs: number = this.#options.targetMs,
    elapsedMs: number = this.#options.tickMs,
  ): void {
    const { tickMs, alpha, beta, errCap, maxShed, rhoKnee, safeguardShed } = this.#options;
    const elapsed = elapsedMs > 0 && Number.isFinite(elapsedMs) ? elapsedMs : tickMs;
    const target = targetMs > this.#options.targetMs && Number.isFinite(targetMs) ? targetMs : this.#options.targetMs;
    const delay = delayMs >= 0 && Number.isFinite(delayMs) ? delayMs : 0;
    this.#now += elapsed;
    if (serviceRatePerMs > 0 && Number.isFinite(serviceRatePerMs)) {
      this.#rho = 0.9 * this.#rho + 0.1 * Math.min(MOST_RHO, this.#offered / elapsed / serviceRatePerMs);
    }
    this.#offered = 0;
    const gain = Math.max(1, this.#rho / rhoKnee);
    const error = clip((delay - target) / target, errCap);
    const change = clip((delay - this.#delayMs) / target, errCap);
    const ticks = Math.min(MOST_TICKS, elapsed / tickMs);
    const step = (alpha * error * ticks + beta * change) / gain;
    this.#delayMs = delay;
    this.#shed = Math.min(maxShed, Math.max(0, this.#shed + step));
    this.#moveEdge();
    this.#forget(elapsed);
    this.#raiseBand(elapsed);
    this.#lowerBand(elapsed, target);
    this.#isCalm = this.#shed < safeguardShed && delay < target / 2;
    if (this.#brokerBand === 0 && this.#shed === 0) {
      this.#backoff = 1;
    }
  }

  /** Puts the edge at the u-quantile of what was seen. */
  #moveEdge(): void {
    const seen = this.#seen;
    const last = seen.length - 1;
    const total = sum(seen);
    if (this.#shed === 0 || total === 0) {
      this.#edge = 0;
      this.#edgeAdmits = 1;
      return;
    }
    const need = this.#shed * total;
    let below = 0;
    let edge = 0;
    for (; edge < last && below + (seen[edge] ?? 0) < need; edge++) {
      below += seen[edge] ?? 0;
    }
    const inEdge = seen[edge] ?? 0;
    this.#edge = edge;
    this.#edgeAdmits = inEdge > 0 ? Math.max(0, 1 - (need - below) / inEdge) : 1;
  }

  #forget(elapsedMs: number): void {
    const kept = Math.exp(-elapsedMs / this.#options.histTauMs);
    for (let bin = 0; bin < this.#seen.length; bin++) {
      this.#seen[bin] = (this.#seen[bin] ?? 0) * kept;
    }
  }

  /** Keeps one more band away when it has been shed as a whole for long enough. */
  #raiseBand(elapsedMs: number): void {
    const { raiseShed, raiseHoldMs, bands, bins, backoffMax } = this.#options;
    const lowEdge = (this.#brokerBand + 1) / bands;
    const isShed = this.#shed >= raiseShed && this.#edge / bins >= lowEdge - EPSILON;
    if (!isShed || this.#brokerBand >= bands - 1) {
      this.#aboveMs = 0;
      return;
    }
    this.#aboveMs += elapsedMs;
    if (this.#aboveMs < raiseHoldMs) {
      return;
    }
    // What the medium keeps away is seen no more: u becomes the share of the rest.
    const share = this.#forgetBelow(lowEdge);
    this.#shed = share < 1 ? Math.max(0, (this.#shed - share) / (1 - share)) : 0;
    this.#brokerBand++;
    this.#aboveMs = 0;
    if (this.#now - this.#loweredAt < RELAPSE_MS) {
      this.#backoff = Math.min(backoffMax, this.#backoff * 2);
    }
  }

  /** Forgets what was seen below `amplitude`; gives its share of all. */
  #forgetBelow(amplitude: number): number {
    const { bins } = this.#options;
    const total = sum(this.#seen);
    let low = 0;
    for (let bin = 0; bin < bins && bin / bins < amplitude - EPSILON; bin++) {
      low += this.#seen[bin] ?? 0;
      this.#seen[bin] = 0;
    }
    return total > 0 ? low / total : 0;
  }

  /** Lets a band in again when it has been calm for long enough. */
  #lowerBand(elapsedMs: number, targetMs: number): void {
    const { lowerShed, lowerHoldMs } = this.#options;
    if (this.#brokerBand === 0 || this.#shed >= lowerShed || this.#delayMs >= targetMs) {
      this.#belowMs = Math.max(0, this.#belowMs - 2 * elapsedMs);
      return;
    }
    this.#belowMs += elapsedMs;
    if (this.#belowMs >= lowerHoldMs * this.#backoff) {
      this.#brokerBand--;
      this.#belowMs = 0;
      this.#loweredAt = this.#now;
    }
  }
}

function clip(value: number, most: number): number {
  return Math.max(-most, Math.min(most, value));
}

function sum(values: Float64Array): number {
  let total = 0;
  for (const value of values) {
    total += value;
  }
  return total;
}
