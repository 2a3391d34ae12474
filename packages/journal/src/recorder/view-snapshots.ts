/** Snapshots of views in the files that a journal keeps its own in: the last two of each. */

import { createHash } from "node:crypto";
import {
  AetherError,
  messageOf,
  type Snapshot,
  type SnapshotName,
  type SnapshotStore,
  type UnreadableSnapshot,
} from "@aether/core";

/** What a journal does with snapshots. */
export interface SnapshotFiles {
  snapshot(name: string, state: unknown, position: string): Promise<void>;
  latestSnapshot(name: string): Promise<{ readonly state: unknown; readonly position: string } | undefined>;
}

/** The snapshots of views over one journal. */
export class ViewSnapshots implements SnapshotStore {
  readonly #files: SnapshotFiles;

  constructor(files: SnapshotFiles) {
    this.#files = files;
  }

  async save(name: SnapshotName, { position, state }: Snapshot): Promise<void> {
    await this.#files.snapshot(tokenOf(name), state, position);
  }

  /** The latest that is whole: the journal passes over others by itself, and tells. */
  async *load(name: SnapshotName): AsyncGenerator<Snapshot | UnreadableSnapshot> {
    try {
      const latest = await this.#files.latestSnapshot(tokenOf(name));
      if (latest?.state instanceof Uint8Array) {
        yield { position: latest.position, state: latest.state };
      }
    } catch (cause) {
      const error =
        cause instanceof AetherError ? cause : new AetherError("AETHER_BAD_SNAPSHOT", messageOf(cause), { cause });
      yield { error };
    }
  }
}

const HASH_DIGITS = 40;

/** A name that may be part of a file's: no two views share it. */
function tokenOf({ vibrator, view }: SnapshotName): string {
  const hash = createHash("sha256").update(JSON.stringify([vibrator, view]));
  return `view-${hash.digest("hex").slice(0, HASH_DIGITS)}`;
}
