/** The snapshots of a journal: written beside the last one, read back, and only then the newest. */

import { basename, join } from "node:path";
import { AetherError, type Clock } from "@aether/core";
import { prepare } from "../body/payloads.ts";
import { damaged, expected, failed, full, isFull } from "../failures.ts";
import type { FileSystem } from "../files/file-system.ts";
import { isToken, snapshotName, snapshotOf, UNFINISHED } from "../files/names.ts";
import { synced, written } from "../log/log-writer.ts";
import { type Place, positionOf } from "../position.ts";
import { readSnapshot, snapshotBytes } from "./snapshot-file.ts";

/** A state, and the position up to which it has folded everything. */
export interface Snapshot {
  readonly name: string;
  readonly state: unknown;
  readonly position: string;
  /** When it was taken. */
  readonly at: Date;
}

/** A snapshot that was passed over, and why. */
export interface Fallback {
  readonly name: string;
  readonly file: string;
  readonly error: AetherError;
}

/** How many of each name are kept: the newest, and the one before it. */
const KEPT = 2;

/** What snapshots are kept with. */
export interface SnapshotParts {
  readonly directory: string;
  readonly files: FileSystem;
  readonly clock: Clock;
  /** Throws `AETHER_BAD_POSITION` when the log is not the one that the position is of. */
  locate(position: string): Promise<Place>;
  /** A snapshot was passed over. */
  fellBack(fallback: Fallback): void;
}

/** Snapshots by name. */
export class Snapshots {
  readonly #parts: SnapshotParts;
  #running: Promise<unknown> = Promise.resolve();

  constructor(parts: SnapshotParts) {
    this.#parts = parts;
  }

  /** Keeps `state`. Everything up to `place` must be on the disk. One at a time. */
  save(name: string, state: unknown, place: Place): Promise<void> {
    const bytes = snapshotBytes(name, place, Math.floor(this.#parts.clock.now()), prepare(state));
    const run = this.#running.then(() => this.#save(name, place, bytes));
    this.#running = run.catch(() => undefined);
    return run;
  }

  async #save(name: string, place: Place, bytes: Buffer): Promise<void> {
    const { directory, files } = this.#parts;
    const path = join(directory, snapshotName(name, place.sequence));
    const unfinished = path + UNFINISHED;
    try {
      await files.remove(unfinished).catch(() => undefined);
      const file = await files.open(unfinished, "create");
      try {
        await written(file, bytes);
        await synced(file);
      } finally {
        await file.close();
      }
      const stored = await this.#bytesOf(unfinished);
      if (!stored.equals(bytes)) {
        throw damaged({ file: unfinished, offset: 0, what: "other bytes than were just written" });
      }
      await files.rename(unfinished, path);
      await files.syncDirectory(directory);
      // The new one is on the disk and was read back: of the older ones, one is kept.
      for (const file of (await this.#of(name)).slice(KEPT)) {
        await files.remove(join(directory, file));
      }
    } catch (error) {
      await files.remove(unfinished).catch(() => undefined);
      if (error instanceof AetherError) {
        throw error;
      }
      throw isFull(error) ? full(unfinished, "no space left", error) : failed("a snapshot", path, error);
    }
  }

  /** Files of `name`, newest first. */
  async #of(name: string): Promise<readonly string[]> {
    const found = (await this.#parts.files.list(this.#parts.directory)).filter(
      (file) => snapshotOf(file)?.name === name,
    );
    return found.sort((a, b) => (snapshotOf(b)?.sequence ?? 0) - (snapshotOf(a)?.sequence ?? 0));
  }

  async #bytesOf(path: string): Promise<Buffer> {
    const file = await this.#parts.files.open(path, "read");
    try {
      const bytes = Buffer.alloc(await file.size());
      return bytes.subarray(0, await file.read(bytes, 0));
    } finally {
      await file.close();
    }
  }

  /**
   * The newest that is whole and fits the log; `undefined`: none was ever kept. One that is damaged or ahead of the log
   * is passed over and told of. Throws the reason of the newest when none is left.
   */
  async latest(name: string): Promise<Snapshot | undefined> {
    let first: AetherError | undefined;
    for (const file of await this.#of(name)) {
      const path = join(this.#parts.directory, file);
      try {
        return await this.#read(name, path);
      } catch (error) {
        const known = error instanceof AetherError ? error : failed("a look at what it holds", path, error);
        first ??= known;
        this.#parts.fellBack({ name, file: path, error: known });
      }
    }
    if (first !== undefined) {
      throw first;
    }
    return undefined;
  }

  async #read(name: string, path: string): Promise<Snapshot> {
    const content = readSnapshot(await this.#bytesOf(path), path);
    if (content.name !== name || snapshotOf(basename(path))?.sequence !== content.place.sequence) {
      throw damaged({ file: path, offset: 0, what: "the snapshot of another name or place" });
    }
    const { epoch, sequence, check } = content.place;
    const position = positionOf(epoch, sequence, check);
    await this.#parts.locate(position);
    return { name, state: content.state, position, at: new Date(content.at) };
  }
}

/** `name` if it may be part of a file's name. */
export function snapshotToken(name: unknown): string {
  if (isToken(name)) {
    return name;
  }
  throw expected("name", "1 to 64 of A-Z a-z 0-9 _ -", name);
}
