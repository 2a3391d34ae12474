/** Whether what came from outside can be a wave at all: nothing of it is believed before it was looked at. */

import { show } from "../errors.ts";
import { MOST_GAIN } from "../physics/amplification.ts";
import { isChannelName } from "./channel-name.ts";

/** What is claimed of a wave, under the names that waves have for it. */
export interface Claims {
  readonly id: unknown;
  readonly channel: unknown;
  readonly kind: unknown;
  readonly amplitude: unknown;
  /** Milliseconds; `Infinity`: none. */
  readonly halfLifeMs: unknown;
  readonly hops: unknown;
  readonly source: unknown;
  readonly sourceId: unknown;
  readonly trace: unknown;
  readonly cause: unknown;
  readonly age: unknown;
  readonly phase: unknown;
  readonly weight: unknown;
  readonly gain: unknown;
  readonly key: unknown;
  readonly headers: unknown;
  readonly version: unknown;
}

const KINDS: ReadonlySet<unknown> = new Set([
  "event",
  "broadcast",
  "command",
  "query",
  "response",
  "reflection",
  "probe",
]);

/** No wave has more hops: they travel as one byte. */
export const MOST_HOPS = 255;
/** No wave is older: 100 years in milliseconds. */
export const OLDEST_MS: number = 100 * 365.25 * 86_400_000;
/** Longest id: one of 128 characters, and the instance that answered it or sent it back. */
export const LONGEST_ID = 384;
/** Longest name of a vibrator, and of its instance. */
export const LONGEST_SOURCE = 128;
export const LONGEST_INSTANCE = 192;
export const LONGEST_KEY = 256;
export const MOST_HEADERS = 64;
/** Most characters of all headers, names included. */
export const MOST_HEADER_CHARACTERS = 8192;

/** What is wrong with `claims`; `undefined` when a wave can be made of them. Never throws. docs/physics.md §0. */
export function faultIn(claims: Claims): string | undefined {
  return textFaultIn(claims) ?? numberFaultIn(claims) ?? headersFault(claims.headers);
}

// What was found sound last, "a" at first: waves from a network come in runs of one channel and one emitter.
let soundChannel: unknown = "a";
let soundSource: unknown = "a";
let soundInstance: unknown = "a";

function textFaultIn({ id, channel, kind, source, sourceId, trace, cause, key }: Claims): string | undefined {
  if (!KINDS.has(kind)) {
    return wrong("kind", "a kind of wave", kind);
  }
  if (channel !== soundChannel) {
    if (!isChannelName(channel)) {
      return wrong("channel", "a channel name", channel);
    }
    soundChannel = channel;
  }
  if (!isVisible(id, LONGEST_ID)) {
    return wrong("id", `1 to ${LONGEST_ID} visible ASCII characters`, id);
  }
  if (trace !== id && !isVisible(trace, LONGEST_ID)) {
    return wrong("trace", `1 to ${LONGEST_ID} visible ASCII characters`, trace);
  }
  if (cause !== undefined && !isVisible(cause, LONGEST_ID)) {
    return wrong("cause", `1 to ${LONGEST_ID} visible ASCII characters`, cause);
  }
  if (source !== soundSource) {
    if (!isVisible(source, LONGEST_SOURCE)) {
      return wrong("source", `1 to ${LONGEST_SOURCE} visible ASCII characters`, source);
    }
    soundSource = source;
  }
  if (sourceId !== soundInstance) {
    if (!isVisible(sourceId, LONGEST_INSTANCE)) {
      return wrong("sourceId", `1 to ${LONGEST_INSTANCE} visible ASCII characters`, sourceId);
    }
    soundInstance = sourceId;
  }
  if (key !== undefined && (typeof key !== "string" || key.length < 1 || key.length > LONGEST_KEY)) {
    return wrong("key", `a text of 1 to ${LONGEST_KEY} characters`, key);
  }
  return undefined;
}

function numberFaultIn(claims: Claims): string | undefined {
  const { amplitude, halfLifeMs, hops, age = 0, phase = 0, weight = 1, gain = 1, version } = claims;
  if (typeof amplitude !== "number" || !(amplitude >= 0 && amplitude <= 1)) {
    return wrong("amplitude", "a number from 0 to 1", amplitude);
  }
  if (typeof halfLifeMs !== "number" || !(halfLifeMs > 0)) {
    return wrong("halfLifeMs", "a number of milliseconds above 0", halfLifeMs);
  }
  if (typeof hops !== "number" || !Number.isInteger(hops) || hops < 0 || hops > MOST_HOPS) {
    return wrong("hops", `a whole number from 0 to ${MOST_HOPS}`, hops);
  }
  if (typeof age !== "number" || !(age >= 0 && age <= OLDEST_MS)) {
    return wrong("age", "a number of milliseconds from 0 to 100 years", age);
  }
  if (typeof phase !== "number" || !Number.isFinite(phase)) {
    return wrong("phase", "a finite number", phase);
  }
  if (typeof weight !== "number" || !(weight > 0 && weight <= 1e6)) {
    return wrong("weight", "a number above 0 and up to 1,000,000", weight);
  }
  if (typeof gain !== "number" || !(gain > 0 && gain <= MOST_GAIN)) {
    return wrong("gain", `a number above 0 and up to ${MOST_GAIN}`, gain);
  }
  if (version !== undefined && !Number.isSafeInteger(version)) {
    return wrong("version", "a whole number", version);
  }
  return undefined;
}

/** What is wrong with texts by name that came from outside; `undefined` when nothing is, or when there are none. */
export function headersFault(headers: unknown, name = "headers"): string | undefined {
  if (headers === undefined) {
    return undefined;
  }
  if (typeof headers !== "object" || headers === null || Array.isArray(headers)) {
    return wrong(name, "an object of texts", headers);
  }
  const entries: readonly [string, unknown][] = Object.entries(headers);
  let characters = 0;
  for (const [key, value] of entries) {
    if (typeof value !== "string" || !isVisible(key, MOST_HEADER_CHARACTERS) || hasControl(value)) {
      return wrong(name, "visible ASCII names with texts without control characters", value);
    }
    characters += key.length + value.length;
  }
  return entries.length > MOST_HEADERS || characters > MOST_HEADER_CHARACTERS
    ? `\`${name}\` has ${entries.length} entries of ${characters} characters, and the limit is ${MOST_HEADERS} of ${MOST_HEADER_CHARACTERS}`
    : undefined;
}

/** Whether `value` names a receiver. Who has no group is named by its instance. */
export function isTarget(value: unknown): boolean {
  if (typeof value !== "object" || value === null) {
    return false;
  }
  const group: unknown = Reflect.get(value, "group");
  const name: unknown = Reflect.get(value, "name");
  const instance: unknown = Reflect.get(value, "instance");
  const isWhole = group === false ? instance !== undefined : isVisible(group, LONGEST_ID);
  return isWhole && isVisible(name, LONGEST_ID) && (instance === undefined || isVisible(instance, LONGEST_INSTANCE));
}

/** One form for what is wrong. */
export function wrong(name: string, what: string, got: unknown): string {
  return `\`${name}\` is ${shown(got)}, not ${what}`;
}

/** As `show`, for a value that may throw when it is looked at. */
function shown(value: unknown): string {
  try {
    return show(value);
  } catch {
    return "a value that cannot be shown";
  }
}

/** Whether `text` is one of 1 to `longest` visible ASCII characters. */
export function isVisible(text: unknown, longest: number): text is string {
  if (typeof text !== "string" || text.length < 1 || text.length > longest) {
    return false;
  }
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 33 || code > 126) {
      return false;
    }
  }
  return true;
}

/** Whether `text` holds a character that could end or hide a line. */
export function hasControl(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 32 || code === 127) {
      return true;
    }
  }
  return false;
}
