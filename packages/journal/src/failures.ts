/** What a journal refuses and why, in the one form of error texts. */

import { AetherError } from "@aether/core";

/** Where bytes are not what was written. */
export interface Damage {
  readonly file: string;
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly what: string;
}

/** Bytes that were stored are no longer what they were. */
export function damaged({ file, offset, what }: Damage, cause?: unknown): AetherError {
  return new AetherError(
    "AETHER_JOURNAL_DAMAGED",
    `Expected \`${file}\` to hold what was written, got ${what} at offset ${offset}. Nothing was changed. Restore the directory from a backup, or move it away and begin a new journal.`,
    { details: { file, offset, what }, cause },
  );
}

/** The directory cannot be a journal. */
export function noJournal(directory: string, got: string, advice: string): AetherError {
  return new AetherError(
    "AETHER_NO_JOURNAL",
    `Expected \`${directory}\` to be the directory of a journal, got ${got}. ${advice}`,
    { details: { directory } },
  );
}

/** The file system refused, and from here on nothing is certain. */
export function failed(what: string, file: string, cause: unknown): AetherError {
  return new AetherError(
    "AETHER_JOURNAL_FAILED",
    `Expected ${what} to go through on \`${file}\`, got ${codeOf(cause) ?? String(cause)}. Mend the disk or its permissions, then open the journal again: what was acknowledged is looked for in the file, not in memory.`,
    { details: { file, reason: codeOf(cause) }, cause },
  );
}

/** No room is left, on the disk or by the journal's own limit. */
export function full(file: string, got: string, cause?: unknown): AetherError {
  return new AetherError(
    "AETHER_JOURNAL_FULL",
    `Expected room for more in \`${file}\`, got ${got}. Nothing that was stored is lost. Make room, or let what is stored be released, and append again.`,
    { details: { file, reason: codeOf(cause) }, cause },
  );
}

/** Why a position is none of this log. */
export type PositionFault = "epoch" | "ahead" | "changed" | "gone";

/** The log at `position` is not the one it was taken from. */
export function badPosition(position: string, reason: PositionFault, what: string): AetherError {
  return new AetherError(
    "AETHER_BAD_POSITION",
    `Expected \`position\` to be ${what}, got "${position}". Begin anew with what this journal holds, or restore the one the position is from.`,
    { details: { option: "position", got: position, reason } },
  );
}

/** The code that the platform gave an error, such as `ENOSPC`. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) {
    return undefined;
  }
  const code: unknown = Reflect.get(error, "code");
  return typeof code === "string" ? code : undefined;
}

/** Whether `error` says that no room is left. */
export function isFull(error: unknown): boolean {
  const code = codeOf(error);
  return code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG";
}

const LONGEST_SHOWN = 80;

/** "Expected `option` to be …, got …", with the code `AETHER_BAD_OPTION`. */
export function expected(option: string, what: string, got: unknown): AetherError {
  return new AetherError("AETHER_BAD_OPTION", `Expected \`${option}\` to be ${what}, got ${shown(got)}`, {
    details: { option, expected: what },
  });
}

function shown(got: unknown): string {
  if (typeof got === "string") {
    return JSON.stringify(got.slice(0, LONGEST_SHOWN));
  }
  return typeof got === "object" && got !== null ? "an object" : typeof got === "function" ? "a function" : String(got);
}
