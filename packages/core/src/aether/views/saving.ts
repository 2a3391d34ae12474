/** Saving: the snapshots of one view on their way to the store, one at a time, the last one always. */

import { AetherError, messageOf } from "../../errors.ts";
import type { SnapshotName, SnapshotStore } from "../../medium/snapshot-store.ts";
import { snapshotOf } from "./frozen-state.ts";

/** A snapshot to be kept. */
interface Due {
  readonly position: string;
  readonly text: string;
}

/** What becomes of snapshots. */
export interface SavingOutcome {
  saved(position: string): void;
  unsaved(position: string, error: AetherError): void;
}

/** The snapshots of one view. */
export class Saving {
  readonly #store: SnapshotStore;
  readonly #name: SnapshotName;
  readonly #outcome: SavingOutcome;
  #due: Due | undefined;
  #running: Promise<void> | undefined;

  constructor(store: SnapshotStore, name: SnapshotName, outcome: SavingOutcome) {
    this.#store = store;
    this.#name = name;
    this.#outcome = outcome;
  }

  /** Has `due` kept soon. One that has not been begun gives way to it. */
  later(due: Due): void {
    this.#due = due;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    for (let due = this.#due; due !== undefined; due = this.#due) {
      this.#due = undefined;
      try {
        await this.now(due);
      } catch {
        // Told by `now`.
      }
    }
  }

  /** Keeps `due`. Rejects with what the store says. */
  async now({ position, text }: Due): Promise<void> {
    try {
      await this.#store.save(this.#name, snapshotOf(position, text));
    } catch (cause) {
      const error = cause instanceof AetherError ? cause : strange(cause);
      this.#outcome.unsaved(position, error);
      throw error;
    }
    this.#outcome.saved(position);
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await this.#running;
  }
}

function strange(cause: unknown): AetherError {
  return new AetherError("AETHER_BAD_SNAPSHOT", `The snapshot was not kept: ${messageOf(cause)}`, { cause });
}
