/** The envelope: waves as bytes, byte by byte as docs/wire-format.md says. */

import { crc32 } from "node:zlib";
import {
  type Moment,
  type Origin,
  type Target,
  Wave,
  type WaveExtras,
  type WaveHead,
  type WaveKind,
} from "@aether/core";
import { CODEC, type PayloadWriter, type Prepared, payloadAt, UNREADABLE } from "./payloads.ts";
import { type RecordReader, type RecordTable, readerOf } from "./record-table.ts";
import { Malformed, Scanner } from "./scanner.ts";
import { mostBytes, type Slab } from "./slab.ts";

const MAGIC_0 = 0xae;
const MAGIC_1 = 0xf5;
export const WIRE_VERSION = 1;
/** Most waves of one message. */
export const MOST_PACKED = 16;
const CRC_BYTES = 4;
const LEAST_BYTES = 2 + 1 + 1 + 1 + 1 + CRC_BYTES;

/** Kinds by their number on the wire. */
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

/** Which optional fields of the head are there; they stand in this order. */
const HAS = {
  halfLife: 1 << 0,
  hops: 1 << 1,
  age: 1 << 2,
  trace: 1 << 3,
  cause: 1 << 4,
  phase: 1 << 5,
  weight: 1 << 6,
  key: 1 << 7,
  headers: 1 << 8,
  version: 1 << 9,
  named: 1 << 10,
  request: 1 << 11,
  gain: 1 << 12,
  reflects: 1 << 13,
  /** It says of its body what its kind does not say by itself. */
  otherBody: 1 << 14,
  to: 1 << 15,
  /** The table that this payload and those after it are read by. */
  table: 1 << 16,
} as const;

/** What a command or query says of its way back. */
export interface Request {
  /** Number of the exchange at its emitter. */
  readonly correlation: number;
  /** Milliseconds until the emitter stops waiting; `Infinity`: not at all. */
  readonly leftMs: number;
}

/** A wave ready to be written. */
export interface Outbound {
  readonly wave: Wave;
  readonly prepared: Prepared;
  readonly codec: number;
  /** What its payload needs to be read, where it needs that. */
  readonly table: RecordTable | undefined;
  readonly request: Request | undefined;
}

/** `wave` with its payload as it is at this moment. Throws `AETHER_BAD_PAYLOAD`. */
export function outbound(wave: Wave, request: Request | undefined, writer: PayloadWriter): Outbound {
  const { payload } = wave;
  const prepared = writer.prepare(payload);
  const codec = writer.codecOf(payload, prepared);
  return { wave, prepared, codec, table: codec === CODEC.tabled ? writer.table : undefined, request };
}

/** Most bytes that `wave` takes in a message. */
export function mostBytesOf({ wave, prepared }: Outbound): number {
  const { id, key, cause, to } = wave;
  let bytes = 150 + mostBytes(id) + mostBytes(wave.trace);
  bytes += cause === undefined ? 0 : mostBytes(cause);
  bytes += key === undefined ? 0 : mostBytes(key);
  if (to !== undefined) {
    bytes += mostBytes(to.group || "") + mostBytes(to.name) + mostBytes(to.instance ?? "");
  }
  const { headers } = wave;
  for (const name in headers) {
    bytes += mostBytes(name) + mostBytes(headers[name] ?? "");
  }
  if (prepared === undefined) {
    return bytes;
  }
  return bytes + (typeof prepared === "string" ? 3 * prepared.length : prepared.byteLength);
}

/** Most bytes of a message around its waves. */
export function mostBytesAround({ source, sourceId }: Origin): number {
  return LEAST_BYTES + mostBytes(source) + mostBytes(sourceId);
}

/**
 * The message that holds `waves`, 1 to 16 of one origin, for `channel`. `most` is the sum of what {@link mostBytesOf} and
 * {@link mostBytesAround} say. The waves have waited for `waitedMs` since they were made: they are older by that, and
 * whoever waits for them has less time left.
 */
export function encode(
  slab: Slab,
  channel: Seal,
  waves: readonly Outbound[],
  origin: Origin,
  most: number,
  waitedMs = 0,
): Buffer {
  // The table may have grown since the waves were prepared.
  const table = waves.find((one) => one.table !== undefined)?.table?.bytes;
  slab.begin(table === undefined ? most : most + table.length + 2);
  slab.u8(MAGIC_0);
  slab.u8(MAGIC_1);
  slab.u8(WIRE_VERSION);
  slab.u8(waves.length);
  slab.text(origin.source);
  slab.text(origin.sourceId);
  let untold = table;
  for (const one of waves) {
    const told = one.table === undefined ? undefined : untold;
    write(slab, one, waitedMs, told);
    untold = told === undefined ? untold : undefined;
  }
  const seal = channel.of(slab.end());
  slab.u32(seal);
  return slab.end();
}

/** A group, or nothing for none; then name and instance, the latter empty for any. */
function writeTarget(slab: Slab, { group, name, instance = "" }: Target): void {
  slab.text(group === false ? "" : group);
  slab.text(name);
  slab.text(instance);
}

function readTarget(scanner: Scanner): Target {
  const group = scanner.text();
  const name = scanner.text();
  const instance = scanner.text();
  return { group: group === "" ? false : group, name, instance: instance === "" ? undefined : instance };
}

/** Whether waves of `kind` come back with their payload when nothing else is said. */
function reflectsBodyOf(kind: WaveKind): boolean {
  return kind === "command" || kind === "query";
}

function write(
  slab: Slab,
  { wave, prepared, codec, request }: Outbound,
  waitedMs: number,
  table: Buffer | undefined,
): void {
  const whole = slab.openU32();
  const head = slab.openU16();
  const age = wave.age + waitedMs;
  const { id, halfLifeMs, hops, trace, cause, phase, weight, key, headers, version, gain, to } = wave;
  const names = namesOf(headers);
  let flags = 0;
  flags |= halfLifeMs < Number.POSITIVE_INFINITY ? HAS.halfLife : 0;
  flags |= hops === 1 ? 0 : HAS.hops;
  flags |= age > 0 ? HAS.age : 0;
  flags |= trace === id ? 0 : HAS.trace;
  flags |= cause === undefined ? 0 : HAS.cause;
  flags |= phase === 0 ? 0 : HAS.phase;
  flags |= weight === 1 ? 0 : HAS.weight;
  flags |= key === undefined ? 0 : HAS.key;
  flags |= names === undefined ? 0 : HAS.headers;
  flags |= version === undefined ? 0 : HAS.version;
  flags |= wave.named ? HAS.named : 0;
  flags |= request === undefined ? 0 : HAS.request;
  flags |= gain === 1 ? 0 : HAS.gain;
  flags |= to === undefined ? 0 : HAS.to;
  flags |= table === undefined ? 0 : HAS.table;
  flags |= wave.reflects ? HAS.reflects : 0;
  flags |= wave.reflectsBody === reflectsBodyOf(wave.kind) ? 0 : HAS.otherBody;
  slab.u8(KIND_NUMBERS[wave.kind]);
  slab.u8(codec);
  slab.u32(flags);
  slab.text(id);
  slab.f64(wave.amplitude);
  slab.f64(wave.emittedAt);
  if (halfLifeMs < Number.POSITIVE_INFINITY) {
    slab.f64(halfLifeMs);
  }
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
  if (names !== undefined) {
    slab.u8(names.length);
    for (const name of names) {
      slab.text(name);
      slab.text(headers[name] ?? "");
    }
  }
  if (version !== undefined) {
    slab.u32(version);
  }
  if (request !== undefined) {
    slab.u32(request.correlation);
    slab.f64(Math.max(0, request.leftMs - waitedMs));
  }
  if (gain !== 1) {
    slab.f64(gain);
  }
  if (to !== undefined) {
    writeTarget(slab, to);
  }
  if (table !== undefined) {
    slab.u16(table.length);
    slab.bytes(table);
  }
  slab.closeU16(head);
  if (typeof prepared === "string") {
    slab.utf8(prepared);
  } else if (prepared !== undefined) {
    slab.bytes(prepared);
  }
  slab.closeU32(whole);
}

/** Most waves have no headers, and cost no list of them. */
function namesOf(headers: Wave["headers"]): readonly string[] | undefined {
  for (const _ in headers) {
    return Object.keys(headers);
  }
  return undefined;
}

/** The checksum of messages on one channel: it covers the name, so that no wave arrives on another channel. */
export class Seal {
  readonly #start: number;

  constructor(channel: string) {
    this.#start = crc32(channel);
  }

  /** CRC-32 of the channel's name and then `bytes`. */
  of(bytes: Uint8Array): number {
    return crc32(bytes, this.#start);
  }
}

/** A wave of a message, with what it says of its way back. */
export interface Inbound {
  readonly parts: InboundParts;
  readonly request: Request | undefined;
}

/** What a wave will be made of once its way back is known. */
export interface InboundParts {
  readonly id: string;
  readonly head: WaveHead;
  readonly payload: unknown;
  readonly amplitude: number;
  readonly moment: Moment;
  readonly lineage: { readonly hops: number; readonly cause: string | undefined; readonly trace: string } | undefined;
  /** Of this wave alone: its way back is put in when it is known. */
  readonly extras: WaveExtras & { exchange: WaveExtras["exchange"] };
}

/**
 * Whether `data` is a message of ours, whatever its state: two of its first three bytes are as they must be, so that one
 * which was damaged there is not taken for a stranger's.
 */
export function isEnvelope(data: Uint8Array): boolean {
  const first = data[0] === MAGIC_0 ? 1 : 0;
  const second = data[1] === MAGIC_1 ? 1 : 0;
  const third = data[2] === WIRE_VERSION ? 1 : 0;
  return first + second + third >= 2;
}

/**
 * The waves of a message on `channel` that arrived at `moment`; `undefined` when it is damaged, of another version, or
 * no message. Payloads stay encoded, as views of `data`.
 */
export function decode(data: Uint8Array, channel: string, seal: Seal, moment: Moment): readonly Inbound[] | undefined {
  if (data.length < LEAST_BYTES || data[0] !== MAGIC_0 || data[1] !== MAGIC_1 || data[2] !== WIRE_VERSION) {
    return undefined;
  }
  const buffer = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const end = buffer.length - CRC_BYTES;
  if (seal.of(buffer.subarray(0, end)) !== buffer.readUInt32LE(end)) {
    return undefined;
  }
  try {
    return read(new Scanner(buffer, 3, end), end, channel, moment);
  } catch (error) {
    if (error instanceof Malformed) {
      return undefined;
    }
    throw error;
  }
}

function read(scanner: Scanner, end: number, channel: string, moment: Moment): readonly Inbound[] | undefined {
  const count = scanner.u8();
  if (count < 1 || count > MOST_PACKED) {
    return undefined;
  }
  const origin: Origin = { source: scanner.text(), sourceId: scanner.text() };
  const message: Message = {
    channel,
    origin,
    moment,
    reader: undefined,
    isSound: count > 1 && isSound(channel, origin, moment),
    head: undefined,
  };
  const waves: Inbound[] = [];
  for (let i = 0; i < count; i++) {
    const length = scanner.u32();
    const waveAt = scanner.at;
    if (length > scanner.left) {
      return undefined;
    }
    const wave = readWave(scanner, waveAt + length, message);
    if (wave === undefined) {
      return undefined;
    }
    waves.push(wave);
    scanner.seek(waveAt + length, end);
  }
  return waves;
}

/** What the waves of one message have in common. */
interface Message {
  readonly channel: string;
  readonly origin: Origin;
  readonly moment: Moment;
  /** Reads payloads by the table that came last. */
  reader: RecordReader | undefined;
  /** Whether it was looked at what its waves have in common, and nothing is wrong with that. */
  readonly isSound: boolean;
  /** That of its last plain wave. */
  head: WaveHead | undefined;
}

/** What was found well-formed last: messages come in runs of one channel and one emitter. */
let sound = { channel: "", source: "", sourceId: "" };

/** Whether waves on `channel` from `origin` are well-formed as far as that goes: a look at one serves all of a message. */
function isSound(channel: string, origin: Origin, moment: Moment): boolean {
  const { source, sourceId } = origin;
  if (sound.channel === channel && sound.source === source && sound.sourceId === sourceId) {
    return true;
  }
  const one = Wave.of({
    id: "1",
    channel,
    kind: "event",
    payload: undefined,
    amplitude: 0,
    origin,
    moment,
    halfLifeMs: 1,
    hops: 1,
    cause: undefined,
    trace: "1",
    bytes: 0,
    extras: undefined,
  });
  if (one.sound) {
    sound = { channel, source, sourceId };
  }
  return one.sound;
}

/** The head of a plain wave: the same as of the one before, where nothing has changed. */
function headOf(message: Message, kind: WaveKind, halfLifeMs: number, bytes: number, isChecked: boolean): WaveHead {
  const last = message.head;
  if (
    last?.bytes === bytes &&
    last.kind === kind &&
    last.halfLifeMs === halfLifeMs &&
    last.sound === (isChecked || undefined)
  ) {
    return last;
  }
  const { channel, origin } = message;
  const head: WaveHead = { channel, kind, origin, halfLifeMs, bytes, sound: isChecked || undefined };
  message.head = head;
  return head;
}

function readWave(scanner: Scanner, end: number, message: Message): Inbound | undefined {
  const headLength = scanner.u16();
  const bodyAt = scanner.at + headLength;
  scanner.seek(scanner.at, bodyAt);
  const kind = KINDS[scanner.u8()];
  const codec = scanner.u8();
  const flags = scanner.u32();
  const id = scanner.text();
  const { isVisible } = scanner;
  const amplitude = scanner.f64();
  const emittedAt = scanner.f64();
  const halfLifeMs = flags & HAS.halfLife ? scanner.f64() : Number.POSITIVE_INFINITY;
  const isPlain = (flags & ~HAS.halfLife) === 0;
  const fields = isPlain ? undefined : readFields(scanner, flags, message);
  // What a later version has added to the head stands here, and is passed over.
  scanner.seek(bodyAt, end);
  const payload = payloadAt(codec, scanner.buffer, bodyAt, end, message.reader);
  if (kind === undefined || payload === UNREADABLE) {
    return undefined;
  }
  const bytes = end - bodyAt;
  const { channel, origin, moment } = message;
  if (fields === undefined) {
    const isChecked = message.isSound && isVisible && amplitude >= 0 && amplitude <= 1 && halfLifeMs > 0;
    const head = headOf(message, kind, halfLifeMs, bytes, isChecked);
    const extras = { emittedAt, exchange: undefined };
    return { parts: { id, head, payload, amplitude, moment, lineage: undefined, extras }, request: undefined };
  }
  const { hops, age, trace = id, cause, phase, weight, key, headers, version, request, gain, to } = fields;
  const isRoot = hops === 1 && cause === undefined && trace === id;
  return {
    parts: {
      id,
      head: { channel, kind, origin, halfLifeMs, bytes },
      payload,
      amplitude,
      moment,
      lineage: isRoot ? undefined : { hops, cause, trace },
      // Written out: a spread for each wave that arrives would cost as much as reading it.
      extras: {
        age,
        phase,
        weight,
        key,
        headers,
        version,
        gain,
        to,
        emittedAt,
        exchange: undefined,
        named: (flags & HAS.named) !== 0,
        reflects: (flags & HAS.reflects) !== 0,
        reflectsBody: (flags & HAS.otherBody) === 0 ? undefined : !reflectsBodyOf(kind),
      },
    },
    request,
  };
}

/** What few waves have in their head. */
interface Fields {
  readonly hops: number;
  readonly age: number | undefined;
  readonly trace: string | undefined;
  readonly cause: string | undefined;
  readonly phase: number | undefined;
  readonly weight: number | undefined;
  readonly key: string | undefined;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly version: number | undefined;
  readonly request: Request | undefined;
  readonly gain: number | undefined;
  readonly to: Target | undefined;
}

function readFields(scanner: Scanner, flags: number, message: Message): Fields {
  const fields: Fields = {
    hops: flags & HAS.hops ? scanner.u8() : 1,
    age: flags & HAS.age ? scanner.f64() : undefined,
    trace: flags & HAS.trace ? scanner.text() : undefined,
    cause: flags & HAS.cause ? scanner.text() : undefined,
    phase: flags & HAS.phase ? scanner.f64() : undefined,
    weight: flags & HAS.weight ? scanner.f64() : undefined,
    key: flags & HAS.key ? scanner.text() : undefined,
    headers: flags & HAS.headers ? readHeaders(scanner) : undefined,
    version: flags & HAS.version ? scanner.u32() : undefined,
    request: flags & HAS.request ? { correlation: scanner.u32(), leftMs: scanner.f64() } : undefined,
    gain: flags & HAS.gain ? scanner.f64() : undefined,
    to: flags & HAS.to ? readTarget(scanner) : undefined,
  };
  if (flags & HAS.table) {
    message.reader = readerOf(scanner.bytes(scanner.u16()).toString("utf8"));
  }
  return fields;
}

function readHeaders(scanner: Scanner): Readonly<Record<string, string>> {
  const entries: [string, string][] = [];
  for (let left = scanner.u8(); left > 0; left--) {
    entries.push([scanner.text(), scanner.text()]);
  }
  return Object.freeze(Object.fromEntries(entries));
}

/** The wave of a message, once its way back is known. */
export function waveOf({ parts }: Inbound, exchange: WaveExtras["exchange"]): Wave {
  if (exchange !== undefined) {
    parts.extras.exchange = exchange;
  }
  return new Wave(parts);
}
