/**
 * The current: plain waves of one tick on their way to their listeners. A wave enters once, however many hear it, and
 * each listener takes its whole run at a time: this is what makes a wide fan-out cheap.
 */

import { soon, systemClock } from "../clock.ts";
import type { Wave } from "../wave/wave.ts";
import type { Route } from "./route.ts";

/** Waves of this half-life and longer cannot fade on the way. */
const SLOWEST_MS = 1000;

/** Runs between two looks at the clock, and how long they may hold the event loop. */
const STRIDE = 16;
const LONGEST_MS = 10;

/** Waves of one tick: run `r` goes on `routes[r]`, from `starts[r]` up to the start of the next. */
interface Tick {
  readonly waves: Wave[];
  readonly routes: Route[];
  readonly starts: number[];
}

/** Waves in the order they were emitted in. What cannot go in runs must call {@link settle} first, to keep the order. */
export class Current {
  /** The waves that have entered in this tick. */
  #tick: Tick | undefined;
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
    const { bytes, band } = wave;
    if (band < route.openBand || wave.hops > route.runHops || !wave.plain || wave.halfLifeMs < SLOWEST_MS) {
      return false;
    }
    const tick = this.#tick;
    if (tick === undefined) {
      if (route.runWaves < 1 || bytes > route.runBytes) {
        return false;
      }
      this.#tick = { waves: [wave], routes: [route], starts: [0] };
      this.#lastRoute = route;
      this.#band = band;
      this.#oneBand = true;
      this.#bytes = bytes;
      soon(this.#flow);
      return true;
    }
    const { waves } = tick;
    if (waves.length >= route.runWaves || this.#bytes + bytes > route.runBytes) {
      return false;
    }
    if (route !== this.#lastRoute) {
      this.#lastRoute = route;
      tick.routes.push(route);
      tick.starts.push(waves.length);
    }
    this.#oneBand &&= band === this.#band;
    this.#bytes += bytes;
    waves.push(wave);
    return true;
  }

  /** Puts every wave that is on its way into the inboxes now: what comes next comes after them. */
  settle(): void {
    const flowing = this.#flowing;
    if (flowing !== undefined) {
      this.#flowing = undefined;
      hand(flowing, this.#flowingRun, this.#flowingListener + 1);
    }
    const tick = this.#tick;
    if (tick !== undefined) {
      this.#tick = undefined;
      hand(tick, 0, 0);
    }
  }

  /** The tick has ended: each listener takes its runs, and handles them at once where order allows it. */
  #handOver(): void {
    const tick = this.#tick;
    this.#tick = undefined;
    if (tick === undefined) {
      return; // It was settled.
    }
    const { waves, routes, starts } = tick;
    if (!this.#oneBand) {
      hand(tick, 0, 0);
      return;
    }
    this.#flowing = tick;
    let startedAt = 0;
    for (let r = 0; r < routes.length; r++) {
      const from = starts[r] ?? 0;
      const to = starts[r + 1] ?? waves.length;
      this.#flowingRun = r;
      this.#flowRun(tick, routes[r], from, to);
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
  }

  #flowRun(tick: Tick, route: Route | undefined, from: number, to: number): void {
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
function hand({ waves, routes, starts }: Tick, r: number, i: number): void {
  let first = i;
  for (let at = r; at < routes.length; at++) {
    const to = starts[at + 1] ?? waves.length;
    const listeners = routes[at]?.alone ?? [];
    for (let l = first; l < listeners.length; l++) {
      listeners[l]?.receiveRun(waves, starts[at] ?? to, to, false);
    }
    first = 0;
  }
}
