/** Chance without randomness: the same text gives the same number, and texts that differ in one digit differ in all. */

/**
 * A number from 0 up to, but not including, 1 that follows from `trace` alone, evenly spread: FNV-1a over the UTF-16
 * units, then the finaliser of MurmurHash3, without which the ids of one process (a prefix and a counter) would stay
 * close together. docs/physics.md §3.
 */
export function hash01(trace: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < trace.length; at++) {
    value = Math.imul(value ^ trace.charCodeAt(at), 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return ((value ^ (value >>> 16)) >>> 0) / 2 ** 32;
}
