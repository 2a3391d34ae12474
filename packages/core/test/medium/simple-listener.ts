/** The simplest listener: it writes down what it receives, and how. */

import type { Link, Listener, MediumEvents, Presence, Tuning, Uptake } from "../../src/medium/medium.ts";
import type { Moment, Wave } from "../../src/wave/wave.ts";
import { sampleSurroundings } from "../sample-wave.ts";

export interface SimpleOptions {
  /** Name of its group; false: none. Default: a group of its own. */
  readonly group?: string | false;
  /** Name inside the group. Default: the pattern. */
  readonly name?: string;
  readonly observes?: boolean;
  /** Band from which on it takes plain waves without looking; 8: never. Default 0. */
  readonly openBand?: number;
  /** Waves of lower bands are not wanted. Default 0. */
  readonly lowestBand?: number;
  /** Waves, and bytes, that may come in one run. Default: any number. */
  readonly runWaves?: number;
  readonly runBytes?: number;
  /** Hops that a wave of a run may have. Default: any number. */
  readonly runHops?: number;
  /** Whether a wave would pass its gate. Default: every wave. */
  readonly hears?: (wave: Wave) => boolean;
  /** Called for each wave that it may handle at once. */
  readonly handler?: (wave: Wave) => void;
}

let made = 0;

export class SimpleListener implements Listener {
  readonly presence: Presence;
  readonly observes: boolean;
  openBand: number;
  lowestBand: number;
  readonly adapts = false;
  /** Payloads of all waves that were kept away. */
  readonly keptAway: unknown[] = [];
  readonly runHops: number;
  readonly runWaves: number;
  readonly runBytes: number;
  readonly #hears: ((wave: Wave) => boolean) | undefined;
  readonly #handler: ((wave: Wave) => void) | undefined;
  /** Payloads of all waves, in the order they came in. */
  readonly heard: unknown[] = [];
  /** How they came: `handled` at once, put into the `inbox` as part of a run, or alone. */
  readonly how: ("handled" | "inbox" | "alone")[] = [];
  /** How many waves each run had. */
  readonly runs: number[] = [];
  /** What it tells of waves that come alone. */
  uptake: Uptake = "admitted";
  full = false;
  diffracts = true;
  /** Whether it is in trouble. */
  opaque = false;
  #roomy: (() => void) | undefined;

  constructor(pattern: string, options: SimpleOptions = {}) {
    made++;
    const { group = `group-${made}`, name = pattern, observes = false, openBand = 0, handler } = options;
    this.presence = { vibrator: `vibrator-${made}`, instance: `instance-${made}`, pattern, group, name };
    this.observes = observes;
    this.openBand = openBand;
    this.lowestBand = options.lowestBand ?? 0;
    this.runWaves = options.runWaves ?? Number.POSITIVE_INFINITY;
    this.runBytes = options.runBytes ?? Number.POSITIVE_INFINITY;
    this.runHops = options.runHops ?? Number.POSITIVE_INFINITY;
    this.#hears = options.hears;
    this.#handler = handler;
  }

  hears(wave: Wave): boolean {
    return wave.band >= this.lowestBand && (this.#hears?.(wave) ?? true);
  }

  opaqueTo(): boolean {
    return this.opaque;
  }

  filtered(wave: Wave): void {
    this.keptAway.push(wave.payload);
  }

  receive(wave: Wave): Uptake {
    if (this.uptake !== "refused") {
      this.heard.push(wave.payload);
      this.how.push("alone");
    }
    return this.uptake;
  }

  /** How much came that was no wave. */
  noise = 0;

  malformed(count = 1): void {
    this.noise += count;
  }

  receiveRun(waves: readonly Wave[], from: number, to: number, mayHandle: boolean): void {
    const run = waves.slice(from, to);
    this.runs.push(run.length);
    for (const wave of run) {
      this.heard.push(wave.payload);
      this.how.push(mayHandle ? "handled" : "inbox");
      if (mayHandle) {
        this.#handler?.(wave);
      }
    }
  }

  room(): Promise<void> {
    return this.full
      ? new Promise((resolve) => {
          this.#roomy = resolve;
        })
      : Promise.resolve();
  }

  /** Has room again, and says so. */
  makeRoom(): void {
    this.full = false;
    this.#roomy?.();
  }
}

/** What a link was told. */
export class Told implements MediumEvents {
  readonly all: string[] = [];

  connected(): void {
    this.all.push("connected");
  }

  disconnected(): void {
    this.all.push("disconnected");
  }

  interest(): void {
    this.all.push("interest");
  }

  reflected(reflection: Wave): void {
    this.all.push(`reflected ${reflection.cause}`);
  }

  moment(): Moment {
    return { at: 1000, surroundings: sampleSurroundings() };
  }
}

/** `listener` on `link`, once it is ready. */
export async function listening(
  link: Link,
  pattern: string,
  options: SimpleOptions = {},
): Promise<SimpleListener & { readonly tuning: Tuning }> {
  const listener = new SimpleListener(pattern, options);
  const tuning = await link.resonate(listener);
  return Object.assign(listener, { tuning });
}
