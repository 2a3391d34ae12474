/** The contract of what keeps snapshots: what a view has made of the record, and up to where. */

import type { AetherError } from "../errors.ts";

/** Whose snapshot it is: all instances of one vibrator share those of one view. */
export interface SnapshotName {
  readonly vibrator: string;
  readonly view: string;
}

/** A state as bytes, which say themselves whether they are whole, and the position up to which it has folded everything. */
export interface Snapshot {
  readonly position: string;
  readonly state: Uint8Array;
}

/** A snapshot that is there and cannot be read. */
export interface UnreadableSnapshot {
  readonly error: AetherError;
}

/** Keeps snapshots. Its guarantees are among those of `Recorder`. */
export interface SnapshotStore {
  /**
   * Keeps `snapshot`. The last one before it may be kept as well, for when this one turns out to be damaged; one that
   * covers more is never replaced. Resolves when it outlives every process. Rejects with `AETHER_TOO_LARGE` for what it
   * cannot hold; then the last one stays.
   */
  save(name: SnapshotName, snapshot: Snapshot): Promise<void>;
  /** What is kept under `name`, that which covers most first. Positions may be those of a record that is gone. */
  load(name: SnapshotName): AsyncIterable<Snapshot | UnreadableSnapshot>;
}
