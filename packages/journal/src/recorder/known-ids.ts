/** The ids of the waves that were recorded last, so that one that is recorded again is kept once. */

/** How many are remembered: at least half of it, and at most all of it. */
export const MOST_IDS = 200_000;

/** Ids with their positions, in two generations of which the older one is dropped whole. */
export class KnownIds {
  readonly #half: number;
  #young = new Map<string, string>();
  #old = new Map<string, string>();
  /** Sequence of the first wave of each generation. */
  #youngSince = 0;
  #oldSince = 0;

  constructor(most: number = MOST_IDS) {
    this.#half = Math.max(1, Math.ceil(most / 2));
  }

  /** Sequence of the first wave whose id is still known: from here on they are read again after a restart. */
  get since(): number {
    return this.#old.size > 0 ? this.#oldSince : this.#youngSince;
  }

  get(id: string): string | undefined {
    return this.#young.get(id) ?? this.#old.get(id);
  }

  set(id: string, position: string, sequence: number): void {
    if (this.#young.size >= this.#half) {
      this.#old = this.#young;
      this.#oldSince = this.#youngSince;
      this.#young = new Map();
    }
    if (this.#young.size === 0) {
      this.#youngSince = sequence;
    }
    this.#young.set(id, position);
  }
}
