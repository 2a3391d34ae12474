/** Chance without randomness: the same text gives the same number, and texts that differ in one digit differ in all. */

/** The finaliser of MurmurHash3: 32 bits in, 32 bits out, each of which depends on all that came in. */
export function mix32(bits: number): number {
  let value = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

/**
 * A whole number of 32 bits that follows from `text` alone, evenly spread: FNV-1a over the UTF-16 units, then
 * {@link mix32}, without which the ids of one process (a prefix and a counter) would stay close together.
 */
export function hash32(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  }
  return mix32(value);
}

/** A number from 0 up to, but not including, 1 that follows from `trace` alone, evenly spread. docs/physics.md §3, §9. */
export function hash01(trace: string): number {
  return hash32(trace) / 2 ** 32;
}
