/** Keeps places: everything that changes within a few milliseconds goes into the log together, never one by one. */

import type { Log } from "../log/log.ts";
import { appendJson, isFullLog, OWN } from "./own-records.ts";
import type { Place } from "./place.ts";
import { changeFields } from "./place-facts.ts";

/** How long changes are gathered, in milliseconds: with the time of a sync, this is what a crash may forget. */
export const GATHER_MS = 5;

/** What the writer works with. */
export interface PlaceWriterParts {
  readonly log: Log;
  /** Something was kept. */
  kept(): void;
  /** The log is full: keeps everything elsewhere, and makes room if it can. */
  checkpoint(): Promise<void>;
}

/** Those who wait for one batch. */
interface Gathering {
  readonly places: Set<Place>;
  readonly kept: Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

/** Writes the changes of places, one batch after the other. */
export class PlaceWriter {
  readonly #parts: PlaceWriterParts;
  #gathering: Gathering | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(parts: PlaceWriterParts) {
    this.#parts = parts;
  }

  /** Resolves when `place` as it is now is kept. */
  keep(place: Place): Promise<void> {
    this.#gathering ??= gathering();
    this.#gathering.places.add(place);
    if (this.#running === undefined) {
      this.#timer ??= setTimeout(() => this.#start(), GATHER_MS);
    }
    return this.#gathering.kept;
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = this.#gathering;
    if (batch === undefined || this.#running !== undefined) {
      return;
    }
    this.#gathering = undefined;
    this.#running = this.#write(batch).finally(() => {
      this.#running = undefined;
      if (this.#gathering !== undefined) {
        this.#timer ??= setTimeout(() => this.#start(), GATHER_MS);
      }
    });
  }

  async #write({ places, resolve, reject }: Gathering): Promise<void> {
    try {
      await Promise.all([...places].map((place) => this.#writeOne(place)));
      resolve();
    } catch (error) {
      if (!isFullLog(error)) {
        reject(error);
        return;
      }
      await this.#parts.checkpoint().then(resolve, reject);
    }
  }

  async #writeOne(place: Place): Promise<void> {
    if (place.isGone) {
      return; // Another one of its name may have begun elsewhere.
    }
    const change = place.takeChange();
    try {
      await appendJson(this.#parts.log, OWN.place, changeFields(change));
      this.#parts.kept();
    } catch (error) {
      place.putBack(change);
      throw error;
    }
  }

  /** Everything that has changed until now is kept, or cannot be. */
  async flush(): Promise<void> {
    while (this.#running !== undefined || this.#gathering !== undefined) {
      this.#start();
      await this.#running;
    }
  }
}

function gathering(): Gathering {
  let resolve = (): void => undefined;
  let reject = (_: unknown): void => undefined;
  const kept = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  kept.catch(() => undefined);
  return { places: new Set(), kept, resolve: () => resolve(), reject: (error) => reject(error) };
}
