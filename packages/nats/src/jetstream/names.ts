/** Names of streams, places and letters: what a server takes, and what the record can be read back from. */

import { createHash } from "node:crypto";

/** The stream of a namespace. */
export function streamOf(namespace: string): string {
  return `${namespace}_waves`;
}

/** The stream of its dead letters. */
export function lettersStreamOf(namespace: string): string {
  return `${namespace}_dead`;
}

/** The stream of marks on them. */
export function marksStreamOf(namespace: string): string {
  return `${namespace}_dead_marks`;
}

/** The stream of snapshots. */
export function stateStreamOf(namespace: string): string {
  return `${namespace}_state`;
}

const LETTER_DIGITS = 32;

/** The id of the letter of a wave that failed at one resonance: the same wherever it is asked for. */
export function letterIdOf(group: string | false, name: string, wave: string): string {
  const hash = createHash("sha256").update(JSON.stringify([group, name, wave]));
  return hash.digest("hex").slice(0, LETTER_DIGITS);
}

/** A resonance's place in the record. */
export interface PlaceName {
  readonly group: string;
  readonly name: string;
  readonly pattern: string;
}

const HASH_DIGITS = 20;
const MOST_SHOWN = 32;

/**
 * The durable name of a place in `band`, or in all of them. It shows the group to people; what tells places apart is
 * the hash, so no group or name can pass for another.
 */
export function durableOf({ group, name, pattern }: PlaceName, band: number | "all"): string {
  const hash = createHash("sha256").update(JSON.stringify([group, name, pattern]));
  const shown = group.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, MOST_SHOWN);
  return `${shown}-${hash.digest("hex").slice(0, HASH_DIGITS)}-${band}`;
}

/** What the server keeps beside the place, for {@link placeNameOf} to read: servers of 2.9 keep no other facts. */
export function describe(place: PlaceName): string {
  return JSON.stringify({ aether: 1, ...place });
}

/** The place that a description tells of; `undefined`: it is none of ours. */
export function placeNameOf(description: string | undefined): PlaceName | undefined {
  const { aether, group, name, pattern }: Readonly<Record<string, unknown>> = { ...parsed(description) };
  return aether === 1 && typeof group === "string" && typeof name === "string" && typeof pattern === "string"
    ? { group, name, pattern }
    : undefined;
}

function parsed(text: string | undefined): object | undefined {
  try {
    const value: unknown = JSON.parse(text ?? "");
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
