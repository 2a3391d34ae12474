/** Things by key, made when they are first asked for; of too many keys the one that was used longest ago is forgotten. */

const MOST = 1024;

export class ByKey<T> {
  readonly #make: (key: string) => T;
  readonly #things = new Map<string, T>();

  constructor(make: (key: string) => T) {
    this.#make = make;
  }

  of(key: string): T {
    const thing = this.#things.get(key) ?? this.#make(key);
    // A map keeps the order of entering: the first one is the one that was used longest ago.
    this.#things.delete(key);
    this.#things.set(key, thing);
    if (this.#things.size > MOST) {
      for (const oldest of this.#things.keys()) {
        this.#things.delete(oldest);
        break;
      }
    }
    return thing;
  }

  values(): Iterable<T> {
    return this.#things.values();
  }
}
