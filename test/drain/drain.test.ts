/** SIGTERM under load, on NATS: what a process has accepted it finishes or gives back, and it ends in time. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Aether } from "@aether/core";
import { natsMedium } from "@aether/nats";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NatsServer } from "../../packages/nats/test/nats-server.ts";

const WORKER = fileURLToPath(new URL("worker.mjs", import.meta.url));
const DEADLINE_MS = 5000;
const TICK_MS = 10;
/** Of live waves, and of recorded ones, each tick: 5000 a second in all. */
const LIVE = 40;
const KEPT = 10;

/** What a worker tells at its end. */
interface Report {
  readonly live: number;
  readonly kept: readonly string[];
  readonly started: number;
  readonly received: number;
  readonly delivered: number;
  readonly closed: number;
}

let server: NatsServer;
let count = 0;

beforeAll(async () => {
  server = await NatsServer.start({ version: "2.10", jetstream: true });
});
afterAll(() => server[Symbol.asyncDispose]());

/** A worker in a process of its own. */
class Worker implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<unknown[]>;

  constructor(options: Readonly<Record<string, unknown>>) {
    const args = [WORKER, JSON.stringify({ url: server.url, deadlineMs: DEADLINE_MS, ...options })];
    this.#child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    this.#ended = once(this.#child, "exit");
    if (this.#child.stdout === null) {
      throw new Error("Expected a pipe");
    }
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async tells(): Promise<Report> {
    const { value, done } = await this.#lines.next();
    if (done === true) {
      throw new Error("Expected another line, got the end of the process");
    }
    return JSON.parse(value);
  }

  stop(): void {
    this.#child.kill("SIGTERM");
  }

  async ends(): Promise<unknown> {
    const [code] = await this.#ended;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill("SIGKILL");
    }
    await this.#ended;
  }
}

async function joined(namespace: string): Promise<Aether> {
  return await Aether.connect({
    medium: natsMedium({ servers: server.url, namespace, beatMs: 500 }),
    recorded: ["kept.>"],
  });
}

/** Emits at the rate of the test until `isOver`; gives the ids of what is kept. */
async function load(aether: Aether, prefix: string, isOver: () => boolean): Promise<readonly string[]> {
  const emitter = aether.vibrator("emitter");
  const kept: string[] = [];
  const emits: Promise<unknown>[] = [];
  let next = 0;
  while (!isOver()) {
    for (let i = 0; i < LIVE; i++) {
      emits.push(emitter.emit("live.a", { id: "live" }));
    }
    for (let i = 0; i < KEPT; i++) {
      const id = `${prefix}${next++}`;
      emits.push(emitter.emit("kept.a", { id }).then(() => kept.push(id)));
    }
    await pause(TICK_MS);
  }
  await Promise.all(emits);
  return kept;
}

/** What a worker of the same group gets that comes after it, once `missing` says that nothing is missing. */
async function sweep(aether: Aether, found: Set<string>, kept: readonly string[]): Promise<void> {
  const resonance = await aether.vibrator("worker").resonateOn("kept.a", ({ payload }) => {
    const id: unknown = typeof payload === "object" && payload !== null ? Reflect.get(payload, "id") : undefined;
    found.add(String(id));
  });
  const missing = (): string[] => kept.filter((id) => !found.has(id));
  await expect.poll(missing, { timeout: 8000 }).toEqual([]);
  await resonance.close();
}

describe("SIGTERM at 5000 waves a second, with handlers of 50 ms", () => {
  test("loses nothing that was accepted, five times, and ends in time with 0", async () => {
    const namespace = `drain${count++}`;
    await using aether = await joined(namespace);
    const kept: string[] = [];
    const found = new Set<string>();
    for (let round = 0; round < 5; round++) {
      await using worker = new Worker({ namespace });
      await worker.tells();
      await aether.whenHeard("live.a");
      let isOver = false;
      const loading = load(aether, `r${round}-`, () => isOver);
      await pause(400);
      worker.stop();
      const stoppedAt = performance.now();
      const report = await worker.tells();
      const code = await worker.ends();
      const tookMs = performance.now() - stoppedAt;
      isOver = true;
      kept.push(...(await loading));
      for (const id of report.kept) {
        found.add(id);
      }
      expect(report.live).toBeGreaterThan(0);
      expect(report.live + report.kept.length).toBe(report.started);
      // Of what came and was not begun, only what is recorded may be given back: others get it.
      expect(report.received - report.delivered).toBe(report.closed);
      expect(report.delivered).toBe(report.started);
      expect(code).toBe(0);
      expect(tookMs).toBeLessThan(DEADLINE_MS);
    }
    await sweep(aether, found, kept);
  }, 120_000);

  test("control: without time to drain, handlers are left behind, and the exit code says so", async () => {
    // On a busy machine it may be told to stop just when nothing runs: then it is tried again.
    let left = 0;
    for (let round = 0; round < 10 && left === 0; round++) {
      const namespace = `drain${count++}`;
      await using aether = await joined(namespace);
      await using worker = new Worker({ namespace, deadlineMs: 0 });
      await worker.tells();
      await aether.whenHeard("live.a");
      let isOver = false;
      const loading = load(aether, "control-", () => isOver);
      await pause(400);
      worker.stop();
      const { live, kept, started } = await worker.tells();
      isOver = true;
      left = started - live - kept.length;
      const code = await worker.ends();
      expect(left === 0 || code === 1).toBe(true);
      await loading;
    }
    expect(left).toBeGreaterThan(0);
  }, 120_000);
});

describe("SIGTERM while a handler hangs", () => {
  test("ends at the deadline with 1, and the recorded wave goes to another", async () => {
    const namespace = `drain${count++}`;
    await using aether = await joined(namespace);
    await using worker = new Worker({ namespace, hangs: "stuck", deadlineMs: 500 });
    await worker.tells();
    await aether.vibrator("emitter").emit("kept.a", { id: "stuck" });
    await pause(200);
    worker.stop();
    const stoppedAt = performance.now();
    expect(await worker.tells()).toMatchObject({ started: 1, kept: [] });
    expect(await worker.ends()).toBe(1);
    const tookMs = performance.now() - stoppedAt;
    expect(tookMs).toBeGreaterThanOrEqual(450);
    expect(tookMs).toBeLessThan(DEADLINE_MS);
    await sweep(aether, new Set(), ["stuck"]);
  });

  test("a second one ends it at once, with 1", async () => {
    const namespace = `drain${count++}`;
    await using aether = await joined(namespace);
    await using worker = new Worker({ namespace, hangs: "stuck", deadlineMs: 60_000 });
    await worker.tells();
    await aether.vibrator("emitter").emit("kept.a", { id: "stuck" });
    await pause(200);
    worker.stop();
    await pause(200);
    const forcedAt = performance.now();
    worker.stop();
    expect(await worker.ends()).toBe(1);
    expect(performance.now() - forcedAt).toBeLessThan(DEADLINE_MS);
  });
});
