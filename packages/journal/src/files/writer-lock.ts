/** The lock of the one writer. It is a file that tells its owner, so that a dead process does not keep it. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AetherError } from "@aether/core";
import { failed } from "../failures.ts";
import type { FileSystem } from "./file-system.ts";
import { lockName, type Owner, ownerOf } from "./names.ts";

const RADIX = 36;
const HEX = 16;
const ATTEMPTS = 4;
const LONGEST_PAUSE_MS = 40;
/** Fields of /proc/<pid>/stat that stand after the name, in which the time of the start is this one. */
const START_FIELD = 19;

/** Who a process is: its number may be given again, but not with the same start. Without /proc, the number alone. */
function ownerAt(pid: number): Owner | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") {
      return undefined;
    }
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const start = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[START_FIELD]);
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").slice(0, 8);
    return { pid, began: boot + start.toString(HEX) };
  } catch {
    return { pid, began: "0" };
  }
}

/** This process; it does not become another one. */
let self: Owner | undefined;

function isAlive({ pid, began }: Owner): boolean {
  const now = ownerAt(pid);
  return now !== undefined && (now.began === began || now.began === "0" || began === "0");
}

/** Held until released. */
export interface WriterLock {
  release(): Promise<void>;
}

/**
 * Becomes the writer of `directory`. Every contender writes a file of its own before it looks for others, so of two that
 * come at once at most one stays: the later one to look sees the other. Rejects with `AETHER_JOURNAL_LOCKED`.
 */
export async function lockWriter(
  directory: string,
  files: FileSystem,
  random: () => number = Math.random,
): Promise<WriterLock> {
  self ??= ownerAt(process.pid) ?? { pid: process.pid, began: "0" };
  const me = self;
  for (let attempt = 1; ; attempt++) {
    const mine = lockName(me, Math.floor(random() * 2 ** 48).toString(RADIX));
    const path = join(directory, mine);
    try {
      await (await files.open(path, "create")).close();
    } catch (error) {
      throw failed("a lock file", path, error);
    }
    const other = await otherIn(directory, mine, files);
    if (other === undefined) {
      return { release: () => files.remove(path) };
    }
    await files.remove(path);
    if (attempt === ATTEMPTS) {
      throw new AetherError(
        "AETHER_JOURNAL_LOCKED",
        `Expected to be the only writer of \`${directory}\`, got process ${other.pid}, which holds it. Close the journal there, or open it here with \`readOnly: true\`.`,
        { details: { directory, pid: other.pid } },
      );
    }
    // Two that came at once have both gone back: by chance one of them comes first now.
    await new Promise((resolve) => setTimeout(resolve, random() * LONGEST_PAUSE_MS));
  }
}

/** Somebody else who is alive; the locks of the dead are cleared away. */
async function otherIn(directory: string, mine: string, files: FileSystem): Promise<Owner | undefined> {
  let other: Owner | undefined;
  for (const file of await files.list(directory)) {
    const owner = file === mine ? undefined : ownerOf(file);
    if (owner === undefined) {
      continue;
    }
    if (isAlive(owner)) {
      other = owner;
    } else {
      await files.remove(join(directory, file)).catch(() => undefined);
    }
  }
  return other;
}
