/** Ids that a resonance has taken before: a wave that comes twice is handled once. */

const MOST = 100_000;
const KEPT_MS = 600_000;

/** Remembers up to 100,000 ids for ten minutes, the oldest giving way. */
export class SeenIds {
  readonly #at = new Map<string, number>();

  /** Notes `id` at `now` (monotonic milliseconds); false when it is known already. */
  add(id: string, now: number): boolean {
    const seenAt = this.#at.get(id);
    if (seenAt !== undefined && now - seenAt < KEPT_MS) {
      return false;
    }
    this.#at.delete(id);
    this.#at.set(id, now);
    if (this.#at.size > MOST) {
      const [oldest] = this.#at.keys();
      if (oldest !== undefined) {
        this.#at.delete(oldest);
      }
    }
    return true;
  }

  /** Forgets `id`: its wave was not handled, and may come again. */
  delete(id: string): void {
    this.#at.delete(id);
  }
}
