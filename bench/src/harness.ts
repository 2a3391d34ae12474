/** Lets contestants take turns (A B C A B C …), so that the noise of the machine falls on all of them alike. */

import { setImmediate as turn } from "node:timers/promises";
import type { Contestant, Trial } from "./row.ts";

export interface Pace {
  readonly warmUpMs: number;
  readonly sampleMs: number;
  readonly rounds: number;
}

/** Samples by contestant; those at the same index were taken in the same round. */
export type Samples = Record<string, number[]>;

export async function takeTurns(contestants: readonly Contestant[], pace: Pace): Promise<Samples> {
  const trials = new Map<string, Trial>();
  for (const { name, open } of contestants) trials.set(name, await open());

  const samples: Samples = {};
  for (const name of trials.keys()) samples[name] = [];

  // Three short laps instead of one: code optimised alone would be deoptimised by the first rival.
  for (let lap = 0; pace.warmUpMs > 0 && lap < 3; lap++) {
    for (const [name, trial] of trials) await visit(name, trial, pace.warmUpMs / 3);
  }
  for (let round = 0; round < pace.rounds; round++) {
    for (const [name, trial] of trials) samples[name]?.push(await visit(name, trial, pace.sampleMs));
  }
  for (const trial of trials.values()) await trial.close();
  return samples;
}

async function visit(name: string, trial: Trial, sampleMs: number): Promise<number> {
  try {
    return await trial.sample(sampleMs);
  } catch (cause) {
    throw new Error(`${name} did not do its work`, { cause });
  }
}

export interface Work {
  /** Operations done by one pass. */
  readonly operations: number;
  /** Resolves when everything that the pass set off has been counted. */
  pass(): Promise<void>;
  /** Throws when more or less happened than should have. */
  verify(): void;
  close(): Promise<void>;
}

/** A trial that measures operations per second. */
export function speedTrial({ operations, pass, verify, close }: Work): Trial {
  return {
    close,
    async sample(sampleMs) {
      globalThis.gc?.({ type: "minor" }); // everybody clears away their own garbage only
      const start = performance.now();
      let done = 0;
      do {
        await pass();
        done += operations;
      } while (performance.now() - start < sampleMs);
      await turn(); // asynchronous handlers that were counted at their start end here, before the clock stops
      const elapsedMs = performance.now() - start;
      verify();
      return (done / elapsedMs) * 1000;
    },
  };
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which the `part` (0..1) of `values` lies, interpolated. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * part;
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}
