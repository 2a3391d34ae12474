/** Lives of a process over one journal that are ended by a kill, and what came of the waves then. */

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { inProcess } from "@aether/core";
import { openJournal } from "../../src/index.ts";
import { testDirectory } from "../directory.ts";
import { below } from "../seed.ts";
import { recorderOf } from "./worlds.ts";

const CHILD = fileURLToPath(new URL("recording-child.mjs", import.meta.url));
const GROUPS = ["beta", "gamma"];

/** Which protection is taken away. */
export type Control = "none" | "anew" | "early";

/** What came of some lives. */
export interface Outcome {
  readonly emitted: number;
  /** Runs that went on in a later life with an attempt that is not the first. */
  readonly resumed: number;
  readonly letters: number;
  readonly wrong: readonly string[];
}

/** When a life is killed: some time after so many of its emits had resolved, however fast the disk is. */
interface Moment {
  readonly emitted: number;
  readonly thenMs: number;
}

/** What a life had printed when it was killed, or when it ended. */
function lifeOf(args: readonly string[], moment: Moment | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CHILD, ...args]);
    let said = "";
    let complaint = "";
    let emitted = 0;
    let timer: NodeJS.Timeout | undefined;
    child.stdout.setEncoding("utf8").on("data", (data: string) => {
      said += data;
      emitted += data.split("E ").length - 1;
      if (moment !== undefined && emitted >= moment.emitted) {
        timer ??= setTimeout(() => child.kill("SIGKILL"), moment.thenMs);
      }
    });
    child.stderr.on("data", (data: Buffer) => {
      complaint += data.toString();
    });
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      const isRight = moment === undefined ? code === 0 : signal === "SIGKILL";
      isRight ? resolve(said) : reject(new Error(`A life ended by itself: ${complaint}`));
    });
  });
}

/** Kills `lives` processes, one after the other, on one journal, lets a last one finish, and looks at everything. */
export async function killWhileRecording(lives: number, seed: number, control: Control): Promise<Outcome> {
  await using directory = await testDirectory();
  const n = below(seed);
  const emitted = new Set<string>();
  const handled = new Set<string>();
  const lastLife = new Map<string, string>();
  const resumed = new Set<string>();
  for (let life = 0; life <= lives; life++) {
    const isLast = life === lives;
    const args = [directory.path, String(life), isLast ? "finish" : "emit", control];
    const said = await lifeOf(args, isLast ? undefined : { emitted: 20 + n(40), thenMs: n(60) });
    for (const line of said.split("\n").slice(0, -1)) {
      const [what, ...words] = line.split(" ");
      if (what === "E") {
        emitted.add(words[0] ?? "");
      } else if (what === "H") {
        const [group, id, attempt, its = ""] = words;
        const run = `${group} ${id}`;
        if (lastLife.get(run) !== its && attempt !== "1") {
          resumed.add(run);
        }
        lastLife.set(run, its);
        handled.add(run);
      }
    }
  }
  const wrong: string[] = [];
  await using journal = await openJournal(directory.path);
  const recorder = await recorderOf(journal.over(inProcess()));
  const letters = new Set<string>();
  for await (const { wave, group } of recorder.deadLetters?.list({}) ?? []) {
    letters.add(`${group} ${wave.id}`);
  }
  for (const id of emitted) {
    for (const group of GROUPS) {
      const run = `${group} ${id}`;
      if (!handled.has(run)) {
        wrong.push(`never handled: ${run}`);
      } else if (id.startsWith("poison") && !letters.has(run)) {
        wrong.push(`no letter: ${run}`);
      }
    }
  }
  const left = (await recorder.groups()).filter(({ pending }) => pending > 0);
  wrong.push(...left.map(({ group, pending }) => `${pending} wait for ${group}`));
  return { emitted: emitted.size, resumed: resumed.size, letters: letters.size, wrong };
}
