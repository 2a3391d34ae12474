/** Waves made by hand, as the runtime makes them by emitting. */

import { type Moment, systemClock, Wave, type WaveExtras, type WaveInit } from "@aether/core";

/** What a test says about a wave; the rest is ordinary. */
export interface TestWaveInit extends Partial<Omit<WaveInit, "channel" | "id" | "moment">> {
  readonly id: string;
  readonly channel: string;
  readonly extras?: WaveExtras | undefined;
}

/** This moment, under the usual laws. */
export function moment(): Moment {
  const at = systemClock.monotonic();
  const wallOffsetMs = systemClock.now() - at;
  const surroundings = { clock: systemClock, perHop: 0.95, minAmplitude: 0.01, maxLifetimeMs: 3_600_000, wallOffsetMs };
  return { at, surroundings };
}

/** A wave as it leaves its emitter: an event of amplitude 0.5 that nothing caused, unless `init` says otherwise. */
export function testWave(init: TestWaveInit): Wave {
  return Wave.of({
    kind: "event",
    payload: undefined,
    amplitude: 0.5,
    origin: { source: "conformance", sourceId: "conformance-1" },
    halfLifeMs: 60_000,
    hops: 1,
    cause: undefined,
    trace: init.id,
    bytes: 512,
    extras: undefined,
    ...init,
    moment: moment(),
  });
}
