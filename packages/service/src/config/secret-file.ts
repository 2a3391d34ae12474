/** The text of a file that holds a secret, if nobody else could have read or changed it. */

import { realpathSync, type Stats } from "node:fs";
import { boundedFile } from "./bounded-file.ts";
import type { Missing } from "./interpolation.ts";

const MOST_BYTES = 65_536;
const OTHERS_WRITE = 0o002;
const GROUP_WRITES_OTHERS_READ = 0o024;

/** Where Docker, Podman and Kubernetes mount secrets, for the processes of one container. */
const MOUNTS = ["/run/secrets/", "/var/run/secrets/"];

/**
 * The text of the file at `path` without the line end after it. Refused: an empty file, one that others may write, and
 * one that the group may write or others may read, unless an orchestrator has mounted it: its modes are 0444 or 0644
 * by default, and who shares the mount shares the container.
 */
export function secretFile(path: string): string | Missing {
  const read = boundedFile(path, MOST_BYTES);
  if ("isMissing" in read) {
    return { expected: `read from "${path}": ${read.expected}`, got: read.got };
  }
  const wrong = process.platform === "win32" ? 0 : exposureOf(path, read.stats);
  if (wrong !== 0) {
    const mode = (read.stats.mode & 0o777).toString(8).padStart(4, "0");
    return { expected: `read from "${path}": a file of mode 0600, 0400 or 0440`, got: `mode ${mode}` };
  }
  const text = read.text.replace(/\r?\n$/, "");
  return text === "" ? { expected: `read from "${path}": a text that is not empty`, got: "nothing" } : text;
}

function exposureOf(path: string, { mode }: Stats): number {
  return mode & (isMounted(path) ? OTHERS_WRITE : OTHERS_WRITE | GROUP_WRITES_OTHERS_READ);
}

/** Kubernetes keeps what it mounts in a folder whose name begins with two dots, and links to it. */
function isMounted(path: string): boolean {
  const real = realpathSync(path);
  return MOUNTS.some((mount) => path.startsWith(mount) || real.startsWith(mount)) || /\/\.\.\d{4}_/.test(real);
}
