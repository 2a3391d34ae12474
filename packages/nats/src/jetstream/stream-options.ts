/** What may be asked of the stream that keeps recorded waves, checked. */

import { assertKnown, expected, type Known } from "../expected.ts";

/** Options of the record; what is left out follows the stream that is there, or has its default where none is. */
export interface StreamOptions {
  /** 4 (default): louder waves first. 1: a group gets its waves in the order of the record, whatever their amplitude. */
  readonly bands?: 1 | 4 | undefined;
  /** How many servers of a cluster keep each wave, 1 to 5. Default 1. */
  readonly replicas?: number | undefined;
  /** Default `"file"`; `"memory"` forgets everything when the server ends. */
  readonly storage?: "file" | "memory" | undefined;
  /** Milliseconds in which a wave that is recorded again under its id is known. Default 120,000. */
  readonly duplicateWindowMs?: number | undefined;
  /** Milliseconds after which waves are forgotten, handled or not. Default: never. */
  readonly maxAgeMs?: number | undefined;
  /** Over this many bytes the oldest waves are forgotten, handled or not. Default: no bound. */
  readonly maxBytes?: number | undefined;
  /** Milliseconds after which a wave whose holder is silent goes to another member of the group. Default 30,000. */
  readonly ackWaitMs?: number | undefined;
  /** How dead letters of recorded waves are kept, in a stream of their own; false: in the memory of whoever failed. */
  readonly deadLetters?: DeadLetterStreamOptions | false | undefined;
}

/** Options of the stream of dead letters; what is left out follows the stream that is there, or has its default. */
export interface DeadLetterStreamOptions {
  /** Most letters; over that the oldest are evicted. Default 10,000. */
  readonly maxLetters?: number | undefined;
  /** Most bytes; over that the oldest are evicted. Default: no bound. */
  readonly maxBytes?: number | undefined;
  /** Milliseconds after which letters are evicted. Default: never. */
  readonly maxAgeMs?: number | undefined;
  /** Default: as that of the recorded waves. */
  readonly replicas?: number | undefined;
  /** Default: as that of the recorded waves. */
  readonly storage?: "file" | "memory" | undefined;
}

/** {@link DeadLetterStreamOptions} with everything filled in. */
export interface CheckedLetters {
  readonly maxLetters: number;
  /** -1: no bound. */
  readonly maxBytes: number;
  /** 0: never. */
  readonly maxAgeMs: number;
  readonly replicas: number;
  readonly storage: "file" | "memory";
  /** What was given, and so is held against a stream that is there. */
  readonly given: ReadonlySet<string>;
}

/** {@link StreamOptions} with everything filled in. */
export interface CheckedStream {
  readonly bands: 1 | 4;
  readonly replicas: number;
  readonly storage: "file" | "memory";
  readonly duplicateWindowMs: number;
  /** 0: never. */
  readonly maxAgeMs: number;
  /** -1: no bound. */
  readonly maxBytes: number;
  readonly ackWaitMs: number;
  readonly deadLetters: CheckedLetters | undefined;
  /** What was given, and so is held against a stream that is there. */
  readonly given: ReadonlySet<string>;
}

const KNOWN: Known<StreamOptions> = {
  bands: true,
  replicas: true,
  storage: true,
  duplicateWindowMs: true,
  maxAgeMs: true,
  maxBytes: true,
  ackWaitMs: true,
  deadLetters: true,
};
const KNOWN_LETTERS: Known<DeadLetterStreamOptions> = {
  maxLetters: true,
  maxBytes: true,
  maxAgeMs: true,
  replicas: true,
  storage: true,
};
/** Any letter fits, whatever the server takes by default. */
const LEAST_LETTER_BYTES = 2 * 1024 * 1024;
const MOST_REPLICAS = 5;
const LEAST_WINDOW_MS = 100;
const LEAST_ACK_WAIT_MS = 100;

/** `options` if they are legal; `undefined` for `false`. Throws `AETHER_BAD_OPTION`. */
export function checkedStream(options: StreamOptions | false = {}): CheckedStream | undefined {
  if (options === false) {
    return undefined;
  }
  assertKnown("stream", options, KNOWN);
  const known: Readonly<Record<string, unknown>> = { ...options };
  const { bands = 4, storage = "file" } = options;
  if (bands !== 1 && bands !== 4) {
    throw expected("stream.bands", "4, or 1 for the order of the record", bands);
  }
  assertStorage("stream.storage", storage);
  const number = (name: string, least: number, most: number, otherwise: number): number =>
    wholeOf(`stream.${name}`, known[name], least, most, otherwise);
  const most = Number.MAX_SAFE_INTEGER / 1e6;
  const duplicateWindowMs = number("duplicateWindowMs", LEAST_WINDOW_MS, most, 120_000);
  const maxAgeMs = number("maxAgeMs", LEAST_WINDOW_MS, most, 0);
  if (maxAgeMs !== 0 && maxAgeMs < duplicateWindowMs) {
    throw expected("stream.maxAgeMs", `at least the duplicate window of ${duplicateWindowMs}`, maxAgeMs);
  }
  return {
    bands,
    storage,
    replicas: number("replicas", 1, MOST_REPLICAS, 1),
    duplicateWindowMs,
    maxAgeMs,
    maxBytes: number("maxBytes", 1, Number.MAX_SAFE_INTEGER, -1),
    ackWaitMs: number("ackWaitMs", LEAST_ACK_WAIT_MS, most, 30_000),
    deadLetters: checkedLetters(options),
    given: new Set(Object.keys(options).filter((name) => known[name] !== undefined)),
  };
}

function checkedLetters(stream: StreamOptions): CheckedLetters | undefined {
  const { deadLetters: options = {} } = stream;
  if (options === false) {
    return undefined;
  }
  assertKnown("stream.deadLetters", options, KNOWN_LETTERS);
  const { storage = stream.storage ?? "file", maxLetters, maxBytes, maxAgeMs, replicas } = options;
  assertStorage("stream.deadLetters.storage", storage);
  const whole = (name: string, value: unknown, least: number, most: number, otherwise: number): number =>
    wholeOf(`stream.deadLetters.${name}`, value, least, most, otherwise);
  return {
    storage,
    maxLetters: whole("maxLetters", maxLetters, 1, Number.MAX_SAFE_INTEGER, 10_000),
    maxBytes: whole("maxBytes", maxBytes, LEAST_LETTER_BYTES, Number.MAX_SAFE_INTEGER, -1),
    maxAgeMs: whole("maxAgeMs", maxAgeMs, LEAST_WINDOW_MS, Number.MAX_SAFE_INTEGER / 1e6, 0),
    replicas: whole("replicas", replicas, 1, MOST_REPLICAS, stream.replicas ?? 1),
    given: new Set(Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [name]))),
  };
}

function assertStorage(name: string, storage: unknown): void {
  if (storage !== "file" && storage !== "memory") {
    throw expected(name, '"file" or "memory"', storage);
  }
}

function wholeOf(name: string, value: unknown, least: number, most: number, otherwise: number): number {
  if (value === undefined) {
    return otherwise;
  }
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) {
    return value;
  }
  throw expected(name, `a whole number from ${least} to ${Math.floor(most)}`, value);
}
