/** Entries by key in a state that is folded: plain values, of which the oldest are forgotten, the same everywhere. */

/** The entries that were made last: at least `most`, and less than twice as many. */
export interface Generations<Value> {
  size: number;
  young: Record<string, Value>;
  old: Record<string, Value>;
}

export function generations<Value>(): Generations<Value> {
  return { size: 0, young: {}, old: {} };
}

/** What is known under `key`. */
export function known<Value>({ young, old }: ReadonlyGenerations<Value>, key: string): Value | undefined {
  return own(young, mark(key)) ?? own(old, mark(key));
}

interface ReadonlyGenerations<Value> {
  readonly young: Readonly<Record<string, Value>>;
  readonly old: Readonly<Record<string, Value>>;
}

/** Enters `value`. Where `most` are young already, they become old, and those that were old are forgotten. */
export function enter<Value>(entries: Generations<Value>, key: string, value: Value, most: number): void {
  if (own(entries.young, mark(key)) === undefined && ++entries.size > most) {
    entries.old = entries.young;
    entries.young = {};
    entries.size = 1;
  }
  entries.young[mark(key)] = value;
}

/** The value that `record` has by itself, whatever a key may be called. */
export function own<Value>(record: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/** No key is one that objects have anyway. */
function mark(key: string): string {
  return `#${key}`;
}
