/** The time of this tick: all waves of one tick leave at one moment, and the clock is read once for them. */

import { atTickEnd, systemClock, type Timekeeper } from "../clock.ts";
import type { Physics } from "../physics/physics.ts";
import type { Moment, Surroundings } from "../wave/wave.ts";

/** How often the distance between the wall clock and the monotonic one is measured. */
const CALIBRATION_MS = 1000;

/**
 * Gives the moment that waves leave at. The platform's clock is read once a tick, as the event loop itself does for
 * timers, and again when handlers have taken their time; any other clock is read each time, for it may be moved
 * within a tick.
 */
export class TickTime {
  readonly #clock: Timekeeper;
  readonly #physics: Physics;
  readonly #cached: boolean;
  #surroundings: Surroundings;
  #measuredAt: number;
  #moment: Moment | undefined;
  readonly #expire = (): void => {
    this.#moment = undefined;
  };

  constructor(clock: Timekeeper, physics: Physics) {
    this.#clock = clock;
    this.#physics = physics;
    this.#cached = clock === systemClock;
    this.#measuredAt = clock.monotonic();
    this.#surroundings = this.#measure(this.#measuredAt);
  }

  get moment(): Moment {
    if (this.#moment !== undefined) {
      return this.#moment;
    }
    const moment = this.#read();
    if (this.#cached) {
      this.#moment = moment;
      atTickEnd(this.#expire);
    }
    return moment;
  }

  /** Reads the clock: monotonic milliseconds. What leaves in this tick from now on leaves at this moment. */
  refresh(): number {
    const moment = this.#read();
    if (this.#moment !== undefined) {
      this.#moment = moment;
    }
    return moment.at;
  }

  #read(): Moment {
    const at = this.#clock.monotonic();
    if (at - this.#measuredAt > CALIBRATION_MS) {
      this.#measuredAt = at;
      this.#surroundings = this.#measure(at);
    }
    return { at, surroundings: this.#surroundings };
  }

  #measure(at: number): Surroundings {
    const { perHop, minAmplitude, maxLifetimeMs } = this.#physics;
    const clock = this.#clock;
    return { clock, perHop, minAmplitude, maxLifetimeMs, wallOffsetMs: clock.now() - at };
  }
}
