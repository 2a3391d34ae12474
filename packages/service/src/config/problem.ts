/** What is wrong with a configuration, and the one error that tells all of it. */

import { AetherError } from "@aether/core";
import type { Origin } from "./origin.ts";

/** One thing that is wrong. It never holds a secret, nor what an interpolation gave. */
export interface Problem {
  /** `section.key`, or what stands in its place. */
  readonly key: string;
  readonly origin: Origin;
  readonly expected: string;
  readonly got: string;
  /** The known name that is nearest to an unknown one. */
  readonly nearest?: string | undefined;
}

const MOST_LINES = 50;

/** `problems` as one error with the code `AETHER_BAD_CONFIG`; `details.problems` has them as data. */
export function configError(problems: readonly Problem[]): AetherError {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  const lines = problems.slice(0, MOST_LINES).map((problem) => `\n- ${lineOf(problem)}`);
  const more = problems.length > MOST_LINES ? [`\n- … and ${problems.length - MOST_LINES} more`] : [];
  return new AetherError(
    "AETHER_BAD_CONFIG",
    `Expected the configuration to be valid, got ${count}:${[...lines, ...more].join("")}`,
    { details: { problems: problems.map(factsOf) } },
  );
}

function lineOf({ key, origin, expected, got, nearest }: Problem): string {
  const hint = nearest === undefined ? "" : `. Did you mean \`${nearest}\`?`;
  return `${origin}: expected \`${shownName(key)}\` to be ${expected}, got ${got}${hint}`;
}

function factsOf({ key, origin, expected, got, nearest }: Problem): Readonly<Record<string, unknown>> {
  const { layer, file, line, variable, flag } = origin;
  return Object.freeze({ key, layer, file, line, variable, flag, expected, got, nearest });
}

const LONGEST_SHOWN = 80;

/** A name from outside as a part of a text: short, and nothing in it breaks a line. */
function shownName(name: string): string {
  return JSON.stringify(name.slice(0, LONGEST_SHOWN)).slice(1, -1);
}

/** A value as it was written, in a few words. */
export function shown(value: unknown): string {
  if (typeof value === "string") {
    const text = withoutIdentity(value);
    return text.length > LONGEST_SHOWN ? `${JSON.stringify(text.slice(0, LONGEST_SHOWN))}…` : JSON.stringify(text);
  }
  if (typeof value === "number" || typeof value === "boolean") {
    return String(value);
  }
  return Array.isArray(value) ? listShown(value) : kindOf(value);
}

/** `text` without what stands before an `@`: in an address, that is a user and a password. */
function withoutIdentity(text: string): string {
  const end = text.lastIndexOf("@");
  if (end === -1) {
    return text;
  }
  const scheme = text.slice(0, end).indexOf("://");
  return `${scheme === -1 ? "" : text.slice(0, scheme + 3)}…${text.slice(end)}`;
}

const MOST_SHOWN = 5;

function listShown(list: readonly unknown[]): string {
  const items = list.slice(0, MOST_SHOWN).map((item) => (Array.isArray(item) ? "a list" : shown(item)));
  return `[${[...items, ...(list.length > MOST_SHOWN ? ["…"] : [])].join(", ")}]`;
}

/** What sort of value it is, and nothing of the value itself. */
export function kindOf(value: unknown): string {
  if (Array.isArray(value)) {
    return "a list";
  }
  if (value instanceof Date) {
    return "a date";
  }
  if (typeof value === "object" && value !== null) {
    return "a table";
  }
  return typeof value === "string" ? (value === "" ? "an empty text" : "a text") : `a ${typeof value}`;
}
