/** One process of a row: runs the contestants it is given and sends their samples to the parent. */

import { inspect } from "node:util";
import { takeTurns } from "./harness.ts";
import type { Answer, Task } from "./measure.ts";
import { rows } from "./rows.ts";

const task = JSON.parse(process.argv[2] ?? "") as Task;

async function answer(): Promise<Answer> {
  try {
    const contestants = rows
      .find(({ name }) => name === task.row)
      ?.contestants.filter(({ name }) => task.contestants.includes(name));
    return { samples: await takeTurns(contestants ?? [], task.pace) };
  } catch (error) {
    return { error: inspect(error) };
  }
}

process.send?.(await answer(), undefined, undefined, () => process.exit());
