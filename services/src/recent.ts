/** A memory of bounded length: what was entered last, by key. It makes repeated waves harmless without growing for ever. */

const MOST = 10_000;

/** Remembers the last 10,000 entries; the oldest is forgotten first. */
export class Recent<Value> {
  readonly #entries = new Map<string, Value>();

  get(key: string): Value | undefined {
    return this.#entries.get(key);
  }

  set(key: string, value: Value): void {
    this.#entries.set(key, value);
    if (this.#entries.size > MOST) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) {
        this.#entries.delete(oldest);
      }
    }
  }
}
