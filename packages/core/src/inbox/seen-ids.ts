/** Ids that a resonance has taken before: a wave that comes twice is handled once. */

const KEPT_MS = 600_000;
/** Ids of one generation. Two are kept, so between 50,000 and 100,000 ids are known. */
const GENERATION = 50_000;

/** Remembers up to 100,000 ids for ten minutes, the oldest giving way; or as long and as many as it is told. */
export class SeenIds {
  readonly #keptMs: number;
  readonly #generation: number;
  #young = new Map<string, number>();
  #old = new Map<string, number>();

  /** For `keptMs` it knows at least the last `generation` ids, and at most twice as many. */
  constructor(keptMs: number = KEPT_MS, generation: number = GENERATION) {
    this.#keptMs = keptMs;
    this.#generation = generation;
  }

  /** Whether `id` is known at `now` (monotonic milliseconds). */
  has(id: string, now: number): boolean {
    const seenAt = this.#young.get(id) ?? this.#old.get(id);
    return seenAt !== undefined && now - seenAt < this.#keptMs;
  }

  /** Notes `id` at `now` (monotonic milliseconds); false when it is known already. */
  add(id: string, now: number): boolean {
    if (this.has(id, now)) {
      return false;
    }
    if (this.#young.size >= this.#generation) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#old.delete(id);
    this.#young.set(id, now);
    return true;
  }

  /** Forgets `id`: its wave was not handled, and may come again. */
  delete(id: string): void {
    this.#young.delete(id);
    this.#old.delete(id);
  }
}
