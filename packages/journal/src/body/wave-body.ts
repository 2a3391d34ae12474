/** Waves as the bodies of records, byte by byte as docs/journal-format.md says. */

import {
  EncodedPayload,
  type Moment,
  matches,
  type Target,
  Wave,
  type WaveExtras,
  type WaveHead,
  type WaveKind,
} from "@aether/core";
import { isSame, mostBytes, Slab, viewOf } from "../log/slab.ts";
import { CODEC, codecOf, type Prepared, prepare, readPayload } from "./payloads.ts";
import { Malformed, Scanner } from "./scanner.ts";
import { ShapeTable } from "./shaped-payload.ts";
import type { ShapedWriter } from "./shaped-writer.ts";

/** Kinds of waves by their number in the file. */
const KINDS: readonly WaveKind[] = ["event", "broadcast", "command", "query", "response", "reflection", "probe"];
const KIND_NUMBERS: Readonly<Record<WaveKind, number>> = {
  event: 0,
  broadcast: 1,
  command: 2,
  query: 3,
  response: 4,
  reflection: 5,
  probe: 6,
};

/** Which optional fields are there; they stand in this order. */
const HAS = {
  hops: 1 << 0,
  age: 1 << 1,
  trace: 1 << 2,
  cause: 1 << 3,
  phase: 1 << 4,
  weight: 1 << 5,
  key: 1 << 6,
  headers: 1 << 7,
  version: 1 << 8,
  named: 1 << 9,
  gain: 1 << 10,
  reflects: 1 << 11,
  /** It says of its body what its kind does not say by itself. */
  otherBody: 1 << 12,
  to: 1 << 13,
} as const;

/** Bytes of everything that has a fixed length, all optional fields included. */
const FIXED = 128;

/** A wave ready to be written. */
export interface WaveBody {
  readonly wave: Wave;
  /** Its payload; a slab has one with its shape, and is good until the next body. */
  readonly prepared: Prepared | Slab;
  /** Bytes it takes at most. */
  readonly most: number;
}

/** `wave` with its payload as it is now, which `shapes` may know how to write. Throws `AETHER_BAD_PAYLOAD`. */
export function bodyOf(wave: Wave, shapes?: ShapedWriter): WaveBody {
  const { payload } = wave;
  const shaped = shapes?.write(wave.channel, payload);
  const prepared = shaped ?? prepare(payload);
  const { id, channel, source, sourceId, trace, cause, key, to, headers } = wave;
  let most = FIXED + 3 * (channel.length + source.length + sourceId.length + id.length);
  most += trace === id ? 0 : mostBytes(trace);
  most += cause === undefined ? 0 : mostBytes(cause);
  most += key === undefined ? 0 : mostBytes(key);
  if (to !== undefined) {
    most += mostBytes(to.group || "") + mostBytes(to.name) + mostBytes(to.instance ?? "");
  }
  for (const name in headers) {
    most += mostBytes(name) + mostBytes(headers[name] ?? "");
  }
  most += typeof prepared === "string" ? 3 * prepared.length : (prepared?.length ?? 0);
  return { wave, prepared, most };
}

/** Whether waves of `kind` come back with their payload when nothing else is said. */
function reflectsBodyOf(kind: WaveKind): boolean {
  return kind === "command" || kind === "query";
}

/** Writes the body of a wave that is `age` milliseconds old. */
export function writeWave(slab: Slab, { wave, prepared }: WaveBody, age: number): void {
  const headAt = slab.length;
  slab.seek(headAt + 2);
  const { id, kind, hops, trace, cause, phase, weight, key, headers, version, gain, to } = wave;
  slab.u8(KIND_NUMBERS[kind]);
  slab.u8(prepared instanceof Slab ? CODEC.shaped : codecOf(prepared));
  stamps.write(slab, wave);
  let headerCount = 0;
  for (const _ in headers) {
    headerCount++;
  }
  let flags = 0;
  flags |= hops === 1 ? 0 : HAS.hops;
  flags |= age > 0 ? HAS.age : 0;
  flags |= trace === id ? 0 : HAS.trace;
  flags |= cause === undefined ? 0 : HAS.cause;
  flags |= phase === 0 ? 0 : HAS.phase;
  flags |= weight === 1 ? 0 : HAS.weight;
  flags |= key === undefined ? 0 : HAS.key;
  flags |= headerCount === 0 ? 0 : HAS.headers;
  flags |= version === undefined ? 0 : HAS.version;
  flags |= wave.named ? HAS.named : 0;
  flags |= gain === 1 ? 0 : HAS.gain;
  flags |= wave.reflects ? HAS.reflects : 0;
  flags |= wave.reflectsBody === reflectsBodyOf(kind) ? 0 : HAS.otherBody;
  flags |= to === undefined ? 0 : HAS.to;
  slab.u32(flags);
  slab.f64(wave.amplitude);
  slab.f64(wave.emittedAt);
  slab.text(id);
  if (flags !== 0) {
    writeOptional(slab, wave, age, headerCount);
  }
  slab.view.setUint16(headAt, slab.length - headAt - 2, true);
  if (typeof prepared === "string") {
    slab.utf8(prepared);
  } else if (prepared instanceof Slab) {
    slab.copy(prepared);
  } else if (prepared !== undefined) {
    slab.bytes(prepared);
  }
}

/** Writes what many waves in a row have in common: the same as last time in most cases. */
class StampWriter {
  #channel = "";
  #source = "";
  #sourceId = "";
  #halfLifeMs = Number.NaN;
  #latest: DataView = viewOf(Buffer.alloc(0));

  write(slab: Slab, { channel, source, sourceId, halfLifeMs }: Wave): void {
    if (
      halfLifeMs === this.#halfLifeMs &&
      channel === this.#channel &&
      source === this.#source &&
      sourceId === this.#sourceId
    ) {
      slab.words(this.#latest, this.#latest.byteLength);
      return;
    }
    const at = slab.length;
    slab.seek(at + 2);
    slab.text(channel);
    slab.text(source);
    slab.text(sourceId);
    slab.f64(halfLifeMs);
    slab.view.setUint16(at, slab.length - at - 2, true);
    this.#channel = channel;
    this.#source = source;
    this.#sourceId = sourceId;
    this.#halfLifeMs = halfLifeMs;
    this.#latest = viewOf(Buffer.from(slab.buffer.subarray(at, slab.length)));
  }
}

const stamps = new StampWriter();

function writeOptional(slab: Slab, wave: Wave, age: number, headerCount: number): void {
  const { id, hops, trace, cause, phase, weight, key, headers, version, gain, to } = wave;
  if (hops !== 1) {
    slab.u8(hops);
  }
  if (age > 0) {
    slab.f64(age);
  }
  if (trace !== id) {
    slab.text(trace);
  }
  if (cause !== undefined) {
    slab.text(cause);
  }
  if (phase !== 0) {
    slab.f64(phase);
  }
  if (weight !== 1) {
    slab.f64(weight);
  }
  if (key !== undefined) {
    slab.text(key);
  }
  if (headerCount > 0) {
    slab.u8(headerCount);
    for (const name in headers) {
      slab.text(name);
      slab.text(headers[name] ?? "");
    }
  }
  if (version !== undefined) {
    slab.f64(version);
  }
  if (gain !== 1) {
    slab.f64(gain);
  }
  if (to !== undefined) {
    slab.text(to.group === false ? "" : to.group);
    slab.text(to.name);
    slab.text(to.instance ?? "");
  }
}

/** What many waves in a row have in common. */
interface Stamp {
  readonly view: DataView;
  readonly head: Omit<WaveHead, "bytes" | "kind" | "sound">;
  /** Whether its channel is wanted. */
  readonly wanted: boolean;
  /** The head of the last wave: the next one is often of the same kind and size. */
  latest: WaveHead;
}

/** Which waves are read. */
export interface WaveFilter {
  readonly pattern?: string | undefined;
  /** Amplitude at emission. */
  readonly minAmplitude?: number | undefined;
}

const MOST_STAMPS = 4096;

/** Reads waves, and remembers what the last ones had in common. */
export class WaveBodies {
  readonly #scanner = new Scanner();
  readonly #pattern: string | undefined;
  readonly #minAmplitude: number;
  readonly #stamps = new Map<string, Stamp>();
  readonly #shapes = new ShapeTable();
  #latest: Stamp | undefined;

  constructor({ pattern, minAmplitude = 0 }: WaveFilter) {
    this.#pattern = pattern === ">" ? undefined : pattern;
    this.#minAmplitude = minAmplitude;
  }

  /**
   * The wave in the bytes of `buffer` from `at` to `end`; `undefined`: it is not wanted; null: they are no wave, or one
   * that only a later version can read. It keeps nothing of the buffer.
   */
  read(
    buffer: Buffer,
    at: number,
    end: number,
    moment: Moment,
    place: { readonly position: string },
  ): Wave | undefined | null {
    try {
      return this.#read(buffer, at, end, moment, place);
    } catch (error) {
      if (error instanceof Malformed) {
        return null;
      }
      throw error;
    }
  }

  #read(
    buffer: Buffer,
    from: number,
    end: number,
    moment: Moment,
    place: { readonly position: string },
  ): Wave | undefined | null {
    const scanner = this.#scanner;
    scanner.put(buffer, from, end);
    const payloadAt = scanner.u16() + scanner.at;
    scanner.put(buffer, scanner.at, payloadAt);
    if (payloadAt > end) {
      return null;
    }
    const kind = KINDS[scanner.u8()];
    const codec = scanner.u8();
    const stampBytes = scanner.u16();
    const stamp = this.#stampAt(buffer, scanner.skip(stampBytes), stampBytes);
    const flags = scanner.u32();
    const amplitude = scanner.f64();
    if (!stamp.wanted || amplitude < this.#minAmplitude) {
      return undefined;
    }
    const payload =
      codec === CODEC.shaped
        ? this.#shapes.payload(buffer, scanner.view, payloadAt, end)
        : readPayload(codec, buffer, payloadAt, end);
    if (kind === undefined || payload === undefined) {
      return null;
    }
    const emittedAt = scanner.f64();
    const id = scanner.text();
    const isPlain = (flags & ~HAS.age) === 0;
    const age = isPlain && flags !== 0 ? scanner.f64() : undefined;
    const more = isPlain ? undefined : new MoreExtras(emittedAt, flags, kind, place);
    const lineage = more?.readFrom(scanner, id);
    const extras = more ?? new Extras(emittedAt, place, age);
    return new Wave({
      id,
      head: headOf(stamp, kind, end - payloadAt),
      payload: payload instanceof EncodedPayload ? payload : payload.payload,
      amplitude,
      moment,
      lineage,
      extras,
    });
  }

  #stampAt(buffer: Buffer, at: number, bytes: number): Stamp {
    const latest = this.#latest;
    if (latest !== undefined && isSame(latest.view, this.#scanner.view, at, bytes)) {
      return latest;
    }
    const key = buffer.toString("latin1", at, at + bytes);
    const stamp = this.#stamps.get(key) ?? this.#newStamp(buffer, at, bytes);
    if (this.#stamps.size >= MOST_STAMPS) {
      this.#stamps.clear();
    }
    this.#stamps.set(key, stamp);
    this.#latest = stamp;
    return stamp;
  }

  #newStamp(buffer: Buffer, at: number, bytes: number): Stamp {
    const scanner = new Scanner();
    scanner.put(buffer, at, at + bytes);
    const channel = scanner.text();
    const origin = { source: scanner.text(), sourceId: scanner.text() };
    const halfLifeMs = scanner.f64();
    const wanted = this.#pattern === undefined || covers(this.#pattern, channel);
    const head = { channel, origin, halfLifeMs };
    return {
      view: viewOf(Buffer.from(buffer.subarray(at, at + bytes))),
      head,
      wanted,
      latest: { ...head, kind: "event", bytes: 0 },
    };
  }
}

/** Whether a channel of the file, which may say anything, is wanted. */
function covers(pattern: string, channel: string): boolean {
  try {
    return matches(pattern, channel);
  } catch {
    return false;
  }
}

function headOf(stamp: Stamp, kind: WaveKind, bytes: number): WaveHead {
  const { latest } = stamp;
  if (latest.kind === kind && latest.bytes === bytes) {
    return latest;
  }
  const { channel, origin, halfLifeMs } = stamp.head;
  stamp.latest = { channel, kind, origin, halfLifeMs, bytes };
  return stamp.latest;
}

/** What every wave of the file has beside its head. Its position is put into words when somebody asks. */
class Extras implements WaveExtras {
  readonly emittedAt: number;
  age: number | undefined;
  readonly #place: { readonly position: string };

  constructor(emittedAt: number, place: { readonly position: string }, age: number | undefined) {
    this.emittedAt = emittedAt;
    this.age = age;
    this.#place = place;
  }

  get position(): string {
    return this.#place.position;
  }
}

/** What few of them have. */
class MoreExtras extends Extras {
  phase: number | undefined = undefined;
  weight: number | undefined = undefined;
  key: string | undefined = undefined;
  headers: Readonly<Record<string, string>> | undefined = undefined;
  version: number | undefined = undefined;
  gain: number | undefined = undefined;
  to: Target | undefined = undefined;
  readonly #flags: number;
  readonly #kind: WaveKind;

  constructor(emittedAt: number, flags: number, kind: WaveKind, place: { readonly position: string }) {
    super(emittedAt, place, undefined);
    this.#flags = flags;
    this.#kind = kind;
  }

  get named(): boolean {
    return (this.#flags & HAS.named) !== 0;
  }

  get reflects(): boolean {
    return (this.#flags & HAS.reflects) !== 0;
  }

  get reflectsBody(): boolean | undefined {
    return (this.#flags & HAS.otherBody) === 0 ? undefined : !reflectsBodyOf(this.#kind);
  }

  /** Reads the fields that the flags name; gives what the wave has of those before it. */
  readFrom(scanner: Scanner, id: string): { hops: number; cause: string | undefined; trace: string } | undefined {
    const flags = this.#flags;
    const hops = flags & HAS.hops ? scanner.u8() : 1;
    this.age = flags & HAS.age ? scanner.f64() : undefined;
    const trace = flags & HAS.trace ? scanner.text() : id;
    const cause = flags & HAS.cause ? scanner.text() : undefined;
    this.phase = flags & HAS.phase ? scanner.f64() : undefined;
    this.weight = flags & HAS.weight ? scanner.f64() : undefined;
    this.key = flags & HAS.key ? scanner.text() : undefined;
    this.headers = flags & HAS.headers ? readHeaders(scanner) : undefined;
    this.version = flags & HAS.version ? scanner.f64() : undefined;
    this.gain = flags & HAS.gain ? scanner.f64() : undefined;
    this.to = flags & HAS.to ? readTarget(scanner) : undefined;
    return hops === 1 && cause === undefined && trace === id ? undefined : { hops, cause, trace };
  }
}

function readTarget(scanner: Scanner): Target {
  const group = scanner.text();
  const name = scanner.text();
  const instance = scanner.text();
  return { group: group === "" ? false : group, name, instance: instance === "" ? undefined : instance };
}

function readHeaders(scanner: Scanner): Readonly<Record<string, string>> {
  const entries: [string, string][] = [];
  for (let left = scanner.u8(); left > 0; left--) {
    entries.push([scanner.text(), scanner.text()]);
  }
  return Object.freeze(Object.fromEntries(entries));
}
