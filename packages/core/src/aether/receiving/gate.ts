/** The gate of a resonance: what it lets in, and what the emitter is told when a wave was not let in or not kept. */

import { BANDS, band } from "../../physics/amplitude.ts";
import type { Physics } from "../../physics/physics.ts";
import type { Refusal } from "../../wave/exchange.ts";
import type { Wave } from "../../wave/wave.ts";
import type { AbsorbReason } from "../stats.ts";

/** What a resonance lets in. */
export interface Gate {
  /** Amplitude below which it does not listen, 0..1. */
  readonly floor: number;
  /** Whether it hears what its own service emits. */
  readonly echo: boolean;
  /** Names of the sources it hears; `undefined`: all. */
  readonly allowed: ReadonlySet<string> | undefined;
  /** Whether a wave may come twice through no fault of its emitter. */
  readonly dedupe: boolean;
}

/**
 * Why `wave` does not pass `gate` on its arrival; `undefined` when it does. The order is that of docs/physics.md §11.
 */
export function refusalAt(gate: Gate, wave: Wave, service: string, physics: Physics): AbsorbReason | undefined {
  const reason = strangerAt(gate, wave, service, physics);
  if (reason !== undefined) {
    return reason;
  }
  const heard = wave.arrivalAmplitude;
  if (heard < physics.minAmplitude) {
    return "expired";
  }
  return physics.floors && heard < gate.floor ? "floor" : undefined;
}

/** As {@link refusalAt}, by everything but amplitude: the gate of recorded waves. */
export function strangerAt(gate: Gate, wave: Wave, service: string, physics: Physics): AbsorbReason | undefined {
  if (gate.allowed !== undefined && !gate.allowed.has(wave.source)) {
    return "unauthorised";
  }
  if (wave.hops > physics.maxHops) {
    return "hops";
  }
  return !gate.echo && wave.source === service ? "echo" : undefined;
}

/** The lowest band of which every plain wave passes `gate`, and stays audible for its half-life; 8: none. */
export function openBandOf(gate: Gate, physics: Physics): number {
  if (!gate.echo || gate.dedupe || gate.allowed !== undefined) {
    return BANDS;
  }
  const floor = physics.floors ? gate.floor : 0;
  return Math.ceil((Math.max(floor, 2 * physics.minAmplitude) / physics.perHop) * BANDS);
}

/**
 * The lowest band of which a plain wave may pass the floor of `gate`: waves of lower bands never do, whoever emits
 * them, for no crossing makes a wave louder. 0: no band is without hope.
 */
export function lowestBandOf(gate: Gate, physics: Physics): number {
  return physics.floors ? band(gate.floor) : 0;
}

/** What the emitter of a command or query is told, by the reason for which its wave was absorbed. */
export const REFUSALS: Readonly<Partial<Record<AbsorbReason, Refusal["code"]>>> = {
  floor: "AETHER_SHED",
  evicted: "AETHER_SHED",
  closed: "AETHER_DRAINING",
  unauthorised: "AETHER_UNAUTHORISED",
  hops: "AETHER_EXHAUSTED",
  expired: "AETHER_FADED",
};
