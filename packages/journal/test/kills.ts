/** Writers in processes of their own that are killed at any moment, and what their journal holds then. */

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openJournal } from "../src/index.ts";
import { below } from "./seed.ts";
import { readAll } from "./waves.ts";

const CHILD = fileURLToPath(new URL("journal-child.mjs", import.meta.url));

/** What came of some cycles on one journal. */
export interface Kills {
  readonly acknowledged: number;
  readonly wrong: readonly string[];
}

/** When a writer is killed: some time after so many of its waves were acknowledged, however fast the disk is. */
interface Moment {
  readonly acknowledged: number;
  readonly thenMs: number;
}

/** What a writer had printed when it was killed. */
function killed(directory: string, run: number, writers: number, moment: Moment): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CHILD, directory, String(run), String(writers)]);
    let said = "";
    let complaint = "";
    // The first line says that it is ready.
    let left = 1 + moment.acknowledged;
    let timer: NodeJS.Timeout | undefined;
    child.stdout.setEncoding("utf8").on("data", (data: string) => {
      said += data;
      left -= data.split("\n").length - 1;
      if (left <= 0) {
        timer ??= setTimeout(() => child.kill("SIGKILL"), moment.thenMs);
      }
    });
    child.stderr.on("data", (data: Buffer) => {
      complaint += data.toString();
    });
    child.once("close", (_, signal) => {
      clearTimeout(timer);
      signal === "SIGKILL" ? resolve(said) : reject(new Error(`The writer ended by itself: ${complaint}`));
    });
  });
}

/** Kills `cycles` writers, one after the other, of one journal, and compares what it holds with what they were told. */
export async function killOften(cycles: number, seed: number): Promise<Kills> {
  const directory = await mkdtemp(join(tmpdir(), "aether-journal-"));
  const n = below(seed);
  const acknowledged = new Map<string, string>();
  const wrong: string[] = [];
  try {
    for (let run = 0; run < cycles; run++) {
      const said = await killed(directory, run, 1 + n(3), { acknowledged: n(60), thenMs: n(15) });
      for (const line of said.split("\n").slice(1, -1)) {
        const [id = "", position = ""] = line.split(" ");
        acknowledged.set(id, position);
      }
    }
    await using journal = await openJournal(directory);
    const seen = await readAll(journal);
    const positions = new Map(seen.map(({ id, position }) => [id, position]));
    wrong.push(
      ...[...acknowledged].filter(([id, position]) => positions.get(id) !== position).map(([id]) => `lost ${id}`),
    );
    wrong.push(...seen.filter(({ id, said }) => id !== said).map(({ id }) => `altered ${id}`));
    if (positions.size !== seen.length || new Set(positions.values()).size !== seen.length) {
      wrong.push("a wave or a position twice");
    }
    // Of each writer, what is kept is what it appended first, in order.
    const next = new Map<string, number>();
    for (const { id } of seen) {
      const writer = id.slice(0, id.lastIndexOf("-"));
      const number = Number(id.slice(id.lastIndexOf("-") + 1));
      if (number !== (next.get(writer) ?? 0)) {
        wrong.push(`${id} in place of number ${next.get(writer) ?? 0}`);
      }
      next.set(writer, number + 1);
    }
    return { acknowledged: acknowledged.size, wrong };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
