/** Randomness that can be replayed: `AETHER_SEED=… npx vitest run …` runs the same numbers again. */

import { seededRandom } from "@aether/core";

/** Numbers from 0 up to 1. Prints its seed, so that a failure can be replayed. */
export function seeded(what: string): () => number {
  const seed = Number(process.env["AETHER_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  process.stdout.write(`${what}: AETHER_SEED=${seed}\n`);
  return seededRandom(seed);
}
