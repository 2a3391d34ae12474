/** Measures a row in processes of its own, so that no row inherits the heap or the optimised code of another. */

import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { median, type Pace, type Samples } from "./harness.ts";
import type { Row } from "./row.ts";

/** What a child process is asked to do; it answers with Samples or with an error. */
export interface Task {
  readonly row: string;
  readonly contestants: readonly string[];
  readonly pace: Pace;
}

export type Answer = { readonly samples: Samples } | { readonly error: string };

export interface Effort {
  readonly together: Pace;
  /** Of each process of a row whose contestants are kept apart. */
  readonly apart: Pace;
  /** How many processes each of those contestants gets. */
  readonly processes: number;
}

export const full: Effort = {
  together: { warmUpMs: 450, sampleMs: 100, rounds: 15 },
  apart: { warmUpMs: 450, sampleMs: 80, rounds: 5 },
  processes: 5,
};

export const quick: Effort = {
  together: { warmUpMs: 300, sampleMs: 50, rounds: 5 },
  apart: { warmUpMs: 300, sampleMs: 50, rounds: 3 },
  processes: 2,
};

const once: Pace = { warmUpMs: 0, sampleMs: 0, rounds: 1 };

/** Samples of all contestants but those named in `skip`. */
export async function measure(row: Row, effort: Effort, skip: readonly string[]): Promise<Samples> {
  const contestants = row.contestants.map(({ name }) => name).filter((name) => !skip.includes(name));
  if (!row.apart) return await inChild({ row: row.name, contestants, pace: effort.together });

  const isSize = row.unit === "bytes";
  const samples: Samples = Object.fromEntries(contestants.map((name) => [name, []]));
  for (let process = 0; process < (isSize ? 1 : effort.processes); process++) {
    for (const name of contestants) {
      const pace = isSize ? once : effort.apart;
      const taken = await inChild({ row: row.name, contestants: [name], pace });
      samples[name]?.push(median(taken[name] ?? []));
    }
  }
  return samples;
}

function inChild(task: Task): Promise<Samples> {
  const child = fork(fileURLToPath(new URL("child.js", import.meta.url)), [JSON.stringify(task)], {
    execArgv: [...process.execArgv, "--expose-gc", "--enable-source-maps"],
  });
  return new Promise((resolve, reject) => {
    child.once("message", (answer: Answer) => {
      if ("error" in answer) reject(new Error(answer.error));
      else resolve(answer.samples);
    });
    // An answer that was sent may still be on its way when the process has ended: the channel closes after it.
    child.once("exit", (code, signal) => {
      const noResult = (): void => reject(new Error(`${task.row} ended with ${signal ?? code} and no result`));
      if (child.connected) child.once("disconnect", noResult);
      else setImmediate(noResult);
    });
  });
}
