/** The spectrum: a trie of patterns, which finds everything that resonates on a channel without asking each pattern. */

/** One token's place in the trie. A single child needs no Map and a single item no array: idle patterns stay small. */
class Branch<T> {
  #token: string | undefined;
  #child: Branch<T> | undefined;
  #children: Map<string, Branch<T>> | undefined;
  /** An item whose pattern ends here, and the others. */
  #item: T | undefined;
  #others: T[] | undefined;

  child(token: string): Branch<T> | undefined {
    if (this.#children !== undefined) {
      return this.#children.get(token);
    }
    return this.#token === token ? this.#child : undefined;
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

  add(item: T): void {
    if (this.#item === undefined) {
      this.#item = item;
    } else {
      this.#others ??= [];
      this.#others.push(item);
    }
  }

  /** Takes one `item` away; false when it was not here. The others keep their order. */
  remove(item: T): boolean {
    if (this.#item === item) {
      this.#item = this.#others?.shift();
    } else {
      const at = this.#others?.indexOf(item) ?? -1;
      if (at < 0) {
        return false;
      }
      this.#others?.splice(at, 1);
    }
    if (this.#others?.length === 0) {
      this.#others = undefined;
    }
    return true;
  }

  collect(found: T[]): void {
    if (this.#item !== undefined) {
      found.push(this.#item);
      if (this.#others !== undefined) {
        found.push(...this.#others);
      }
    }
  }

  /** Whether nothing is here or below. */
  get bare(): boolean {
    return this.#child === undefined && this.#item === undefined && (this.#children?.size ?? 0) === 0;
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
    let branch = this.#root;
    for (const token of pattern.split(".")) {
      branch = branch.grow(token);
    }
    branch.add(item);
    this.#generation++;
    this.#size++;
  }

  /** Takes one `item` from under `pattern`; false when it was not there. */
  remove(pattern: string, item: T): boolean {
    const removed = removeBelow(this.#root, pattern.split("."), 0, item);
    if (removed) {
      this.#generation++;
      this.#size--;
    }
    return removed;
  }

  /** Every item whose pattern covers `channel`, each as often as it was added. */
  match(channel: string): T[] {
    const found: T[] = [];
    collectBelow(this.#root, channel.split("."), 0, found);
    return found;
  }
}

function removeBelow<T>(branch: Branch<T>, tokens: readonly string[], depth: number, item: T): boolean {
  const token = tokens[depth];
  if (token === undefined) {
    return branch.remove(item);
  }
  const child = branch.child(token);
  if (child === undefined || !removeBelow(child, tokens, depth + 1, item)) {
    return false;
  }
  if (child.bare) {
    branch.prune(token);
  }
  return true;
}

/** The wildcards are tokens like any other in the trie: no channel holds one. */
function collectBelow<T>(branch: Branch<T>, tokens: readonly string[], depth: number, found: T[]): void {
  const token = tokens[depth];
  if (token === undefined) {
    branch.collect(found);
    return;
  }
  branch.child(">")?.collect(found);
  for (const step of [token, "*"]) {
    const child = branch.child(step);
    if (child !== undefined) {
      collectBelow(child, tokens, depth + 1, found);
    }
  }
}
