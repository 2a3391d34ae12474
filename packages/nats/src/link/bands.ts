/** Bands: the subscriptions of one listener, one for all bands or one a band, so that the server filters quiet waves. */

import { BANDS } from "@aether/core";
import type { Subscription } from "@nats-io/transport-node";
import type { SubjectClass, Subjects } from "../subjects.ts";

/** What the subscriptions of one listener are made of. */
export interface BandParts {
  readonly subjects: Subjects;
  readonly pattern: string;
  readonly classes: readonly SubjectClass[];
  /** Begins to hear `subject`, without waiting for the server. */
  listen(kind: SubjectClass, subject: string): Subscription;
}

/** The subscriptions of one listener. */
export class Bands {
  readonly #parts: BandParts;
  /** By band; under `*` those for all bands. */
  readonly #open = new Map<number | "*", readonly Subscription[]>();
  /** Those that still hear what is on its way. */
  readonly #draining = new Set<Promise<void>>();
  /** Whether one subscription hears all bands. */
  #isWhole = false;
  #isAway = false;

  constructor(parts: BandParts) {
    this.#parts = parts;
  }

  /** Begins to hear bands from `lowest` on: by one subscription, where none will be left out. Returns the subjects. */
  begin(lowest: number, adapts: boolean): readonly string[] {
    this.#isWhole = lowest === 0 && !adapts;
    this.#hearFrom(lowest);
    return [...this.#open.keys()].flatMap((band) => this.#parts.classes.map((kind) => this.#subject(kind, band)));
  }

  /** Hears bands from `lowest` on, and no others: no wave twice, and none of these not. */
  move(lowest: number): void {
    // Where one hears all bands, what is too quiet is turned away when it comes.
    if (!this.#isWhole && !this.#isAway) {
      this.#hearFrom(lowest);
    }
  }

  #hearFrom(lowest: number): void {
    if (this.#isWhole) {
      this.#hear("*");
      return;
    }
    for (let band = 0; band < BANDS; band++) {
      if (band < lowest) {
        this.#leave(band);
      } else if (!this.#open.has(band)) {
        this.#hear(band);
      }
    }
  }

  #hear(band: number | "*"): void {
    const { classes } = this.#parts;
    const subscriptions = classes.map((kind) => this.#parts.listen(kind, this.#subject(kind, band)));
    this.#open.set(band, subscriptions);
  }

  #subject(kind: SubjectClass, band: number | "*"): string {
    const { subjects, pattern } = this.#parts;
    return band === "*" ? subjects.all(kind, pattern) : subjects.of(kind, band, pattern);
  }

  /** A plain unsubscribe would lose what is on its way: it is heard until the server has answered. */
  #leave(band: number | "*"): void {
    for (const subscription of this.#open.get(band) ?? []) {
      const drained = drain(subscription);
      this.#draining.add(drained);
      void drained.then(() => this.#draining.delete(drained));
    }
    this.#open.delete(band);
  }

  /** Ends all at once, for the server has refused one. */
  cancel(): void {
    for (const subscription of [...this.#open.values()].flat()) {
      if (!subscription.isClosed()) {
        subscription.unsubscribe();
      }
    }
    this.#open.clear();
  }

  /** Hears nothing until {@link back}. Resolves when everything has been heard that was on its way. */
  away(): Promise<void> {
    this.#isAway = true;
    return this.close();
  }

  /** Hears bands from `lowest` on again. */
  back(lowest: number): void {
    if (this.#isAway) {
      this.#isAway = false;
      this.#hearFrom(lowest);
    }
  }

  /** Resolves when everything has been heard that was on its way. */
  async close(): Promise<void> {
    for (const band of [...this.#open.keys()]) {
      this.#leave(band);
    }
    await Promise.all(this.#draining);
  }
}

/** Ends a subscription; resolves when everything has been heard that was on its way. Never rejects. */
export async function drain(subscription: Subscription): Promise<void> {
  try {
    await subscription.drain();
  } catch {
    // The connection is closed, or the server has ended it: nothing more comes.
  }
}
