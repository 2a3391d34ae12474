/** The spectrum: a trie of patterns, which finds everything that resonates on a channel without asking each pattern. */

/** One token's place in the trie. A single child needs no Map: idle patterns stay small. */
class Branch<T> {
  #token: string | undefined;
  #child: Branch<T> | undefined;
  #children: Map<string, Branch<T>> | undefined;
  /** Children under `*`. */
  star: Branch<T> | undefined;
  /** Items whose pattern ends here. */
  items: T[] | undefined;
  /** Items whose pattern ends here with `>`. */
  rest: T[] | undefined;

  child(token: string): Branch<T> | undefined {
    return this.#children === undefined
      ? this.#token === token
        ? this.#child
        : undefined
      : this.#children.get(token);
  }

  grow(token: string): Branch<T> {
    const existing = this.child(token);
    if (existing !== undefined) {
      return existing;
    }
    const child = new Branch<T>();
    if (this.#children !== undefined) {
      this.#children.set(token, child);
    } else if (this.#child === undefined || this.#token === undefined) {
      this.#token = token;
      this.#child = child;
    } else {
      this.#children = new Map([
        [this.#token, this.#child],
        [token, child],
      ]);
      this.#token = undefined;
      this.#child = undefined;
    }
    return child;
  }

  prune(token: string): void {
    if (this.#children !== undefined) {
      this.#children.delete(token);
    } else if (this.#token === token) {
      this.#token = undefined;
      this.#child = undefined;
    }
  }

  get bare(): boolean {
    return (
      this.#child === undefined &&
      (this.#children === undefined || this.#children.size === 0) &&
      this.star === undefined &&
      this.items === undefined &&
      this.rest === undefined
    );
  }
}

/** Patterns and the items that stand under them. Patterns must be valid: the spectrum does not check them. */
export class Spectrum<T> {
  readonly #root = new Branch<T>();
  #generation = 0;
  #size = 0;

  /** Rises with every change: what was matched under an older generation may be out of date. */
  get generation(): number {
    return this.#generation;
  }

  /** Marks everything that was matched as out of date: an item has changed. */
  touch(): void {
    this.#generation++;
  }

  /** How many items there are. */
  get size(): number {
    return this.#size;
  }

  add(pattern: string, item: T): void {
    const tokens = pattern.split(".");
    const rest = tokens.at(-1) === ">" && tokens.pop() !== undefined;
    let branch = this.#root;
    for (const token of tokens) {
      if (token === "*") {
        branch.star ??= new Branch<T>();
        branch = branch.star;
      } else {
        branch = branch.grow(token);
      }
    }
    if (rest) {
      branch.rest = branch.rest === undefined ? [item] : [...branch.rest, item];
    } else {
      branch.items = branch.items === undefined ? [item] : [...branch.items, item];
    }
    this.#generation++;
    this.#size++;
  }

  /** Takes one `item` from under `pattern`; false when it was not there. */
  remove(pattern: string, item: T): boolean {
    const tokens = pattern.split(".");
    const rest = tokens.at(-1) === ">" && tokens.pop() !== undefined;
    const removed = this.#removeBelow(this.#root, tokens, 0, rest, item);
    if (removed) {
      this.#generation++;
      this.#size--;
    }
    return removed;
  }

  #removeBelow(branch: Branch<T>, tokens: readonly string[], depth: number, rest: boolean, item: T): boolean {
    const token = tokens[depth];
    if (token === undefined) {
      const items = rest ? branch.rest : branch.items;
      const at = items?.indexOf(item) ?? -1;
      if (items === undefined || at < 0) {
        return false;
      }
      const left = items.length === 1 ? undefined : items.filter((_, index) => index !== at);
      if (rest) {
        branch.rest = left;
      } else {
        branch.items = left;
      }
      return true;
    }
    const child = token === "*" ? branch.star : branch.child(token);
    if (child === undefined || !this.#removeBelow(child, tokens, depth + 1, rest, item)) {
      return false;
    }
    if (child.bare) {
      if (token === "*") {
        branch.star = undefined;
      } else {
        branch.prune(token);
      }
    }
    return true;
  }

  /** Every item whose pattern covers `channel`, each as often as it was added. */
  match(channel: string): T[] {
    const found: T[] = [];
    this.#collect(this.#root, channel.split("."), 0, found);
    return found;
  }

  #collect(branch: Branch<T>, tokens: readonly string[], depth: number, found: T[]): void {
    const token = tokens[depth];
    if (token === undefined) {
      if (branch.items !== undefined) {
        found.push(...branch.items);
      }
      return;
    }
    if (branch.rest !== undefined) {
      found.push(...branch.rest);
    }
    const child = branch.child(token);
    if (child !== undefined) {
      this.#collect(child, tokens, depth + 1, found);
    }
    if (branch.star !== undefined) {
      this.#collect(branch.star, tokens, depth + 1, found);
    }
  }
}
