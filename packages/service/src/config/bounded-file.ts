/** Reads a file that people name: a regular one, of bounded size, in UTF-8; never a pipe or a device. */

import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from "node:fs";

/** A file as it was read. */
export interface FileText {
  readonly text: string;
  readonly stats: Stats;
}

/** Why a file was not read. */
export interface Unreadable {
  readonly isMissing: boolean;
  /** What should have been there, and what was; never a part of the content. */
  readonly expected: string;
  readonly got: string;
}

/** The text of the file at `path`, `most` bytes at the most. Does not throw. */
export function boundedFile(path: string, most: number): FileText | Unreadable {
  let descriptor: number | undefined;
  try {
    // Not to wait for the writer of a pipe.
    descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) {
      return unreadable("a regular file", "something else");
    }
    if (stats.size > most) {
      return unreadable(`a file of at most ${most} bytes`, `${stats.size} bytes`);
    }
    const bytes = readFileSync(descriptor);
    if (bytes.length > most) {
      return unreadable(`a file of at most ${most} bytes`, "more");
    }
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes), stats };
  } catch (error) {
    return refused(error);
  } finally {
    if (descriptor !== undefined) {
      closeSync(descriptor);
    }
  }
}

function refused(error: unknown): Unreadable {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ENOENT" || code === "ENOTDIR") {
    return { isMissing: true, expected: "a file that exists", got: "none" };
  }
  return code === "ERR_ENCODING_INVALID_ENCODED_DATA"
    ? unreadable("a text in UTF-8", "other bytes")
    : unreadable("a file that can be read", code === "" ? "an error" : code);
}

function unreadable(expected: string, got: string): Unreadable {
  return { isMissing: false, expected, got };
}
