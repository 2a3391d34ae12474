/** Rendezvous hashing: an order of candidates for each key that everybody finds alone. docs/physics.md §9. */

import { hash32, mix32 } from "./hash.ts";

/** How strongly a candidate and a key attract each other, 0..2³²−1, from the {@link hash32} of each. */
export function attraction(keyHash: number, idHash: number): number {
  return mix32(keyHash ^ mix32(idHash));
}

/**
 * `ids` in the order in which they are asked for `key`: by falling {@link attraction}, equal ones by their text. It
 * does not depend on the order they are given in, each stands first for an equal share of keys, and one that is taken
 * out or added moves none of the others. docs/physics.md §9.
 */
export function rendezvous(key: string, ids: readonly string[]): string[] {
  const keyHash = hash32(key);
  return ids
    .map((id) => ({ id, weight: attraction(keyHash, hash32(id)) }))
    .sort((a, b) => b.weight - a.weight || (a.id < b.id ? -1 : Number(a.id > b.id)))
    .map(({ id }) => id);
}
