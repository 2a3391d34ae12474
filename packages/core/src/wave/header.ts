/** The header of a wave, as it travels between processes; and the one door by which such a wave comes in. */

import { AetherError } from "../errors.ts";
import { type AmplifyRefusal, amplified, type Repeating } from "../physics/amplification.ts";
import { attenuate } from "../physics/attenuation.ts";
import { DEFAULT_PHYSICS } from "../physics/physics.ts";
import type { Exchange, ReflectCode } from "./exchange.ts";
import { type Headers, type Moment, type Target, Wave, type WaveExtras, type WaveKind } from "./wave.ts";
import { faultIn, headersFault, isTarget, isVisible, LONGEST_ID, wrong } from "./well-formed.ts";

/** What travels of a wave beside its payload. Readers skip fields they do not know. docs/physics.md §0. */
export interface WaveHeader {
  readonly v: 1;
  readonly id: string;
  /** Its channel. */
  readonly ch: string;
  readonly kind: WaveKind;
  /** Amplitude at the last emission, 0..1. */
  readonly a0: number;
  /** Milliseconds gathered so far: no two clocks are compared. */
  readonly age: number;
  /** Half-life in milliseconds; 0: it does not fade. */
  readonly hl: number;
  /** Crossings of the whole chain, this one included, 0..255. */
  readonly hops: number;
  /** Name of the vibrator that emitted it, and its instance. */
  readonly src: string;
  readonly srcId: string;
  /** Where answers and reflections go to, or the group it is for. */
  readonly to?: string | undefined;
  /** The one resonance that it is for; absent when it is for everybody who hears its channel. */
  readonly for?: Target | undefined;
  /** Milliseconds left to the deadline of a command or query. */
  readonly left?: number | undefined;
  readonly headers?: Headers | undefined;
  /** Trace, and id of the wave that caused it. */
  readonly tr: string;
  readonly cause?: string | undefined;
  /** Phase in radians, default 0; key; charge, default 1. */
  readonly ph?: number | undefined;
  readonly key?: string | undefined;
  readonly w?: number | undefined;
  /** By how much it was amplified in all, default 1. */
  readonly gain?: number | undefined;
  /** Polarisation: what a content filter looks at. */
  readonly pol?: Headers | undefined;
  /** What a reflection came back of, why, from whom; `n` is 1, for nothing comes back twice. */
  readonly refl?:
    | { readonly of: string; readonly code: ReflectCode; readonly by: string; readonly n: number }
    | undefined;
  /** How often it went around somebody, and around whom. */
  readonly dif?: { readonly n: number; readonly from: string } | undefined;
  /** Version of the payload's schema, default 1. */
  readonly ver?: number | undefined;
  /** Whether its emitter chose the id, and may emit it again. */
  readonly named?: boolean | undefined;
  /** Whether it comes back when it fails although nobody waits for it, and whether its payload comes back with it. */
  readonly reflects?: boolean | undefined;
  readonly reflectsBody?: boolean | undefined;
  /** Wall-clock milliseconds at the emitter: information, which nothing is decided by. */
  readonly at?: number | undefined;
}

/** How a wave arrived, as its medium knows it. */
export interface Arrival {
  /** What `MediumEvents.moment` gave. */
  readonly moment: Moment;
  /** What it counts against byte bounds. */
  readonly bytes: number;
  /** The way back of a command or query. */
  readonly exchange?: Exchange | undefined;
  /** Where it was recorded. */
  readonly position?: string | undefined;
}

/** Why something that came from outside is no wave. */
export interface Malformed {
  readonly malformed: string;
}

/** A number of milliseconds of a half-life, as it travels. */
const NO_DECAY = 0;

/** The header of `wave` as it leaves at `now` (monotonic milliseconds): what it waited here is part of its age. */
export function headerOf(wave: Wave, now: number): WaveHeader {
  const { id, channel, kind, amplitude, age, arrivedAt, halfLifeMs, hops, source, sourceId, trace } = wave;
  const { headers, cause, phase, key, weight, gain, version, named, exchange, emittedAt, reflects, reflectsBody } =
    wave;
  const isRequest = kind === "command" || kind === "query";
  const left = exchange === undefined ? Number.POSITIVE_INFINITY : exchange.deadline - now;
  return {
    v: 1,
    id,
    ch: channel,
    kind,
    a0: amplitude,
    age: age + Math.max(0, now - arrivedAt),
    hl: halfLifeMs === Number.POSITIVE_INFINITY ? NO_DECAY : halfLifeMs,
    hops,
    src: source,
    srcId: sourceId,
    tr: trace,
    at: emittedAt,
    ...(left < Number.POSITIVE_INFINITY && { left: Math.max(0, left) }),
    ...(Object.keys(headers).length > 0 && { headers }),
    ...(cause !== undefined && { cause }),
    ...(phase !== 0 && { ph: phase }),
    ...(key !== undefined && { key }),
    ...(weight !== 1 && { w: weight }),
    ...(gain !== 1 && { gain }),
    ...(version !== undefined && { ver: version }),
    ...(named && { named }),
    ...(reflects && { reflects }),
    ...(reflectsBody !== isRequest && { reflectsBody }),
    ...(wave.to !== undefined && { for: wave.to }),
  };
}

/** What is wrong with a header that came from outside; `undefined` when nothing is. Never throws. docs/physics.md §0. */
export function checkHeader(header: unknown): string | undefined {
  try {
    return typeof header === "object" && header !== null ? faultOf(header) : wrong("header", "an object", header);
  } catch {
    return "it cannot be read";
  }
}

/** Every field of a header, none of which is believed. */
type Claimed = { readonly [K in keyof WaveHeader]?: unknown };

function faultOf(header: Claimed): string | undefined {
  const { v, ch, a0, hl, src, srcId, tr, ph, w, ver, to, left, pol, refl, dif } = header;
  const { named, reflects, reflectsBody } = header;
  if (v !== 1) {
    return wrong("v", "a version that is known here", v);
  }
  if (typeof hl !== "number") {
    return wrong("hl", "a number of milliseconds", hl);
  }
  if (to !== undefined && !isVisible(to, LONGEST_ID)) {
    return wrong("to", `1 to ${LONGEST_ID} visible ASCII characters`, to);
  }
  if (left !== undefined && !(typeof left === "number" && left >= 0)) {
    return wrong("left", "a number of milliseconds of at least 0", left);
  }
  for (const flag of [named, reflects, reflectsBody]) {
    if (flag !== undefined && typeof flag !== "boolean") {
      return wrong("named, reflects or reflectsBody", "true or false", flag);
    }
  }
  if (header.for !== undefined && !isTarget(header.for)) {
    return wrong("for", "a group and the name of a resonance", header.for);
  }
  if (refl !== undefined && !isNumbered(refl, "of")) {
    return wrong("refl", "what came back, counted once", refl);
  }
  if (dif !== undefined && !isNumbered(dif, "from")) {
    return wrong("dif", "a way around somebody", dif);
  }
  const { id, kind, hops, cause, age, gain, key, headers } = header;
  return (
    headersFault(pol, "pol") ??
    faultIn({
      id,
      kind,
      hops,
      cause,
      gain,
      key,
      headers,
      channel: ch,
      amplitude: a0,
      halfLifeMs: hl === NO_DECAY ? Number.POSITIVE_INFINITY : hl,
      // Unlike a wave of this process, one from outside must say how old it is.
      age: age ?? null,
      source: src,
      sourceId: srcId,
      trace: tr,
      phase: ph,
      weight: w,
      version: ver,
    })
  );
}

/** Whether `value` has a count `n` and a short text under `name`. */
function isNumbered(value: unknown, name: string): boolean {
  if (typeof value !== "object" || value === null) {
    return false;
  }
  const n: unknown = Reflect.get(value, "n");
  return (
    typeof n === "number" &&
    Number.isInteger(n) &&
    n >= 0 &&
    n <= 255 &&
    isVisible(Reflect.get(value, name), LONGEST_ID)
  );
}

/** Whether `header` is one, whatever it came as. */
function isHeader(header: unknown): header is WaveHeader {
  return checkHeader(header) === undefined;
}

/**
 * The wave of a header and a payload that came from outside, or why it is none. What this gives is well-formed: it is
 * not looked at again. Tell the listeners `malformed()` where it gives no wave. docs/physics.md §0.
 */
export function waveOf<P>(header: unknown, payload: P, arrival: Arrival): Wave<P> | Malformed {
  if (!isHeader(header)) {
    return { malformed: checkHeader(header) ?? "it cannot be read" };
  }
  const { id, ch, kind, a0, age, hl, hops, src, srcId, tr, cause } = header;
  return new Wave<P>({
    id,
    head: {
      channel: ch,
      kind,
      origin: { source: src, sourceId: srcId },
      halfLifeMs: hl === NO_DECAY ? Number.POSITIVE_INFINITY : hl,
      bytes: arrival.bytes,
      sound: true,
    },
    payload,
    amplitude: a0,
    moment: arrival.moment,
    lineage: hops === 1 && cause === undefined && tr === id ? undefined : { hops, cause, trace: tr },
    extras: extrasOf(header, arrival, age),
  });
}

function extrasOf(header: WaveHeader, arrival: Arrival, age: number): WaveExtras {
  const { ph, w, key, headers, ver, gain, named, at } = header;
  const { exchange, position } = arrival;
  return {
    age,
    phase: ph,
    weight: w,
    key,
    headers: headers === undefined ? undefined : Object.freeze({ ...headers }),
    version: ver,
    gain,
    named,
    reflects: header.reflects,
    reflectsBody: header.reflectsBody,
    to: header.for,
    emittedAt: typeof at === "number" && Number.isFinite(at) ? at : undefined,
    exchange,
    position,
  };
}

/** A header, and when its wave arrived where it stands now; without that it has not crossed anything yet. */
export type Standing = WaveHeader & { readonly arrivedAt?: number | undefined };

/**
 * The header under which a relay sends a wave on at `now` (monotonic milliseconds): `a0` is what is left of it, the
 * crossing by which it arrived included, and the age is 0. No later amplitude is changed by it. docs/physics.md §2.
 */
export function rebase(
  { arrivedAt, ...header }: Standing,
  now: number,
  law: { readonly perHop: number } = DEFAULT_PHYSICS,
): WaveHeader {
  const waited = arrivedAt === undefined ? 0 : Math.max(0, now - arrivedAt);
  const { perHop } = law;
  const halfLifeMs = header.hl === NO_DECAY ? Number.POSITIVE_INFINITY : header.hl;
  const left = header.left === undefined ? {} : { left: Math.max(0, header.left - waited) };
  const a0 = attenuate(header.a0, header.age + waited, arrivedAt === undefined ? 0 : 1, { halfLifeMs, perHop });
  return { ...header, ...left, a0, age: 0 };
}

/** Why {@link reamplify} gave no header. */
export interface NotAmplified {
  readonly refused: AmplifyRefusal;
}

/**
 * The header under which the repeater `repeaterId` (an instance) sends a wave on, `g` times as loud as it stands there,
 * or which of the five guards forbids it. `header` is rebased; `known` are the ids that this repeater has amplified
 * before. Throws `AETHER_BAD_OPTION` for a `g` that is no number above 0. docs/physics.md §2.
 */
export function reamplify(
  header: WaveHeader,
  g: number,
  repeaterId: string,
  known: { has(id: string): boolean } = NOBODY,
  law: Repeating = DEFAULT_PHYSICS,
): WaveHeader | NotAmplified {
  if (!(Number.isFinite(g) && g > 0)) {
    throw new AetherError("AETHER_BAD_OPTION", `Expected \`g\` to be a finite number above 0, got ${g}`);
  }
  const based = header.age === 0 ? header : rebase(header, 0, law);
  const { a0: amplitude, gain = 1, hops, id } = based;
  const louder = amplified({ amplitude, gain, hops }, g, law, known.has(id));
  return typeof louder === "string"
    ? { refused: louder }
    : { ...based, a0: louder.amplitude, gain: louder.gain, hops: louder.hops, srcId: repeaterId };
}

const NOBODY: ReadonlySet<string> = new Set();
