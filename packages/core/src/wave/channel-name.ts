/** The grammar of channel names and patterns: which texts are one, and which token a wildcard may stand for. */

import { AetherError, expected, show } from "../errors.ts";

/** No name is ever longer than this, whatever the limits say. */
export const LONGEST_CHANNEL = 200;
const DEFAULT_LONGEST = 128;
const LONGEST_TOKEN = 64;
const MOST_TOKENS = 16;

const DOT = 46;
const STAR = 42;
const REST = 62;
const DOLLAR = 36;

/** Whether a character may stand in a token: `A–Z a–z 0–9 _ -`. */
function isTokenCode(code: number): boolean {
  return (
    (code >= 97 && code <= 122) ||
    (code >= 65 && code <= 90) ||
    (code >= 48 && code <= 57) ||
    code === 95 ||
    code === 45
  );
}

/** Why `name` is not a channel name (or pattern, when `wildcards`); `undefined` when it is. Linear in its length. */
function fault(name: string, wildcards: boolean, longest: number): string | undefined {
  if (name.length === 0) {
    return "it is empty";
  }
  const reserved = name.charCodeAt(0) === DOLLAR;
  if (!reserved && name.length > longest) {
    return `it has ${name.length} characters and the limit is ${longest}`;
  }
  if (name.length > 2 * LONGEST_CHANNEL) {
    return "it is too long";
  }
  let tokens = 1;
  let start = reserved ? 1 : 0;
  for (let at = start; at <= name.length; at++) {
    const code = at < name.length ? name.charCodeAt(at) : DOT;
    if (code === DOT) {
      if (at === start) {
        return "it has an empty token (a leading, trailing or double dot)";
      }
      if (!reserved && at - start > LONGEST_TOKEN) {
        return `a token is longer than ${LONGEST_TOKEN} characters`;
      }
      if (at < name.length) {
        tokens++;
      }
      start = at + 1;
    } else if (code === STAR || code === REST) {
      if (!wildcards) {
        return "a wildcard stands only in a pattern";
      }
      const alone = at === start && (at + 1 === name.length || name.charCodeAt(at + 1) === DOT);
      if (!alone) {
        return "a wildcard must be a whole token";
      }
      if (code === REST && at + 1 !== name.length) {
        return "`>` must be the last token";
      }
    } else if (!isTokenCode(code)) {
      return `it holds ${show(String.fromCharCode(code))}, and tokens are made of A-Z a-z 0-9 _ -`;
    }
  }
  return reserved || tokens <= MOST_TOKENS ? undefined : `it has ${tokens} tokens and the limit is ${MOST_TOKENS}`;
}

function refuse(what: string, name: unknown, why: string): AetherError {
  return new AetherError("AETHER_BAD_CHANNEL", `Expected ${what}, got ${show(name)}: ${why}`, {
    details: { got: name, why },
  });
}

/** Throws `AETHER_BAD_CHANNEL` unless `name` is a channel that a wave may be emitted on. */
export function assertChannelName(name: unknown, longest: number = DEFAULT_LONGEST): asserts name is string {
  if (typeof name !== "string") {
    throw refuse("a channel name", name, "it is not a string");
  }
  const why = name.charCodeAt(0) === DOLLAR ? "names that start with `$` are reserved" : fault(name, false, longest);
  if (why !== undefined) {
    throw refuse("a channel name", name, why);
  }
}

/** Throws `AETHER_BAD_CHANNEL` unless `pattern` is a channel name or a pattern. */
export function assertPattern(pattern: unknown, longest: number = DEFAULT_LONGEST): asserts pattern is string {
  if (typeof pattern !== "string") {
    throw refuse("a channel or pattern", pattern, "it is not a string");
  }
  const why = fault(pattern, true, longest);
  if (why !== undefined) {
    throw refuse("a channel or pattern", pattern, why);
  }
}

/** Throws `AETHER_BAD_CHANNEL` unless `name` is the name of a channel, a reserved one included. */
export function assertAnyChannelName(name: unknown): asserts name is string {
  const why = typeof name === "string" ? fault(name, false, LONGEST_CHANNEL) : "it is not a string";
  if (why !== undefined) {
    throw refuse("a channel name", name, why);
  }
}

/** Whether `name` begins with `$`. Patterns that begin with a wildcard do not hear such channels. */
export function isReserved(name: unknown): boolean {
  return typeof name === "string" && name.charCodeAt(0) === DOLLAR;
}

/** Whether `pattern` begins with a wildcard. */
export function beginsWild(pattern: string): boolean {
  const first = pattern.charCodeAt(0);
  return first === STAR || first === REST;
}

/** Whether `name` is the name of a channel, a reserved one included. */
export function isChannelName(name: unknown): name is string {
  return typeof name === "string" && fault(name, false, LONGEST_CHANNEL) === undefined;
}

/** `limit` if a channel may be that long: a whole number from 1 to 200. Throws `AETHER_BAD_OPTION`. */
export function channelLengthOf(limit: number = DEFAULT_LONGEST): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= LONGEST_CHANNEL) {
    return limit;
  }
  throw expected("limits.maxChannelLength", `a whole number from 1 to ${LONGEST_CHANNEL}`, limit);
}
