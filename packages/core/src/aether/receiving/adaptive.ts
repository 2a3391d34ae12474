/** The noise floor of one resonance that follows its load: senses the delay of the inbox, and sheds by it. */

import type { Clock } from "../../clock.ts";
import { AdaptiveFloor } from "../../physics/adaptive-floor.ts";
import { BANDS } from "../../physics/amplitude.ts";
import type { FloorOptions } from "../../physics/floor-options.ts";
import { hash01 } from "../../physics/hash.ts";
import { ServiceRate } from "../../physics/service-rate.ts";
import type { Wave } from "../../wave/wave.ts";
import { Deadline, type Deadlines } from "../deadlines.ts";

/** Waves that a receiver may have waiting whatever their delay: a slow one cannot hold a queue of less than one. */
const LEAST_BACKLOG = 4;

/** What an adaptive floor works by. */
export interface AdaptiveSettings {
  readonly options: FloorOptions;
  readonly deadlines: Deadlines;
}

/** Whose load it follows. */
export interface Loaded {
  /** Waves that wait; those that are being handled do not count. */
  readonly size: number;
  /** The floor is another one than before. */
  floorMoved(): void;
  /** The lowest band that is wanted is another one than before. */
  bandMoved(): void;
}

/**
 * The sensor around an {@link AdaptiveFloor}: delay = waves waiting / service rate, where the rate is that of
 * completions while waves wait. It ticks while there is load or anything is shed, and holds no process alive.
 */
export class Adaptive extends Deadline {
  readonly #floor: AdaptiveFloor;
  readonly #rate = new ServiceRate();
  readonly #settings: AdaptiveSettings;
  readonly #clock: Clock;
  readonly #loaded: Loaded;
  /** Since when waves have been waiting, as far as it is not in `busyMs` yet: monotonic milliseconds. */
  #busySince: number | undefined;
  #busyMs = 0;
  #completions = 0;
  #tickedAt: number | undefined;
  #ticks = false;
  #closed = false;
  /** The last wave that it was asked about and did not hear: it has been seen. */
  #asked: Wave | undefined;
  /** Milliseconds that a wave has to wait, as of the last tick. */
  delayMs = 0;

  constructor(settings: AdaptiveSettings, clock: Clock, loaded: Loaded) {
    super();
    this.#settings = settings;
    this.#floor = new AdaptiveFloor(settings.options);
    this.#clock = clock;
    this.#loaded = loaded;
  }

  override get holds(): boolean {
    return false;
  }

  /** Amplitude below which it does not listen at this moment. */
  get floor(): number {
    return Math.max(this.#floor.floor, this.#floor.brokerBand / BANDS);
  }

  /** The share of waves that is shed, 0..0.99, of those that the medium does not keep away. */
  get shed(): number {
    return this.#floor.shed;
  }

  /** Waves of lower bands are not wanted. */
  get lowestBand(): number {
    return this.#floor.brokerBand;
  }

  /** After how many milliseconds it may be worth trying again. */
  get retryAfterMs(): number {
    return Math.ceil(2 * this.delayMs);
  }

  /** Whether `wave`, which has arrived, is let in. */
  admits(wave: Wave): boolean {
    if (wave === this.#asked) {
      this.#asked = undefined;
      return false;
    }
    return wave.band >= this.#floor.brokerBand && this.#floor.admit(wave.arrivalAmplitude, this.#hashOf(wave));
  }

  /**
   * Whether it would let `wave` in. One that it would not goes to another member of its group: it counts as seen all
   * the same, for the floor is a quantile of all that is offered, not of what is left when it has been heeded.
   */
  hears(wave: Wave): boolean {
    if (wave.band < this.#floor.brokerBand || wave === this.#asked) {
      return false;
    }
    if (this.#floor.admits(wave.arrivalAmplitude, this.#hashOf(wave))) {
      return true;
    }
    this.admits(wave);
    this.#asked = wave;
    return false;
  }

  /** While nothing is shed the hash decides nothing. */
  #hashOf(wave: Wave): number {
    return this.#floor.shed === 0 ? 0 : hash01(wave.trace);
  }

  /** The inbox has changed. */
  queued(size: number): void {
    if (size > 0 === (this.#busySince !== undefined)) {
      return;
    }
    const now = this.#clock.monotonic();
    if (this.#busySince !== undefined) {
      this.#busyMs += now - this.#busySince;
      this.#busySince = undefined;
      return;
    }
    this.#busySince = now;
    if (!this.#ticks && !this.#closed) {
      this.#start(now);
    }
  }

  /** A wave is done with, and others were waiting for that. */
  completed(): void {
    this.#completions++;
  }

  #start(now: number): void {
    if (this.#tickedAt !== undefined && now > this.#tickedAt) {
      // What was seen before the pause is forgotten as if it had ticked all the time.
      this.#floor.tick(0, 0, undefined, now - this.#tickedAt);
    }
    this.#tickedAt = now;
    this.#ticks = true;
    this.#settings.deadlines.add(this, this.#settings.options.tickMs, now);
  }

  /** One tick. */
  expire(): void {
    const now = this.#clock.monotonic();
    const { size } = this.#loaded;
    const [floor, lowestBand] = [this.floor, this.lowestBand];
    this.#sense(now, size);
    if (this.floor !== floor) {
      this.#loaded.floorMoved();
    }
    if (this.lowestBand !== lowestBand) {
      this.#loaded.bandMoved();
    }
    this.#ticks = size > 0 || this.shed > 0 || this.lowestBand > 0;
    if (this.#ticks) {
      this.#settings.deadlines.add(this, this.#settings.options.tickMs, now);
    }
  }

  #sense(now: number, size: number): void {
    if (this.#busySince !== undefined) {
      this.#busyMs += now - this.#busySince;
      this.#busySince = now;
    }
    this.#rate.observe(this.#completions, this.#busyMs);
    this.#completions = 0;
    this.#busyMs = 0;
    const { perMs } = this.#rate;
    this.delayMs = perMs > 0 ? size / perMs : 0;
    // While waves wait every slot is busy, so that the mean service time over the concurrency is one over the rate.
    const targetMs = perMs > 0 ? LEAST_BACKLOG / perMs : undefined;
    this.#floor.tick(this.delayMs, perMs, targetMs, now - (this.#tickedAt ?? now));
    this.#tickedAt = now;
  }

  /** Ends it: it ticks no more. */
  close(): void {
    this.#closed = true;
    this.#ticks = false;
    this.#settings.deadlines.remove(this);
  }
}
