/** A service under load whose configuration is written over and over, wrong ones between. */

import { writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineService, runService } from "../../src/index.ts";

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What became of it. */
export interface Reloaded {
  readonly emitted: number;
  readonly handled: number;
  readonly givenUp: number;
  readonly lines: readonly { readonly message: string; readonly keys: unknown }[];
  /** How often `message` was logged. */
  count(message: string): number;
}

/** Writes the configuration `writes` times, about as far apart as a reload takes to settle. */
export async function reloaded(writes: number): Promise<Reloaded> {
  const folder = await mkdtemp(join(tmpdir(), "aether-reload-"));
  await mkdir(join(folder, "config"));
  const file = join(folder, "config/worker.toml");
  const write = (level: string, more = ""): void =>
    writeFileSync(file, `[logging]\nlevel = "${level}"\n[operations]\nhealth_enabled = false\n${more}`);
  write("info");
  const lines: { message: string; keys: unknown }[] = [];
  const note = (message: string, fields: object = {}): void => {
    lines.push({ message, keys: Reflect.get(fields, "keys") });
  };
  const log = { debug: note, info: note, warn: note, error: note };
  let handled = 0;
  const worker = defineService("worker", async ({ vibrator }) => {
    await vibrator.resonateOn("work", () => void handled++);
  });
  const run = await runService(worker, { follow: { cwd: folder, env: {} }, log });
  const source = run.aether.vibrator("source");
  let emitted = 0;
  let isOver = false;
  const loading = (async () => {
    while (!isOver) {
      await source.emit("work", { n: emitted++ });
      if (emitted % 50 === 0) {
        await sleep(1);
      }
    }
  })();
  const levels = ["debug", "warn", "error", "info"];
  for (let i = 0; i < writes; i++) {
    write(
      i % 3 === 2 ? "wrong" : (levels[i % levels.length] ?? "info"),
      i % 10 === 0 ? "[service]\nmax_inflight = 7\n" : "",
    );
    await sleep(80);
  }
  write("info");
  await sleep(300);
  isOver = true;
  await loading;
  await run.close();
  await rm(folder, { recursive: true });
  const count = (message: string): number => lines.filter((line) => line.message === message).length;
  return { emitted, handled, givenUp: run.givenUp, lines, count };
}
