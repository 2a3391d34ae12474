/** Bands: the subscriptions of one listener, one for all bands or one a band, so that the server filters quiet waves. */

import { BANDS } from "@aether/core";
import type { Subscription } from "@nats-io/transport-node";
import type { SubjectClass, Subjects } from "../subjects.ts";

/** What the subscriptions of one listener are made of. */
export interface BandParts {
  readonly subjects: Subjects;
  readonly pattern: string;
  /** Those of which a server picks one member of the group for each message. */
  readonly shared: readonly SubjectClass[];
  /** Those that everybody hears. */
  readonly plain: readonly SubjectClass[];
  /** Begins to hear `subject`, without waiting for the server. */
  listen(kind: SubjectClass, subject: string): Subscription;
}

/** The subscriptions of one listener. */
export class Bands {
  readonly #parts: BandParts;
  /** By band; under `*` those for all bands. */
  readonly #open = new Map<number | "*", ReadonlyMap<SubjectClass, Subscription>>();
  /** Those that still hear what is on its way. */
  readonly #draining = new Set<Promise<void>>();
  /** Whether one subscription hears all bands: of every class, or of those that everybody hears. */
  #whole: "all" | "plain" | "none" = "none";
  #isAway = false;

  constructor(parts: BandParts) {
    this.#parts = parts;
  }

  /** Begins to hear bands from `lowest` on: by one subscription, where none will be left out. Returns the subjects. */
  begin(lowest: number, adapts: boolean): readonly string[] {
    this.#whole = lowest === 0 && !adapts ? "all" : "none";
    this.#hearFrom(lowest);
    return [...this.#open].flatMap(([band, kinds]) => [...kinds.keys()].map((kind) => this.#subject(kind, band)));
  }

  /** Hears bands from `lowest` on, and no others: no wave twice, and none of these not. */
  move(lowest: number): void {
    if (this.#isAway) {
      return;
    }
    const isSplit = this.#whole === "all" && lowest > 0 && this.#parts.shared.length > 0;
    if (isSplit) {
      // What everybody hears is turned away here, where it is too quiet. What a group shares must go to others: band by
      // band it is heard before the subscription for all ends, so that none is missed; a server picks one for each.
      this.#whole = "plain";
    }
    if (this.#whole !== "all") {
      this.#hearFrom(lowest);
    }
    if (isSplit) {
      const all = this.#open.get("*") ?? new Map<SubjectClass, Subscription>();
      this.#open.set("*", new Map([...all].filter(([kind]) => this.#parts.plain.includes(kind))));
      this.#drain(
        [...all].filter(([kind]) => this.#parts.shared.includes(kind)).map(([, subscription]) => subscription),
      );
    }
  }

  #hearFrom(lowest: number): void {
    const { shared, plain } = this.#parts;
    if (this.#whole !== "none" && !this.#open.has("*")) {
      this.#hear("*", this.#whole === "all" ? [...shared, ...plain] : plain);
    }
    if (this.#whole === "all") {
      return;
    }
    for (let band = 0; band < BANDS; band++) {
      if (band < lowest) {
        this.#leave(band);
      } else if (!this.#open.has(band)) {
        this.#hear(band, this.#whole === "plain" ? shared : [...shared, ...plain]);
      }
    }
  }

  #hear(band: number | "*", kinds: readonly SubjectClass[]): void {
    const subscriptions = kinds.map((kind) => [kind, this.#parts.listen(kind, this.#subject(kind, band))] as const);
    this.#open.set(band, new Map(subscriptions));
  }

  #subject(kind: SubjectClass, band: number | "*"): string {
    const { subjects, pattern } = this.#parts;
    return band === "*" ? subjects.all(kind, pattern) : subjects.of(kind, band, pattern);
  }

  /** A plain unsubscribe would lose what is on its way: it is heard until the server has answered. */
  #leave(band: number | "*"): void {
    this.#drain(this.#open.get(band)?.values() ?? []);
    this.#open.delete(band);
  }

  #drain(subscriptions: Iterable<Subscription>): void {
    for (const subscription of subscriptions) {
      const drained = drain(subscription);
      this.#draining.add(drained);
      void drained.then(() => this.#draining.delete(drained));
    }
  }

  /** Ends all at once, for the server has refused one. */
  cancel(): void {
    for (const subscription of [...this.#open.values()].flatMap((kinds) => [...kinds.values()])) {
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
