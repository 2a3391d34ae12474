/** Patterns: `*` stands for exactly one token, `>` for one or more and only at the end. docs/physics.md §4. */

import { assertAnyChannelName, assertPattern, LONGEST_CHANNEL } from "./channel-name.ts";

const STAR = 42;
const REST = 62;
const DOT = 46;

/**
 * Whether `pattern` covers `channel`, by the rules of NATS subjects: `orders.*` covers `orders.created` but not
 * `orders.eu.created`; `orders.>` covers both but not `orders`; a lone `*` is one token; `>` is everything.
 * Throws `AETHER_BAD_CHANNEL` for what is not a pattern, or not a channel.
 */
export function matches(pattern: string, channel: string): boolean {
  assertPattern(pattern, LONGEST_CHANNEL);
  assertAnyChannelName(channel);
  return covers(pattern, channel);
}

/** {@link matches} for a pattern that is known to be valid. A wildcard in `channel` is covered like any other token. */
export function covers(pattern: string, channel: string): boolean {
  let p = 0;
  let c = 0;
  while (p < pattern.length && c < channel.length) {
    const code = pattern.charCodeAt(p);
    if (code === REST) {
      return true;
    }
    if (code === STAR) {
      p++;
      while (c < channel.length && channel.charCodeAt(c) !== DOT) {
        c++;
      }
    } else if (code === channel.charCodeAt(c)) {
      p++;
      c++;
    } else {
      return false;
    }
  }
  return p === pattern.length && c === channel.length;
}
