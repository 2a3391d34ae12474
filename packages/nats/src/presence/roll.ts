/** The roll: who resonates anywhere, as far as beats have told. Soft state: who misses three beats is forgotten. */

import { BANDS, matches, type Presence } from "@aether/core";

/** A listener as its link tells of it. */
export interface Present extends Presence {
  /** Whether it sees copies and takes no part. */
  readonly observes: boolean;
  /** Lowest band it hears. */
  readonly band: number;
}

/** One link, as it told of itself. */
export interface Beat {
  readonly link: string;
  /** Counts the changes of the link, so that an old beat never undoes a new one. */
  readonly revision: number;
  /** False: it has left. */
  readonly here: boolean;
  readonly listeners: readonly Present[];
}

/** One of the messages that a beat is told in, numbered from 0. */
export interface BeatPart {
  readonly beat: Beat;
  readonly part: number;
  readonly parts: number;
}

/** More parts than this are no beat. */
export const MOST_PARTS = 1000;

interface Entry {
  readonly beat: Beat;
  readonly heardAt: number;
}

const MOST_LINKS = 10_000;
const MOST_LISTENERS = 10_000;
const MOST_CACHED = 4096;

/** Everybody who is known to listen, by link. */
export class Roll {
  readonly #entries = new Map<string, Entry>();
  readonly #keptMs: number;
  /** When it last learnt something, in monotonic milliseconds. */
  changedAt: number;
  /** What is known of one channel; emptied at every change. */
  readonly #cache = new Map<string, Hearers>();

  constructor(keptMs: number, now: number) {
    this.#keptMs = keptMs;
    this.changedAt = now;
  }

  /** Takes note of `beat` at `now`; true when it tells something new. */
  note(beat: Beat, now: number): boolean {
    const known = this.#entries.get(beat.link);
    if (known !== undefined && known.beat.revision > beat.revision) {
      return false;
    }
    if (!beat.here) {
      this.#changed();
      return this.#entries.delete(beat.link);
    }
    const isNews = known?.beat.revision !== beat.revision;
    if (known === undefined && this.#entries.size >= MOST_LINKS) {
      return false;
    }
    this.#entries.set(beat.link, { beat, heardAt: now });
    if (isNews) {
      this.#changed();
      this.changedAt = now;
    }
    return isNews;
  }

  /** Forgets those who have not told of themselves for long; true when there were any. */
  expire(now: number): boolean {
    let found = false;
    for (const [link, { heardAt }] of this.#entries) {
      if (now - heardAt > this.#keptMs) {
        this.#entries.delete(link);
        found = true;
      }
    }
    if (found) {
      this.#changed();
    }
    return found;
  }

  #changed(): void {
    this.#cache.clear();
  }

  /** How many links are known. */
  get size(): number {
    return this.#entries.size;
  }

  /** Ids of the links that are known. */
  links(): Iterable<string> {
    return this.#entries.keys();
  }

  *present(): Iterable<Present> {
    for (const { beat } of this.#entries.values()) {
      yield* beat.listeners;
    }
  }

  /** How many groups are known to hear waves of `band` on `channel`. */
  hearing(channel: string, band: number): number {
    return this.hearers(channel).bands.filter((lowest) => lowest <= band).length;
  }

  /** Of each group that hears waves of `band` on `channel` and has a member among the instances `had`: one that is not. */
  others(channel: string, band: number, had: readonly string[]): readonly Present[] {
    const groups = new Map<string, Present[]>();
    for (const present of this.present()) {
      const { group, name, pattern, observes } = present;
      if (group !== false && !observes && present.band <= band && matches(pattern, channel)) {
        const identity = `${group}\n${name}`;
        groups.set(identity, [...(groups.get(identity) ?? []), present]);
      }
    }
    return [...groups.values()].flatMap((members) => {
      const left = members.filter(({ instance }) => !had.includes(instance));
      const one = left[Math.floor(Math.random() * left.length)];
      return one === undefined || left.length === members.length ? [] : [one];
    });
  }

  /** What is known of those who hear `channel`. */
  hearers(channel: string): Hearers {
    const known = this.#cache.get(channel);
    if (known !== undefined) {
      return known;
    }
    const found = hearersOf([...this.present()].filter(({ pattern }) => matches(pattern, channel)));
    if (this.#cache.size >= MOST_CACHED) {
      this.#cache.clear();
    }
    this.#cache.set(channel, found);
    return found;
  }
}

/** What is known of those who hear one channel. */
export interface Hearers {
  /** Lowest band of each group, or of each listener that shares with nobody. */
  readonly bands: readonly number[];
  /** Somebody who takes part. */
  readonly one: Present | undefined;
  readonly observed: boolean;
}

function hearersOf(present: readonly Present[]): Hearers {
  const parts = present.filter(({ observes }) => !observes);
  const bands = new Map<string, number>();
  for (const { group, name, instance, pattern, band } of parts) {
    const identity = group === false ? `${instance}\n${name}\n${pattern}` : `${group}\n${name}`;
    bands.set(identity, Math.min(bands.get(identity) ?? band, band));
  }
  return { bands: [...bands.values()], one: parts[0], observed: parts.length < present.length };
}

/** The beat, or the part of one, that `value` is, if it says all that it must. */
export function beatOf(value: unknown): BeatPart | undefined {
  if (typeof value !== "object" || value === null) {
    return undefined;
  }
  const { link, revision, here, listeners }: Partial<Record<keyof Beat, unknown>> = value;
  const { part = 0, parts = 1 }: Partial<Record<keyof BeatPart, unknown>> = value;
  if (
    typeof link !== "string" ||
    typeof revision !== "number" ||
    typeof here !== "boolean" ||
    !Array.isArray(listeners) ||
    listeners.length > MOST_LISTENERS ||
    !listeners.every(isPresent) ||
    !isWhole(parts, 1, MOST_PARTS) ||
    !isWhole(part, 0, parts - 1)
  ) {
    return undefined;
  }
  return { beat: { link, revision, here, listeners }, part, parts };
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;
}

function isPresent(value: unknown): value is Present {
  if (typeof value !== "object" || value === null) {
    return false;
  }
  const { vibrator, instance, pattern, group, name, observes, band }: Partial<Record<keyof Present, unknown>> = value;
  return (
    typeof vibrator === "string" &&
    typeof instance === "string" &&
    isPattern(pattern) &&
    (group === false || typeof group === "string") &&
    typeof name === "string" &&
    typeof observes === "boolean" &&
    isWhole(band, 0, BANDS)
  );
}

/** Whether it can be asked what it covers: one that cannot would fail every question after it. */
function isPattern(value: unknown): value is string {
  try {
    return typeof value === "string" && typeof matches(value, "any") === "boolean";
  } catch {
    return false;
  }
}
