/** Records of a journal that are no waves: what its recorder remembers, as JSON. docs/journal-format.md. */

import { AetherError } from "@aether/core";
import type { Log } from "../log/log.ts";

/** Kinds of records beside those of the log itself. */
export const OWN = {
  /** Patterns that are recorded. */
  declared: 2,
  /** How far a group has come. */
  place: 3,
  /** A dead letter. */
  letter: 4,
  /** What became of dead letters. */
  letters: 5,
} as const;

/** Most bytes of one UTF-16 unit in UTF-8. */
const WIDEST = 3;

/** Appends `value` as a record of `kind`; resolves to its position. */
export function appendJson(log: Log, kind: number, value: unknown): Promise<string> {
  const text = JSON.stringify(value);
  return log.append(kind, WIDEST * text.length, (slab) => slab.utf8(text));
}

/** Whether `error` says that the log has no room. */
export function isFullLog(error: unknown): error is AetherError {
  return error instanceof AetherError && error.code === "AETHER_JOURNAL_FULL";
}

/** The fields that some bytes stand for; none where they stand for nothing. */
export function fieldsAt(buffer: Buffer, at: number, end: number): Readonly<Record<string, unknown>> {
  try {
    return { ...JSON.parse(buffer.toString("utf8", at, end)) };
  } catch {
    return {};
  }
}

export function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

export function numbers(value: unknown): readonly number[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "number") : [];
}

export function numberOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
