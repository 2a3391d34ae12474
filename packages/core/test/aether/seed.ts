/** Randomness that can be replayed: `AETHER_SEED=… npx vitest run …` runs the same numbers again. */

/** Numbers from 0 up to 1 by mulberry32. Prints its seed, so that a failure can be replayed. */
export function seeded(what: string): () => number {
  const seed = Number(process.env["AETHER_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  process.stdout.write(`${what}: AETHER_SEED=${seed}\n`);
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
