/** The rules of patterns, written down once more and as plainly as possible: what the real matchers are compared with. */

import { fc } from "../seeded.ts";

/** Whether `pattern` covers `channel`, token by token. */
export function naiveMatch(pattern: string, channel: string): boolean {
  const wanted = pattern.split(".");
  const given = channel.split(".");
  const rest = wanted.at(-1) === ">";
  const fixed = rest ? wanted.slice(0, -1) : wanted;
  if (rest ? given.length <= fixed.length : given.length !== fixed.length) {
    return false;
  }
  return fixed.every((token, index) => token === "*" || token === given[index]);
}

// A small alphabet, with names that an object used as a map would trip over: matches are frequent.
const token = fc.constantFrom("a", "b", "ab", "constructor");

/** Channels of up to five tokens. */
export const someChannel = fc.array(token, { minLength: 1, maxLength: 5 }).map((tokens) => tokens.join("."));

/** Patterns of up to five tokens, with wildcards. */
export const somePattern = fc
  .tuple(fc.array(fc.oneof(token, fc.constant("*")), { maxLength: 4 }), fc.constantFrom("a", "b", "*", ">"))
  .map(([tokens, last]) => [...tokens, last].join("."));
