/**
 * The current: plain waves of one tick on their way to their listeners. A wave enters once, however many hear it, and
 * each listener takes its whole run at a time: this is what makes a wide fan-out cheap.
 */

import type { Wave } from "../wave/wave.ts";
import type { Route } from "./route.ts";

/** Waves of this half-life and longer cannot fade on the way. */
const SLOWEST_MS = 1000;

/** Consecutive waves on one route. */
interface Run {
  readonly route: Route;
  readonly from: number;
}

const RESOLVED = Promise.resolve();

/** Waves in the order they were emitted in. What cannot go in runs must call {@link settle} first, to keep the order. */
export class Current {
  #waves: Wave[] = [];
  #runs: Run[] = [];
  #lastRoute: Route | undefined;
  #band = 0;
  #oneBand = true;
  #bytes = 0;
  /** What the routes of this tick can take: every listener stays below half of its inbox. */
  #spareWaves = Number.POSITIVE_INFINITY;
  #spareBytes = Number.POSITIVE_INFINITY;
  #scheduled = false;
  /** The tick that is being handed over, and how far it is. */
  #flowing: { readonly waves: readonly Wave[]; readonly runs: readonly Run[] } | undefined;
  #flowingRun = 0;
  #flowingListener = 0;
  readonly #flow = (): void => this.#handOver();

  /** Takes `wave` along if it can go in a run with others; false: it must be carried by itself. */
  take(wave: Wave, route: Route): boolean {
    if (!wave.plain || wave.arrivalAmplitude < route.threshold || wave.halfLifeMs < SLOWEST_MS) {
      return false;
    }
    if (route !== this.#lastRoute) {
      this.#enter(route);
    }
    const count = this.#waves.length;
    const { bytes, band } = wave;
    if (count >= this.#spareWaves || this.#bytes + bytes > this.#spareBytes) {
      return false;
    }
    if (count === 0) {
      this.#band = band;
    } else if (band !== this.#band) {
      this.#oneBand = false;
    }
    this.#bytes += bytes;
    this.#waves.push(wave);
    if (!this.#scheduled) {
      this.#scheduled = true;
      void RESOLVED.then(this.#flow);
    }
    return true;
  }

  #enter(route: Route): void {
    this.#lastRoute = route;
    this.#runs.push({ route, from: this.#waves.length });
    for (const { spare } of route.alone) {
      this.#spareWaves = Math.min(this.#spareWaves, spare.waves);
      this.#spareBytes = Math.min(this.#spareBytes, spare.bytes);
    }
  }

  /** Puts every wave that is on its way into the inboxes now: what comes next comes after them. */
  settle(): void {
    const flowing = this.#flowing;
    if (flowing !== undefined) {
      this.#flowing = undefined;
      hand(flowing.waves, flowing.runs, this.#flowingRun, this.#flowingListener + 1);
    }
    const { waves, runs } = this.#takeOut();
    hand(waves, runs, 0, 0);
  }

  /** Empties the tick, and forgets what its routes could take. */
  #takeOut(): { waves: Wave[]; runs: Run[]; oneBand: boolean } {
    const tick = { waves: this.#waves, runs: this.#runs, oneBand: this.#oneBand };
    this.#waves = [];
    this.#runs = [];
    this.#lastRoute = undefined;
    this.#oneBand = true;
    this.#bytes = 0;
    this.#spareWaves = Number.POSITIVE_INFINITY;
    this.#spareBytes = Number.POSITIVE_INFINITY;
    return tick;
  }

  /** The tick has ended: each listener takes its runs, and handles them at once where order allows it. */
  #handOver(): void {
    this.#scheduled = false;
    const { waves, runs, oneBand } = this.#takeOut();
    if (!oneBand) {
      hand(waves, runs, 0, 0);
      return;
    }
    this.#flowing = { waves, runs };
    for (let r = 0; r < runs.length; r++) {
      const run = runs[r];
      const to = runs[r + 1]?.from ?? waves.length;
      const listeners = run?.route.alone ?? [];
      this.#flowingRun = r;
      for (let i = 0; i < listeners.length; i++) {
        this.#flowingListener = i;
        listeners[i]?.receiveRun(waves, run?.from ?? to, to, true);
        if (this.#flowing === undefined) {
          return; // A handler made the rest settle.
        }
      }
    }
    this.#flowing = undefined;
  }
}

/** Lets the listeners from run `r` and listener `i` on take their waves into their inboxes. */
function hand(waves: readonly Wave[], runs: readonly Run[], r: number, i: number): void {
  let first = i;
  for (let at = r; at < runs.length; at++) {
    const run = runs[at];
    const to = runs[at + 1]?.from ?? waves.length;
    const listeners = run?.route.alone ?? [];
    for (let l = first; l < listeners.length; l++) {
      listeners[l]?.receiveRun(waves, run?.from ?? to, to, false);
    }
    first = 0;
  }
}
