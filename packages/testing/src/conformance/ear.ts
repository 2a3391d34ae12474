/** A listener that writes down what it is handed, and watches how. */

import { BANDS, type Listener, type Presence, type Uptake, type Wave } from "@aether/core";

/** How an ear listens. */
export interface EarOptions {
  /** Name of the vibrator it belongs to; default: one of its own. */
  readonly vibrator?: string | undefined;
  /** Default false: it shares with nobody. */
  readonly group?: string | false | undefined;
  /** Name inside its group; default: its pattern. */
  readonly name?: string | undefined;
  readonly observes?: boolean | undefined;
  /** What it does with each wave; another than `"admitted"` makes it look at each. */
  readonly uptake?: Uptake | undefined;
  /** Default 0: all plain waves may come in runs. 8: it looks at each wave. */
  readonly openBand?: number | undefined;
  /** Waves of lower bands it does not want, and looks at each. Default 0: it wants everything. */
  readonly lowestBand?: number | undefined;
  /** Most waves of one run. Default: any number. */
  readonly runWaves?: number | undefined;
  /** Most bytes of one run. Default: any number. */
  readonly runBytes?: number | undefined;
  /** Called with each wave, before it is written down. */
  readonly onWave?: ((wave: Wave) => void) | undefined;
}

/** The rule that a medium broke when it handed over a run. */
export type RunFault = "inside propagate" | "unasked" | "too long" | "several bands";

/** What an ear needs to know of its stage. */
export interface EarSurroundings {
  /** Whether somebody is inside `propagate` at this moment. */
  readonly propagating: boolean;
  /** Whether `wave` belongs to the test; others are refused and forgotten. */
  isOwn(wave: Wave): boolean;
  /** Whether `wave` only shows that interest has spread. */
  isWarmUp(wave: Wave): boolean;
}

/** A listener of the suite. */
export class Ear implements Listener {
  readonly presence: Presence;
  readonly observes: boolean;
  /** Whoever changes it tells the medium by `pressure`. */
  openBand: number;
  /** Whoever changes it tells the medium by `pressure`. */
  lowestBand: number;
  readonly adapts: boolean;
  readonly runHops: number = Number.POSITIVE_INFINITY;
  readonly runWaves: number;
  readonly runBytes: number;
  /** Whether it claims not to listen to waves such as come now. */
  deaf = false;
  readonly diffracts = true;
  /** Whether it claims to be in trouble. */
  opaque = false;
  /** Whether it claims to have no room. */
  full = false;
  /** What it was handed, in order. */
  readonly waves: Wave[] = [];
  /** How much came for it that was no wave. */
  noise = 0;
  /** Ids of the waves it did not want, whether it was handed them or told of them. */
  readonly unwanted: string[] = [];
  readonly faults: Set<RunFault> = new Set();
  /** Instance ids of those whose waves only showed that interest has spread to them. */
  readonly warmedBy: Set<string> = new Set();
  readonly #uptake: Uptake;
  readonly #onWave: ((wave: Wave) => void) | undefined;
  readonly #around: EarSurroundings;
  #roomWaiters: (() => void)[] = [];

  constructor(pattern: string, instance: string, options: EarOptions, around: EarSurroundings) {
    const { vibrator = instance, group = false, name = pattern, observes = false, uptake = "admitted" } = options;
    this.presence = { vibrator, instance, pattern, group, name };
    this.observes = observes;
    this.lowestBand = options.lowestBand ?? 0;
    this.adapts = this.lowestBand > 0;
    this.openBand = options.openBand ?? (uptake === "admitted" && this.lowestBand === 0 ? 0 : BANDS);
    this.#uptake = uptake;
    this.runWaves = options.runWaves ?? Number.POSITIVE_INFINITY;
    this.runBytes = options.runBytes ?? Number.POSITIVE_INFINITY;
    this.#onWave = options.onWave;
    this.#around = around;
  }

  /** Ids of what it was handed, in order. */
  get ids(): readonly string[] {
    return this.waves.map(({ id }) => id);
  }

  /** Whether it was handed `wave`. */
  has(wave: Wave): boolean {
    return this.waves.some(({ id }) => id === wave.id);
  }

  hears(wave: Wave): boolean {
    return !this.deaf && wave.band >= this.lowestBand && this.#around.isOwn(wave);
  }

  filtered(wave: Wave): void {
    if (this.#around.isOwn(wave)) {
      const { vibrator: by, instance: byId } = this.presence;
      this.unwanted.push(wave.id);
      wave.exchange?.refused({ code: "AETHER_SHED", by, byId });
    }
  }

  opaqueTo(): boolean {
    return this.opaque;
  }

  receive(wave: Wave): Uptake {
    if (!this.#around.isOwn(wave)) {
      return "refused";
    }
    if (wave.band < this.lowestBand) {
      this.filtered(wave);
      return "refused";
    }
    this.#take(wave);
    return this.#uptake;
  }

  receiveRun(waves: readonly Wave[], from: number, to: number, mayHandle: boolean): void {
    const run = waves.slice(from, to).filter((wave) => this.#around.isOwn(wave));
    const bytes = run.reduce((sum, wave) => sum + wave.bytes, 0);
    if (mayHandle && this.#around.propagating) {
      this.faults.add("inside propagate");
    }
    if (run.some((wave) => !wave.plain || wave.band < this.openBand)) {
      this.faults.add("unasked");
    }
    if (run.length > this.runWaves || bytes > this.runBytes) {
      this.faults.add("too long");
    }
    if (mayHandle && new Set(run.map(({ band }) => band)).size > 1) {
      this.faults.add("several bands");
    }
    for (const wave of run) {
      this.#take(wave);
    }
  }

  malformed(count = 1): void {
    this.noise += count;
  }

  #take(wave: Wave): void {
    if (this.#around.isWarmUp(wave)) {
      this.warmedBy.add(wave.sourceId);
      return;
    }
    this.#onWave?.(wave);
    this.waves.push(wave);
  }

  /** Has room again, and says so. */
  makeRoom(): void {
    this.full = false;
    for (const resolve of this.#roomWaiters.splice(0)) {
      resolve();
    }
  }

  room(): Promise<void> {
    if (!this.full) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#roomWaiters.push(resolve);
    });
  }
}
