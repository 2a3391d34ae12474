/**
 * A service in a process of its own that ends in order at SIGTERM: `node worker.mjs <options>`. It tells what it has
 * finished in lines of JSON.
 */

import { setTimeout as pause } from "node:timers/promises";
import { natsMedium } from "@aether/nats";
import { runService } from "@aether/service";

const { url, namespace, deadlineMs, hangs } = JSON.parse(process.argv[2]);
const HANDLER_MS = 50;

const done = { live: 0, kept: [] };
let started = 0;
const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const stopping = new AbortController();
process.on("SIGTERM", () => {
  if (stopping.signal.aborted) {
    process.exit(1);
  }
  stopping.abort();
});
const stopped = new Promise((resolve) => stopping.signal.addEventListener("abort", resolve));

const worker = {
  name: "worker",
  needs: [],
  async setup({ vibrator }) {
    const work = async (wave) => {
      started++;
      await (hangs && wave.payload.id === hangs ? new Promise(() => {}) : pause(HANDLER_MS));
    };
    const limits = { concurrency: 500, inbox: { capacity: 100_000 } };
    const live = async (wave) => {
      await work(wave);
      done.live++;
    };
    const kept = async (wave) => {
      await work(wave);
      done.kept.push(wave.payload.id);
    };
    await vibrator.resonateOn("live.a", live, limits);
    await vibrator.resonateOn("kept.a", kept, { ...limits, from: "start" });
  },
};

async function run() {
  const medium = natsMedium({ servers: url, namespace });
  const services = await runService(worker, { medium, recorded: ["kept.>"] });
  tell({ ready: true });
  await stopped;
  await services.close({ deadlineMs });
  const { received, delivered, absorbed } = services.aether.stats();
  tell({ ...done, started, received, delivered, closed: absorbed.closed });
  process.exitCode = started === done.live + done.kept.length ? 0 : 1;
}

await run();
// What hangs does not hold the process up; what was written gets out first.
process.stdout.write("", () => process.exit());
