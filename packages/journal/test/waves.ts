/** Waves for journals, and what is read back of them. */

import { type Moment, systemClock, Wave, type WaveExtras, type WaveInit } from "@aether/core";
import type { Journal, ReadOptions } from "../src/index.ts";

const at = systemClock.monotonic();
const MOMENT: Moment = {
  at,
  surroundings: {
    clock: systemClock,
    perHop: 0.95,
    minAmplitude: 0.01,
    maxLifetimeMs: 3_600_000,
    wallOffsetMs: systemClock.now() - at,
  },
};

/** A wave as it leaves its emitter. */
export function wave(id: string, init: Partial<WaveInit> = {}, extras?: WaveExtras): Wave {
  return Wave.of({
    id,
    channel: "orders.created",
    kind: "event",
    payload: { id },
    amplitude: 0.5,
    origin: { source: "alpha", sourceId: "alpha-1" },
    moment: MOMENT,
    halfLifeMs: Number.POSITIVE_INFINITY,
    hops: 1,
    cause: undefined,
    trace: id,
    bytes: 512,
    extras,
    ...init,
  });
}

/** One wave as it was read: its id, and its id again out of its payload. */
export interface Seen {
  readonly id: string;
  readonly said: unknown;
  readonly position: string;
}

/** Everything that `journal` holds of what is asked for. */
export async function readAll(journal: Journal, options: ReadOptions = {}): Promise<Seen[]> {
  const seen: Seen[] = [];
  for await (const { wave: one, position } of journal.read(options)) {
    const { payload } = one;
    const said: unknown = typeof payload === "object" && payload !== null ? Reflect.get(payload, "id") : payload;
    seen.push({ id: one.id, said, position });
  }
  return seen;
}

/** The ids alone. */
export async function idsIn(journal: Journal, options: ReadOptions = {}): Promise<string[]> {
  return (await readAll(journal, options)).map(({ id }) => id);
}

/** The sequence that a position names. */
export function sequenceIn(position: string): number {
  return Number.parseInt(position.split("-")[1] ?? "", 36);
}
