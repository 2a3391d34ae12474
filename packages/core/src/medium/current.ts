/**
 * The current: plain waves of one tick on their way to their listeners. A wave enters once, however many hear it, and
 * each listener takes its whole run at a time: this is what makes a wide fan-out cheap.
 */

import { soon, systemClock } from "../clock.ts";
import { Wave } from "../wave/wave.ts";
import type { Route } from "./route.ts";

/** Waves of this half-life and longer cannot fade on the way. */
const SLOWEST_MS = 1000;

/** Runs between two looks at the clock, and how long they may hold the event loop. */
const STRIDE = 16;
const LONGEST_MS = 10;

/** Most waves, and runs, of a tick that is used again: what is emitted one by one costs no arrays. */
const MOST_KEPT = 16;

/** Most places that a tick is given in advance. */
const MOST_PLACES = 1024;

/** Stands where a wave stood that was handed over, so that nothing holds on to that. */
const NO_WAVE = Wave.of({
  ...{ id: "-", channel: "-", kind: "event", payload: undefined, amplitude: 0, halfLifeMs: 1, bytes: 0 },
  ...{ hops: 1, cause: undefined, trace: "-", extras: undefined, origin: { source: "-", sourceId: "-" } },
  moment: {
    at: 0,
    surroundings: { clock: systemClock, perHop: 1, minAmplitude: 0, maxLifetimeMs: 0, wallOffsetMs: 0 },
  },
});

/** Waves of one tick: run `r` goes on `routes[r]`, from `starts[r]` up to the start of the next. */
class Tick {
  readonly waves: Wave[] & { sound?: true };
  readonly routes: Route[];
  readonly starts: number[];
  waveCount = 0;
  runCount = 0;

  /** With as many places as the last tick needed, the arrays need not grow step by step. */
  constructor(waves: number, runs: number) {
    this.waves = waves > 1 ? new Array<Wave>(waves) : [];
    this.waves.sound = true;
    this.routes = runs > 1 ? new Array<Route>(runs) : [];
    this.starts = runs > 1 ? new Array<number>(runs) : [];
  }

  begin(route: Route): void {
    this.routes[this.runCount] = route;
    this.starts[this.runCount++] = this.waveCount;
  }

  /** Makes it as new; false: it is too large to be kept. */
  clear(): boolean {
    if (this.waveCount > MOST_KEPT || this.runCount > MOST_KEPT) {
      return false;
    }
    for (let at = 0; at < this.waveCount; at++) {
      this.waves[at] = NO_WAVE;
    }
    this.waveCount = 0;
    this.runCount = 0;
    return true;
  }

  /** The place behind the last wave of run `r`. */
  end(r: number): number {
    return r + 1 < this.runCount ? (this.starts[r + 1] ?? this.waveCount) : this.waveCount;
  }
}

/** Waves in the order they were emitted in. What cannot go in runs must call {@link settle} first, to keep the order. */
export class Current {
  /** The waves that have entered in this tick. */
  #tick: Tick | undefined;
  /** One that was handed over, to be used again. */
  #spare: Tick | undefined;
  /** How many waves and runs the last tick had. */
  #lastWaves = 1;
  #lastRuns = 1;
  #lastRoute: Route | undefined;
  #band = 0;
  #oneBand = true;
  #bytes = 0;
  /** The tick that is being handed over, and how far it is. */
  #flowing: Tick | undefined;
  #flowingRun = 0;
  #flowingListener = 0;
  readonly #flow = (): void => this.#handOver();

  /** Takes `wave` along if it can go in a run with others; false: it must be carried by itself. */
  take(wave: Wave, route: Route): boolean {
    // First of all: of a wave that somebody made by hand no number is what it seems.
    if (!wave.plain) {
      return false;
    }
    const { bytes, band } = wave;
    if (band < route.openBand || wave.hops > route.runHops || wave.halfLifeMs < SLOWEST_MS) {
      return false;
    }
    const tick = this.#tick ?? this.#begin(band);
    if (tick.waveCount >= route.runWaves || this.#bytes + bytes > route.runBytes) {
      return false;
    }
    if (route !== this.#lastRoute) {
      this.#lastRoute = route;
      tick.begin(route);
    }
    this.#oneBand &&= band === this.#band;
    this.#bytes += bytes;
    tick.waves[tick.waveCount++] = wave;
    return true;
  }

  #begin(band: number): Tick {
    const tick = this.#spare ?? new Tick(this.#lastWaves, this.#lastRuns);
    this.#spare = undefined;
    this.#tick = tick;
    this.#lastRoute = undefined;
    this.#band = band;
    this.#oneBand = true;
    this.#bytes = 0;
    soon(this.#flow);
    return tick;
  }

  #end(): Tick | undefined {
    const tick = this.#tick;
    this.#tick = undefined;
    if (tick !== undefined) {
      this.#lastWaves = Math.min(tick.waveCount, MOST_PLACES);
      this.#lastRuns = Math.min(tick.runCount, MOST_PLACES);
    }
    return tick;
  }

  /** Puts every wave that is on its way into the inboxes now: what comes next comes after them. */
  settle(): void {
    const flowing = this.#flowing;
    if (flowing !== undefined) {
      this.#flowing = undefined;
      hand(flowing, this.#flowingRun, this.#flowingListener + 1);
    }
    const tick = this.#end();
    if (tick !== undefined) {
      hand(tick, 0, 0);
    }
  }

  /** The tick has ended: each listener takes its runs, and handles them at once where order allows it. */
  #handOver(): void {
    const tick = this.#end();
    if (tick === undefined) {
      return; // It was settled.
    }
    if (!this.#oneBand) {
      hand(tick, 0, 0);
      return;
    }
    this.#flowing = tick;
    let startedAt = 0;
    for (let r = 0; r < tick.runCount; r++) {
      this.#flowingRun = r;
      this.#flowRun(tick, r);
      if (this.#flowing !== tick) {
        return; // A handler made the rest settle.
      }
      if (r % STRIDE === STRIDE - 1) {
        const now = systemClock.monotonic();
        startedAt ||= now;
        if (now - startedAt > LONGEST_MS) {
          this.#flowing = undefined;
          hand(tick, r + 1, 0);
          return;
        }
      }
    }
    this.#flowing = undefined;
    if (tick.clear()) {
      this.#spare = tick;
    }
  }

  #flowRun(tick: Tick, r: number): void {
    const route = tick.routes[r];
    const from = tick.starts[r] ?? 0;
    const to = tick.end(r);
    if (route?.only !== undefined) {
      this.#flowingListener = 0;
      route.only.receiveRun(tick.waves, from, to, true);
      return;
    }
    const listeners = route?.alone ?? [];
    for (let i = 0; i < listeners.length && this.#flowing === tick; i++) {
      this.#flowingListener = i;
      listeners[i]?.receiveRun(tick.waves, from, to, true);
    }
  }
}

/** Lets the listeners from run `r` and listener `i` on take their waves into their inboxes. */
function hand(tick: Tick, r: number, i: number): void {
  let first = i;
  for (let at = r; at < tick.runCount; at++) {
    const listeners = tick.routes[at]?.alone ?? [];
    for (let l = first; l < listeners.length; l++) {
      listeners[l]?.receiveRun(tick.waves, tick.starts[at] ?? 0, tick.end(at), false);
    }
    first = 0;
  }
}
