/** A real aether under more waves than its receiver can handle, in virtual time: Poisson arrivals, exponential service. */

import { type Resonance, type ResonanceOptions, seededRandom } from "@aether/core";
import { connect, expectBalance } from "./connect.ts";
import { ManualClock } from "./manual-clock.ts";

export interface Overload {
  /** Arrivals over service at `ms` since the beginning. */
  readonly load: (ms: number) => number;
  readonly seconds: number;
  readonly options: ResonanceOptions;
  readonly seed?: number;
  /** Mean milliseconds of one handler. Default 2. */
  readonly serviceMs?: number;
}

export interface Overloaded {
  /** Percent of each class that was handled within 250 ms. */
  readonly critical: number;
  readonly normal: number;
  readonly bulk: number;
  /** Waves handled in time, in percent of all that could be. */
  readonly goodput: number;
  /** Milliseconds that the waves in the inbox stand for, every 20 ms. */
  readonly delays: readonly number[];
  readonly resonance: Resonance;
  readonly clock: ManualClock;
}

const USEFUL_MS = 250;
const SAMPLE_MS = 20;
const CLASSES = [
  { name: "critical", upTo: 0.1, from: 0.8, to: 1 },
  { name: "normal", upTo: 0.4, from: 0.4, to: 0.6 },
  { name: "bulk", upTo: 1, from: 0.05, to: 0.25 },
] as const;

/** Lets `overload` happen to one resonance. */
export async function overloaded(overload: Overload): Promise<Overloaded> {
  const { load, seconds, options, seed = 1, serviceMs = 2 } = overload;
  const random = seededRandom(seed);
  const clock = new ManualClock();
  const aether = await connect({ clock, causality: "explicit", random: seededRandom(seed + 1) });
  const start = clock.monotonic();
  const offered = { critical: 0, normal: 0, bulk: 0 };
  const inTime = { critical: 0, normal: 0, bulk: 0 };
  const exponential = (mean: number): number => -Math.log(1 - random()) * mean;
  const concurrency = options.concurrency ?? 1;

  const resonance = await aether.vibrator("receiver").resonateOn(
    "work.*",
    (wave) =>
      new Promise<void>((resolve) => {
        clock.schedule(
          () => {
            const [, name] = wave.channel.split(".");
            const isUseful = clock.monotonic() - wave.arrivedAt <= USEFUL_MS;
            if (isUseful && (name === "critical" || name === "normal" || name === "bulk")) {
              inTime[name]++;
            }
            resolve();
          },
          exponential(serviceMs * concurrency),
        );
      }),
    { inbox: { capacity: 1000 }, concurrency, ...options },
  );

  const emitter = aether.vibrator("emitter");
  const end = start + seconds * 1000;
  const arrive = (): void => {
    if (clock.monotonic() >= end) {
      return;
    }
    const chance = random();
    const kind = CLASSES.find(({ upTo }) => chance < upTo) ?? CLASSES[2];
    offered[kind.name]++;
    void emitter.emit(`work.${kind.name}`, undefined, { amplitude: kind.from + (kind.to - kind.from) * random() });
    clock.schedule(arrive, exponential(serviceMs / load(clock.monotonic() - start)));
  };
  clock.schedule(arrive, 0);
  const delays: number[] = [];
  const sample = (): void => {
    delays.push(resonance.stats().queued * serviceMs);
    if (clock.monotonic() < end) {
      clock.schedule(sample, SAMPLE_MS);
    }
  };
  clock.schedule(sample, SAMPLE_MS);
  await clock.advance(seconds * 1000);
  expectBalance(resonance.stats());
  const useful = inTime.critical + inTime.normal + inTime.bulk;
  return {
    critical: (100 * inTime.critical) / offered.critical,
    normal: (100 * inTime.normal) / offered.normal,
    bulk: (100 * inTime.bulk) / offered.bulk,
    goodput: (100 * useful * serviceMs) / (seconds * 1000),
    delays,
    resonance,
    clock,
  };
}
