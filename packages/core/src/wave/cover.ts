/** Covers: sets of patterns seen as sets of channels. What is recorded is one. docs/physics.md §4. */

/** Whether every channel that `inner` covers is covered by `outer`; both are valid patterns. */
export function contains(outer: string, inner: string): boolean {
  const outerTokens = outer.split(".");
  const innerTokens = inner.split(".");
  for (const [at, token] of outerTokens.entries()) {
    const other = innerTokens[at];
    if (other === undefined) {
      return false;
    }
    if (token === ">") {
      return true;
    }
    if (other === ">" || (token !== "*" && token !== other)) {
      return false;
    }
  }
  return outerTokens.length === innerTokens.length;
}

/** Whether some channel is covered by both; both are valid patterns. */
export function overlaps(one: string, other: string): boolean {
  const oneTokens = one.split(".");
  const otherTokens = other.split(".");
  for (let at = 0; at < Math.max(oneTokens.length, otherTokens.length); at++) {
    const a = oneTokens[at];
    const b = otherTokens[at];
    if (a === undefined || b === undefined) {
      return false;
    }
    if (a === ">" || b === ">") {
      return true;
    }
    if (a !== "*" && b !== "*" && a !== b) {
      return false;
    }
  }
  return true;
}

/** The smallest pattern that contains both. */
function join(one: string, other: string): string {
  const oneTokens = one.split(".");
  const otherTokens = other.split(".");
  const joined: string[] = [];
  for (const [at, a] of oneTokens.entries()) {
    const b = otherTokens[at];
    if (b === undefined || a === ">" || b === ">") {
      break;
    }
    joined.push(a === b ? a : "*");
  }
  const isSame = joined.length === oneTokens.length && joined.length === otherTokens.length;
  return isSame ? joined.join(".") : [...joined, ">"].join(".");
}

/**
 * Patterns that contain all of `patterns` and of which no two overlap, sorted. Two that overlap, and of which neither
 * contains the other, become the smallest one that contains both.
 */
export function coverOf(patterns: Iterable<string>): readonly string[] {
  const cover: string[] = [];
  const waiting = [...new Set(patterns)].sort();
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const pattern = next;
    const at = cover.findIndex((known) => overlaps(known, pattern));
    const known = cover[at];
    if (known === undefined) {
      cover.push(pattern);
    } else if (!contains(known, pattern)) {
      cover.splice(at, 1);
      waiting.push(join(known, pattern));
    }
  }
  return cover.sort();
}
