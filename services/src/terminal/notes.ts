/** What services log, as notes between the waves: warnings and errors, in one line each. */

import type { Log, LogFields } from "@aether/service";

/** A log that gives each warning and each error to `show`, and forgets the rest. */
export function notesTo(show: (note: string) => void): Log {
  const note = (message: string, fields: LogFields = {}): void => show(noteOf(message, fields));
  return { debug: forget, info: forget, warn: note, error: note };
}

function forget(): void {}

function noteOf(message: string, { service, orderId, error }: LogFields): string {
  const who = typeof service === "string" ? `${service}: ` : "";
  const what = typeof orderId === "string" ? ` (order ${orderId})` : "";
  return `${who}${message}${what}${error === undefined ? "" : `: ${reasonOf(error)}`}`.replaceAll(/\s+/g, " ");
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
