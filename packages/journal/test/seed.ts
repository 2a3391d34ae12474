/** Randomness that can be replayed: `AETHER_SEED=… npx vitest run …` runs the same numbers again. */

import { seededRandom } from "@aether/core";

/** The seed of this run, told so that it can be given again. */
export function seedOf(what: string): number {
  const seed = Number(process.env["AETHER_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  process.stdout.write(`${what}: AETHER_SEED=${seed}\n`);
  return seed;
}

/** Whole numbers below `n`, by a seed. */
export function below(seed: number): (n: number) => number {
  const random = seededRandom(seed);
  return (n) => Math.floor(random() * n);
}
