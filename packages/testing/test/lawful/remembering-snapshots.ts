/** Snapshots in memory: the last two of each name. */

import type { Snapshot, SnapshotName, SnapshotStore } from "@aether/core";

const KEPT = 2;

export class RememberingSnapshots implements SnapshotStore {
  readonly #compare: (one: string, other: string) => number;
  /** That which covers most first. */
  readonly #kept = new Map<string, readonly Snapshot[]>();

  constructor(compare: (one: string, other: string) => number) {
    this.#compare = compare;
  }

  async save(name: SnapshotName, { position, state }: Snapshot): Promise<void> {
    const key = keyOf(name);
    const others = (this.#kept.get(key) ?? []).filter((kept) => kept.position !== position);
    const all = [...others, { position, state: state.slice() }];
    this.#kept.set(key, all.sort((a, b) => this.#compare(b.position, a.position)).slice(0, KEPT));
  }

  async *load(name: SnapshotName): AsyncGenerator<Snapshot> {
    yield* this.#kept.get(keyOf(name)) ?? [];
  }
}

function keyOf({ vibrator, view }: SnapshotName): string {
  return JSON.stringify([vibrator, view]);
}
