/** Propagation: what a wave is when it leaves, by what caused it and by the laws; and whether it gets across at all. */

import { expected } from "../../errors.ts";
import type { Physics } from "../../physics/physics.ts";
import type { Channel } from "../../wave/channel.ts";
import type { Exchange } from "../../wave/exchange.ts";
import { type Moment, Wave, type WaveExtras, type WaveHead, type WaveKind } from "../../wave/wave.ts";
import { type CheckedEmit, NO_OPTIONS } from "../options.ts";
import type { Receipt } from "../receipt.ts";

const DEFAULT_AMPLITUDE = 0.5;

/** What a wave continues: the wave that caused it, or only the trace of one whose handler has settled. */
export interface Cause {
  readonly wave: Wave | undefined;
  readonly trace: string | undefined;
}

export const NO_CAUSE: Cause = Object.freeze({ wave: undefined, trace: undefined });

/** What {@link compose} makes a wave of. */
export interface Composition {
  readonly id: string;
  /** The channel, and what waves on it have in common. */
  readonly use: WaveHead & { readonly contract: Channel | undefined };
  readonly kind: WaveKind;
  readonly payload: unknown;
  readonly bytes: number;
  readonly options: CheckedEmit;
  readonly cause: Cause;
  readonly moment: Moment;
  readonly exchange: Exchange | undefined;
}

/**
 * The wave of an emission. Its amplitude is the explicit one, else the channel's, else what its cause is worth now,
 * else 0.5. docs/physics.md §1, §2.
 */
export function compose(parts: Composition, physics: Physics): Wave {
  const { id, options, use, moment, kind, bytes } = parts;
  const { channel, origin, contract } = use;
  const { wave: cause, trace } = parts.cause;
  const halfLifeMs =
    options.halfLifeMs === undefined ? use.halfLifeMs : halfLifeOn(contract, options.halfLifeMs, physics);
  const isUsual = kind === use.kind && bytes === use.bytes && halfLifeMs === use.halfLifeMs;
  return new Wave({
    id,
    head: isUsual ? use : { channel, kind, origin, halfLifeMs, bytes, sound: true },
    payload: parts.payload,
    amplitude: options.amplitude ?? contract?.amplitude ?? cause?.amplitudeAt(moment.at) ?? DEFAULT_AMPLITUDE,
    moment,
    lineage: trace === undefined ? undefined : { hops: (cause?.hops ?? 0) + 1, cause: cause?.id, trace },
    extras: extrasOf(options, contract?.version, parts.exchange),
  });
}

/**
 * The same for a wave that asks for nothing, and that nothing caused: written out, for most waves are such and a
 * {@link Composition} is as large as the wave itself.
 */
export function composePlain(id: string, head: WaveHead, payload: unknown, moment: Moment): Wave {
  return new Wave({ id, head, payload, amplitude: DEFAULT_AMPLITUDE, moment, lineage: undefined, extras: undefined });
}

/** The half-life of a wave in milliseconds: the one asked for, else the channel's, else that of the laws. */
export function halfLifeOn(contract: Channel | undefined, asked: number | undefined, physics: Physics): number {
  return physics.fades ? (asked ?? contract?.halfLifeMs ?? physics.halfLifeMs) : Number.POSITIVE_INFINITY;
}

function extrasOf(
  options: CheckedEmit,
  version: number | undefined,
  exchange: Exchange | undefined,
): WaveExtras | undefined {
  if (options === NO_OPTIONS && version === undefined && exchange === undefined) {
    return undefined;
  }
  const { phase, weight, key, headers, id, reflect: reflects, reflectBody: reflectsBody } = options;
  return { phase, weight, key, headers, version, exchange, named: id !== undefined, reflects, reflectsBody };
}

/** Whether `wave` gets across the medium. */
export function outcomeOf(wave: Wave, physics: Physics): Receipt["outcome"] {
  if (wave.hops > physics.maxHops) {
    return "exhausted";
  }
  return wave.arrivalAmplitude < physics.minAmplitude ? "faded" : "travelled";
}

/** The cause that `options` name, else what is being handled: its wave, or after it has settled only its trace. */
export function causeOf(
  named: Wave | null | undefined,
  handled: { readonly given: Wave; readonly settled: boolean } | undefined,
): Cause {
  if (named === null) {
    return NO_CAUSE;
  }
  if (named !== undefined) {
    if (!(named instanceof Wave)) {
      throw expected("cause", "a wave, or null to start a chain", named);
    }
    return { wave: named, trace: named.trace };
  }
  if (handled === undefined) {
    return NO_CAUSE;
  }
  const { given, settled } = handled;
  return { wave: settled ? undefined : given, trace: given.trace };
}
