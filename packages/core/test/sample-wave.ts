/** Waves for tests that need one without an aether, and a clock that stands until it is moved. */

import type { Clock } from "../src/clock.ts";
import { type Surroundings, Wave, type WaveInit } from "../src/wave/wave.ts";

/** A clock that is moved by hand. */
export class StillClock implements Clock {
  time = 1000;

  now(): number {
    return 1_700_000_000_000 + this.time;
  }

  monotonic(): number {
    return this.time;
  }
}

export function sampleSurroundings(changes: Partial<Surroundings> = {}): Surroundings {
  return {
    clock: new StillClock(),
    perHop: 0.95,
    minAmplitude: 0.01,
    maxLifetimeMs: 3_600_000,
    wallOffsetMs: 1_700_000_000_000,
    ...changes,
  };
}

/** What may be different from the usual sample. */
export interface SampleChanges<P = unknown> extends Partial<Omit<WaveInit<P>, "moment">> {
  /** Milliseconds on the clock of its surroundings; default 1000. */
  readonly arrivedAt?: number;
  readonly surroundings?: Surroundings;
}

let made = 0;

/** Everything a wave is made of, with `changes`. */
export function sampleInit<P = unknown>(changes: SampleChanges<P> = {}): WaveInit<P> {
  made++;
  const { arrivedAt = 1000, surroundings = sampleSurroundings(), ...rest } = changes;
  return {
    id: `wave-${made}`,
    channel: "orders.created",
    kind: "event",
    payload: undefined as P,
    amplitude: 0.5,
    origin: { source: "alpha", sourceId: "alpha-1" },
    moment: { at: arrivedAt, surroundings },
    halfLifeMs: 60_000,
    hops: 1,
    cause: undefined,
    trace: `trace-${made}`,
    bytes: 512,
    extras: undefined,
    ...rest,
  };
}

/** A wave, with `changes`. */
export function sampleWave<P = unknown>(changes: SampleChanges<P> = {}): Wave<P> {
  return Wave.of<P>(sampleInit(changes));
}
