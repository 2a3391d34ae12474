/** A wave: one immutable message. It is shared by everybody who hears it, so nothing about it can be written. */

import type { Clock } from "../clock.ts";
import { band } from "../physics/amplitude.ts";
import { attenuate } from "../physics/attenuation.ts";
import { bent } from "../physics/bend.ts";
import { EncodedPayload } from "./encoded-payload.ts";
import type { Exchange } from "./exchange.ts";
import { faultIn, isTarget, wrong } from "./well-formed.ts";

/** What a wave is for, and so who hears it. */
export type WaveKind = "event" | "broadcast" | "command" | "query" | "response" | "reflection" | "probe";

/** Texts that travel with a wave. */
export type Headers = Readonly<Record<string, string>>;

/** The laws and the clock that a wave fades by: those of the aether it was emitted or arrived in. */
export interface Surroundings {
  readonly clock: Clock;
  readonly perHop: number;
  readonly minAmplitude: number;
  readonly maxLifetimeMs: number;
  /** Wall-clock minus monotonic milliseconds. */
  readonly wallOffsetMs: number;
}

/** When and where a wave arrived in this process: all waves of one tick share it. */
export interface Moment {
  /** Milliseconds on the monotonic clock of this process. */
  readonly at: number;
  readonly surroundings: Surroundings;
}

/** Who emitted a wave. */
export interface Origin {
  /** Name of the vibrator. */
  readonly source: string;
  /** Id of its instance. */
  readonly sourceId: string;
}

/** The one receiver that a wave is for, where it is not for everybody who hears its channel. */
export interface Target {
  /** Its group; false: it has none, and then `instance` says which it is. */
  readonly group: string | false;
  /** Name of the resonance. */
  readonly name: string;
  /** Id of the vibrator's instance. Default: any member of the group. */
  readonly instance?: string | undefined;
}

/** What few waves have. */
export interface WaveExtras {
  /** Milliseconds gathered before it arrived. Default 0. */
  readonly age?: number | undefined;
  /** Radians, 0 up to 2π. Default 0. */
  readonly phase?: number | undefined;
  /** Charge in interference. Default 1. */
  readonly weight?: number | undefined;
  readonly key?: string | undefined;
  readonly headers?: Headers | undefined;
  readonly position?: string | undefined;
  readonly version?: number | undefined;
  /** By how much it has been amplified in all since its first emission. Default 1. */
  readonly gain?: number | undefined;
  readonly exchange?: Exchange | undefined;
  /** Whether its emitter chose the id, and so may emit it again. Default false. */
  readonly named?: boolean | undefined;
  /** Whether it comes back when it fails, although nobody waits for it. Default false. */
  readonly reflects?: boolean | undefined;
  /** Whether its payload comes back with it. Default: that of a command or query does. */
  readonly reflectsBody?: boolean | undefined;
  /** Instances of its receivers that it went around, or that had it before it was sent again. Default: none. */
  readonly around?: readonly string[] | undefined;
  /** The one receiver that it is for. Default: everybody who hears its channel. */
  readonly to?: Target | undefined;
  /** Wall-clock milliseconds since the epoch at the emitter. Default: from its moment. */
  readonly emittedAt?: number | undefined;
}

/** What all waves of one emitter on one channel may have in common. */
export interface WaveHead {
  readonly channel: string;
  readonly kind: WaveKind;
  readonly origin: Origin;
  readonly halfLifeMs: number;
  /** What it counts against byte bounds. */
  readonly bytes: number;
  /** Said only by those who have checked everything that a wave under this head is made of. */
  readonly sound?: true | undefined;
}

/** Everything a wave is made of. */
export interface WaveInit<P = unknown> extends Omit<WaveHead, "sound"> {
  readonly id: string;
  readonly payload: P;
  /** 0..1, at the last emission. */
  readonly amplitude: number;
  readonly moment: Moment;
  readonly hops: number;
  readonly cause: string | undefined;
  readonly trace: string;
  readonly extras: WaveExtras | undefined;
}

/** What a wave has that was caused by another, or belongs to the trace of one. */
export interface Lineage {
  readonly hops: number;
  readonly cause: string | undefined;
  readonly trace: string;
}

/** {@link WaveInit} in the form that a wave keeps it in. */
export interface WaveParts<P = unknown> {
  readonly id: string;
  readonly head: WaveHead;
  readonly payload: P | EncodedPayload<P>;
  readonly amplitude: number;
  readonly moment: Moment;
  /** `undefined` for a wave that nothing caused, and that begins its trace. */
  readonly lineage: Lineage | undefined;
  readonly extras: WaveExtras | undefined;
}

/** The parts of a wave that shares nothing with others. What is wrong with them is found when it is delivered. */
export function partsOf<P>(init: WaveInit<P>): WaveParts<P> {
  const { id, channel, kind, origin, halfLifeMs, bytes, payload, amplitude, moment, hops, cause, trace, extras } = init;
  const isRoot = hops === 1 && cause === undefined && trace === id;
  return {
    id,
    head: { channel, kind, origin, halfLifeMs, bytes },
    payload,
    amplitude,
    moment,
    lineage: isRoot ? undefined : { hops, cause, trace },
    extras,
  };
}

const NO_HEADERS: Headers = Object.freeze({});
const NOBODY: readonly string[] = Object.freeze([]);
const NO_EXTRAS: WaveExtras = Object.freeze({});

/** One immutable message. Made by emitting, never by hand. There are many: what they share is kept once. */
export class Wave<P = unknown> {
  readonly #id: string;
  readonly #head: WaveHead;
  #payload: P | EncodedPayload<P>;
  readonly #amplitude: number;
  readonly #moment: Moment;
  readonly #lineage: Lineage | undefined;
  readonly #extras: WaveExtras | undefined;

  constructor(parts: WaveParts<P>) {
    this.#id = parts.id;
    this.#head = parts.head;
    this.#payload = parts.payload;
    this.#amplitude = parts.amplitude;
    this.#moment = parts.moment;
    this.#lineage = parts.lineage;
    this.#extras = parts.extras;
  }

  /** A wave that is made of `init`, and is looked at: see {@link fault}. Never throws. */
  static of<P>(init: WaveInit<P>): Wave<P> {
    const parts = partsOf(init);
    const wave = new Wave(parts);
    return wave.fault === undefined ? new Wave({ ...parts, head: { ...parts.head, sound: true } }) : wave;
  }

  /** Unique; a repeated emit under a given id is the same wave. */
  get id(): string {
    return this.#id;
  }

  get channel(): string {
    return this.#head.channel;
  }

  get kind(): WaveKind {
    return this.#head.kind;
  }

  /** Throws `AETHER_BAD_PAYLOAD` when it came encoded and cannot be decoded; waves that reach a handler can. */
  get payload(): P {
    const payload = this.#payload;
    return payload instanceof EncodedPayload ? this.#decode(payload) : payload;
  }

  #decode(payload: EncodedPayload<P>): P {
    const decoded = payload.decode();
    this.#payload = decoded;
    return decoded;
  }

  /** Whether its payload came encoded and nobody has looked at it. */
  get encoded(): boolean {
    return this.#payload instanceof EncodedPayload;
  }

  /** Decodes a payload that came encoded. Throws `AETHER_BAD_PAYLOAD`. */
  open(): void {
    if (this.#payload instanceof EncodedPayload) {
      this.#decode(this.#payload);
    }
  }

  /** Importance at emission, 0..1. */
  get amplitude(): number {
    return this.#amplitude;
  }

  /** State of the thing the wave is about: radians, 0 up to 2π. */
  get phase(): number {
    return this.#extras?.phase ?? 0;
  }

  /** Charge in interference. */
  get weight(): number {
    return this.#extras?.weight ?? 1;
  }

  /** Name of the vibrator that emitted it. */
  get source(): string {
    return this.#head.origin.source;
  }

  /** Instance id of the vibrator that emitted it. */
  get sourceId(): string {
    return this.#head.origin.sourceId;
  }

  /** Wall-clock milliseconds since the epoch at the emitter: information only. */
  get emittedAt(): number {
    return this.#extras?.emittedAt ?? this.#moment.at + this.#moment.surroundings.wallOffsetMs;
  }

  /** Milliseconds in which it loses half of its amplitude. */
  get halfLifeMs(): number {
    return this.#head.halfLifeMs;
  }

  /** Crossings of the medium by this wave and those that caused it, this one included. */
  get hops(): number {
    return this.#lineage?.hops ?? 1;
  }

  /** Id of the wave during whose handling this one was emitted. */
  get cause(): string | undefined {
    return this.#lineage?.cause;
  }

  /** Id of the first wave of the chain. */
  get trace(): string {
    return this.#lineage?.trace ?? this.#id;
  }

  /** What the wave is about: the unit of `order: "key"` and of interference. */
  get key(): string | undefined {
    return this.#extras?.key;
  }

  get headers(): Headers {
    return this.#extras?.headers ?? NO_HEADERS;
  }

  /** Where it was recorded; absent when it was not. */
  get position(): string | undefined {
    return this.#extras?.position;
  }

  /** Version of the payload's schema. */
  get version(): number | undefined {
    return this.#extras?.version;
  }

  /** By how much it has been amplified in all since its first emission. docs/physics.md §2. */
  get gain(): number {
    return this.#extras?.gain ?? 1;
  }

  /** The band of its amplitude at emission, 0..7: where it queues, everywhere and for good. */
  get band(): number {
    return band(this.#amplitude);
  }

  /** The laws and the clock that it fades by. */
  get surroundings(): Surroundings {
    return this.#moment.surroundings;
  }

  /** What it counts against the byte bounds of an inbox. */
  get bytes(): number {
    return this.#head.bytes;
  }

  /** Milliseconds it had gathered before it arrived in this process. */
  get age(): number {
    return this.#extras?.age ?? 0;
  }

  /** When it arrived in this process, in milliseconds on the aether's monotonic clock. */
  get arrivedAt(): number {
    return this.#moment.at;
  }

  /** The way back to the emitter of a command or query. */
  get exchange(): Exchange | undefined {
    return this.#extras?.exchange;
  }

  /** The one receiver that it is for; absent when it is for everybody who hears its channel. */
  get to(): Target | undefined {
    const to = this.#extras?.to;
    return typeof to === "object" && to !== null ? to : undefined;
  }

  /** Whether nothing waits for it, it comes once and is for everybody: it may go with others in one run. */
  get plain(): boolean {
    const extras = this.#extras;
    const isUsual =
      extras === undefined ||
      (extras.exchange === undefined && extras.named !== true && extras.age === undefined && extras.to === undefined);
    return isUsual && this.#head.sound === true;
  }

  /** Whether it is known to be well-formed, for it was checked when it was made. */
  get sound(): boolean {
    return this.#head.sound === true;
  }

  /**
   * What is wrong with it, which is for waves that somebody else than an emit has made; `undefined`: nothing. A wave
   * with a fault is absorbed as `malformed` wherever it arrives. docs/physics.md §0.
   */
  get fault(): string | undefined {
    if (this.#head.sound === true) {
      return undefined;
    }
    try {
      return this.#fault();
    } catch {
      return "it cannot be read";
    }
  }

  #fault(): string | undefined {
    const { id, channel, kind, amplitude, halfLifeMs, hops, source, sourceId, trace, cause } = this;
    const { age, phase, weight, gain, key, headers, version, around, to } = this.#extras ?? NO_EXTRAS;
    const { at, surroundings } = this.#moment;
    const { clock, perHop, minAmplitude, maxLifetimeMs } = surroundings;
    const { bytes } = this.#head;
    if (typeof bytes !== "number" || !(bytes >= 0 && bytes < Number.POSITIVE_INFINITY)) {
      return wrong("bytes", "a number of at least 0", bytes);
    }
    if (around !== undefined && !(Array.isArray(around) && around.every((instance) => typeof instance === "string"))) {
      return wrong("around", "an array of instance ids", around);
    }
    if (to !== undefined && !isTarget(to)) {
      return wrong("to", "a group and the name of a resonance", to);
    }
    // One that arrives in the future would not age until then.
    if (!(at <= clock.monotonic() && at > Number.NEGATIVE_INFINITY)) {
      return wrong("moment.at", "a time that has come", at);
    }
    if (!(perHop > 0 && perHop <= 1 && minAmplitude >= 0 && minAmplitude <= 1 && maxLifetimeMs >= 0)) {
      return wrong("moment.surroundings", "the laws of a medium", surroundings);
    }
    // One literal: every wave from a network comes by here, and a spread would cost as much as the check.
    return faultIn({
      id,
      channel,
      kind,
      source,
      sourceId,
      trace,
      cause,
      key,
      headers,
      amplitude,
      halfLifeMs,
      hops,
      age,
      phase,
      weight,
      gain,
      version,
    });
  }

  /** Whether its emitter chose the id, and so may emit it again. */
  get named(): boolean {
    return this.#extras?.named === true;
  }

  /** Whether it comes back when it fails, although nobody waits for it. */
  get reflects(): boolean {
    return this.#extras?.reflects === true;
  }

  /** Whether its payload comes back with it. */
  get reflectsBody(): boolean {
    const { kind } = this.#head;
    return this.#extras?.reflectsBody ?? (kind === "command" || kind === "query");
  }

  /** Instances that it went around on its way, each of which halved its amplitude. docs/physics.md §9. */
  get around(): readonly string[] {
    const around = this.#extras?.around;
    return Array.isArray(around) ? around : NOBODY;
  }

  /** The amplitude it arrived with: what its one crossing and its age before that have left of it. */
  get arrivalAmplitude(): number {
    const heard = this.#amplitude * this.#moment.surroundings.perHop;
    const { age } = this;
    return age > 0 ? heard * 2 ** (-age / this.#head.halfLifeMs) : heard;
  }

  /** Its amplitude at `now` on the aether's monotonic clock; without an argument: at this moment. */
  amplitudeAt(now: number = this.#moment.surroundings.clock.monotonic()): number {
    const age = this.age + Math.max(0, now - this.#moment.at);
    return attenuate(this.#amplitude, age, 1, {
      halfLifeMs: this.#head.halfLifeMs,
      perHop: this.#moment.surroundings.perHop,
    });
  }

  /** Whether it is inaudible, or older than any wave may grow, at `now` on the aether's monotonic clock. */
  hasFaded(now: number): boolean {
    const age = this.age + now - this.#moment.at;
    const { minAmplitude, maxLifetimeMs, perHop } = this.#moment.surroundings;
    // Within its first half-life it keeps at least half of what it arrived with: no power is computed for it.
    if (age < this.#head.halfLifeMs && this.#amplitude * perHop >= 2 * minAmplitude) {
      return age > maxLifetimeMs;
    }
    return age > maxLifetimeMs || this.amplitudeAt(now) < minAmplitude;
  }

  /** The same wave with another payload: for schemas and upgrades, on the way to one handler. */
  withPayload<Q>(payload: Q): Wave<Q> {
    return new Wave<Q>({ ...this.#parts(this.#extras), payload });
  }

  /** The same wave with `share` of its amplitude left: as it is handled once more. */
  weakened(share: number): Wave<P> {
    return new Wave<P>({ ...this.#parts(this.#extras), amplitude: this.#amplitude * share });
  }

  /** The same wave without its way back: for those who only look on. */
  asCopy(): Wave<P> {
    const extras = this.#extras;
    return extras?.exchange === undefined ? this : new Wave<P>(this.#parts({ ...extras, exchange: undefined }));
  }

  /** The same wave as it leaves once more at `moment`: as loud at its emission as before, older, with another way back. */
  again(moment: Moment, exchange: Exchange): Wave<P> {
    const age = this.age + Math.max(0, moment.at - this.#moment.at);
    return new Wave<P>({ ...this.#parts({ ...this.#extras, age, emittedAt: this.emittedAt, exchange }), moment });
  }

  #parts(extras: WaveExtras | undefined): WaveParts<P> {
    return {
      id: this.#id,
      head: this.#head,
      payload: this.#payload,
      amplitude: this.#amplitude,
      moment: this.#moment,
      lineage: this.#lineage,
      extras,
    };
  }

  /** The same wave after it went around `instances`: weaker by one bend for each. docs/physics.md §9. */
  goingAround(instances: readonly string[]): Wave<P> {
    return instances.length === 0 ? this : this.#bent(instances, instances.length);
  }

  /** The same query as it is sent again, one bend weaker, to others than the `instances` that have it. docs/physics.md §9. */
  sentAgain(instances: readonly string[]): Wave<P> {
    return this.#bent(instances, 1);
  }

  #bent(instances: readonly string[], bends: number): Wave<P> {
    const around = Object.freeze([...this.around, ...instances]);
    const amplitude = bent(this.#amplitude, bends);
    return new Wave<P>({ ...this.#parts({ ...this.#extras, around }), amplitude });
  }

  /** Everything the wave is made of. */
  toInit(): WaveInit<P> {
    return {
      id: this.#id,
      channel: this.#head.channel,
      kind: this.#head.kind,
      payload: this.payload,
      amplitude: this.#amplitude,
      origin: this.#head.origin,
      moment: this.#moment,
      halfLifeMs: this.#head.halfLifeMs,
      hops: this.hops,
      cause: this.cause,
      trace: this.trace,
      bytes: this.#head.bytes,
      extras: this.#extras,
    };
  }

  /** What people see of a wave in logs and `JSON.stringify`. */
  toJSON(): Record<string, unknown> {
    const { age, emittedAt, exchange, named, reflects, reflectsBody, ...extras } = this.#extras ?? NO_EXTRAS;
    return {
      id: this.#id,
      channel: this.#head.channel,
      kind: this.#head.kind,
      payload: this.payload,
      amplitude: this.#amplitude,
      source: this.source,
      sourceId: this.sourceId,
      emittedAt: this.emittedAt,
      halfLifeMs: this.#head.halfLifeMs,
      hops: this.hops,
      cause: this.cause,
      trace: this.trace,
      ...extras,
    };
  }
}

/** Nobody may replace what a wave can do either. */
Object.defineProperty(Wave.prototype, Symbol.for("nodejs.util.inspect.custom"), {
  value(this: Wave) {
    return this.toJSON();
  },
});
Object.freeze(Wave.prototype);
