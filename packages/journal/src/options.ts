/** The options of journals and of reading, checked, with their defaults. */

import { type Alarm, type Clock, matches, systemClock } from "@aether/core";
import { expected } from "./failures.ts";
import type { FileSystem } from "./files/file-system.ts";
import { nodeFileSystem } from "./files/node-file-system.ts";
import type { LogOptions } from "./log/log.ts";
import type { Mode } from "./log/log-writer.ts";
import type { RetentionOptions } from "./log/retention.ts";

/** How a journal is opened. */
export interface JournalOptions {
  /**
   * When an append resolves. `sync` (default): the wave is on the disk; it survives a kill of the process and, as far as
   * the disk honours a flush, a loss of power. `interval`: the operating system has it; a loss of power takes what came in
   * the last `intervalMs`. `none`: a loss of power takes whatever the operating system had not written by itself.
   */
  readonly mode?: Mode | undefined;
  /** How long a wave waits for the disk in mode `interval`, and how much a loss of power takes. Default 100. */
  readonly intervalMs?: number | undefined;
  /** A segment that is longer ends, and another begins. Default 16 MiB, at most a quarter of `retention.maxBytes`. */
  readonly segmentBytes?: number | undefined;
  readonly retention?: RetentionOptions | undefined;
  /** Reads only, also while another process writes. Default false. */
  readonly readOnly?: boolean | undefined;
  /** Default: that of the machine. */
  readonly fileSystem?: FileSystem | undefined;
  readonly clock?: Clock | undefined;
}

/** Which waves are read, and in which part of the journal. Without a bound, all of it up to its end at the call. */
export interface ReadOptions {
  /** Position or time of appending, inclusive. */
  readonly from?: string | Date | undefined;
  readonly to?: string | Date | undefined;
  readonly pattern?: string | undefined;
  /** Amplitude at emission, 0..1. */
  readonly minAmplitude?: number | undefined;
}

type Known<T> = { readonly [K in keyof Required<T>]: true };

const JOURNAL_OPTIONS: Known<JournalOptions> = {
  mode: true,
  intervalMs: true,
  segmentBytes: true,
  retention: true,
  readOnly: true,
  fileSystem: true,
  clock: true,
};
const RETENTION_OPTIONS: Known<RetentionOptions> = { maxAgeMs: true, maxBytes: true, dropReleased: true };
const READ_OPTIONS: Known<ReadOptions> = { from: true, to: true, pattern: true, minAmplitude: true };

const DEFAULT_SEGMENT_BYTES = 16 * 1024 * 1024;
const LEAST_SEGMENT_BYTES = 1024;
const MOST_SEGMENT_BYTES = 1024 * 1024 * 1024;
const SEGMENTS_AT_LEAST = 4;
const MODES: ReadonlySet<unknown> = new Set<Mode>(["sync", "interval", "none"]);

/** What `options` ask for. Throws `AETHER_BAD_OPTION`. */
export function logOptions(options: JournalOptions): LogOptions {
  assertKnown("options", options, JOURNAL_OPTIONS);
  const { mode = "sync", intervalMs = 100, readOnly = false, retention = {} } = options;
  const { fileSystem = nodeFileSystem, clock = systemClock } = options;
  assertKnown("retention", retention, RETENTION_OPTIONS);
  if (!MODES.has(mode)) {
    throw expected("mode", '"sync", "interval" or "none"', mode);
  }
  for (const [name, value] of Object.entries({ readOnly, "retention.dropReleased": retention.dropReleased ?? false })) {
    if (typeof value !== "boolean") {
      throw expected(name, "true or false", value);
    }
  }
  const { maxBytes } = retention;
  if (maxBytes !== undefined) {
    assertWhole("retention.maxBytes", maxBytes, SEGMENTS_AT_LEAST * LEAST_SEGMENT_BYTES, Number.MAX_SAFE_INTEGER);
  }
  if (retention.maxAgeMs !== undefined) {
    assertWhole("retention.maxAgeMs", retention.maxAgeMs, 1, Number.MAX_SAFE_INTEGER);
  }
  assertWhole("intervalMs", intervalMs, 1, 2 ** 31 - 1);
  const most = Math.floor((maxBytes ?? Number.POSITIVE_INFINITY) / SEGMENTS_AT_LEAST);
  const segmentBytes = options.segmentBytes ?? Math.min(DEFAULT_SEGMENT_BYTES, most);
  assertWhole("segmentBytes", segmentBytes, LEAST_SEGMENT_BYTES, Math.min(MOST_SEGMENT_BYTES, most));
  assertFiles(fileSystem);
  return { mode, intervalMs, segmentBytes, retention, readOnly, files: fileSystem, clock: withAlarms(clock) };
}

const FILE_SYSTEM: Known<FileSystem> = {
  open: true,
  makeDirectory: true,
  list: true,
  standing: true,
  rename: true,
  remove: true,
  syncDirectory: true,
};

function assertFiles(files: unknown): void {
  const names = Object.keys(FILE_SYSTEM);
  const isWhole =
    typeof files === "object" &&
    files !== null &&
    names.every((name) => typeof Reflect.get(files, name) === "function");
  if (!isWhole) {
    throw expected("fileSystem", `an object with ${names.join(", ")}`, files);
  }
}

/** `clock` with the alarms of the platform where it brings none of its own. */
function withAlarms(clock: Clock): LogOptions["clock"] {
  if (typeof clock?.now !== "function" || typeof clock.monotonic !== "function") {
    throw expected("clock", "a clock with now() and monotonic()", clock);
  }
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    schedule: (task, delayMs) => clock.schedule?.(task, delayMs) ?? platformAlarm(task, delayMs),
  };
}

function platformAlarm(task: () => void, delayMs: number): Alarm {
  const timer = setTimeout(task, delayMs);
  return {
    cancel: () => clearTimeout(timer),
    hold: (alive) => void (alive ? timer.ref() : timer.unref()),
  };
}

/** `options` if they ask for what can be read. Throws `AETHER_BAD_OPTION`, and `AETHER_BAD_CHANNEL` for a bad pattern. */
export function checkReading(options: ReadOptions): ReadOptions {
  assertKnown("options", options, READ_OPTIONS);
  const { from, to, pattern, minAmplitude } = options;
  for (const [name, bound] of Object.entries({ from, to })) {
    const isTime = bound instanceof Date && !Number.isNaN(bound.getTime());
    if (bound !== undefined && typeof bound !== "string" && !isTime) {
      throw expected(name, "a position or a valid Date", bound);
    }
  }
  if (pattern !== undefined) {
    matches(pattern, "a");
  }
  if (minAmplitude !== undefined && !(typeof minAmplitude === "number" && minAmplitude >= 0 && minAmplitude <= 1)) {
    throw expected("minAmplitude", "a number from 0 to 1", minAmplitude);
  }
  return options;
}

function assertWhole(name: string, value: unknown, least: number, most: number): void {
  if (!(typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most)) {
    throw expected(name, `a whole number from ${least} to ${most}`, value);
  }
}

function assertKnown<T extends object>(name: string, value: T, known: Known<T>): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw expected(name, "an object", value);
  }
  for (const key of Object.keys(value)) {
    if (!Object.hasOwn(known, key)) {
      throw expected(name, `an object with no other keys than ${Object.keys(known).join(", ")}`, key);
    }
  }
}
