/** The known name that is nearest to one that is not known: what somebody probably meant. */

const LONGEST = 80;

/** The one of `names` that takes the fewest changed letters; the first of several. `undefined`: there are no names. */
export function nearest(name: string, names: Iterable<string>): string | undefined {
  const asked = name.slice(0, LONGEST);
  let best: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of names) {
    const distance = changes(asked, candidate);
    if (distance < least) {
      best = candidate;
      least = distance;
    }
  }
  return best;
}

/** Letters to insert, remove or replace on the way from `a` to `b`: the distance of Levenshtein. */
export function changes(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [at, letter] of [...a].entries()) {
    const next = [at + 1];
    for (let column = 1; column <= b.length; column++) {
      const replaced = (row[column - 1] ?? 0) + (b[column - 1] === letter ? 0 : 1);
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
