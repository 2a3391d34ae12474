/** The shop in four processes on a real server, as `npm run nats`, `gateway`, `alpha`, `beta` and `gamma` run it. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";

const PART = fileURLToPath(new URL("../dist/run.js", import.meta.url));
const SERVER = fileURLToPath(new URL("../../scripts/nats.mjs", import.meta.url));
const PATIENCE_MS = 15_000;

/** A program that runs, and what it has written so far. */
class Program {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  out = "";

  constructor(file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.child = spawn(process.execPath, [file, ...args], { env: { ...process.env, NO_COLOR: "1", ...env } });
    const write = (text: Buffer): void => {
      this.out += text.toString();
    };
    this.child.stdout?.on("data", write);
    this.child.stderr?.on("data", write);
    this.ended = new Promise((resolve) => this.child.once("exit", resolve));
  }

  async writes(text: string | RegExp): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    const written = (): boolean => (typeof text === "string" ? this.out.includes(text) : text.test(this.out));
    while (!written()) {
      if (performance.now() > end || this.child.exitCode !== null) {
        throw new Error(`Expected ${text}, got:\n${this.out}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    this.child.kill(signal);
    return await this.ended;
  }
}

const programs: Program[] = [];
let store: string;
let port: number;

beforeEach(async () => {
  store = await mkdtemp(join(tmpdir(), "aether-shop-"));
  port = await freePort();
});
afterEach(async () => {
  for (const program of programs.splice(0).reverse()) {
    if (program.child.exitCode === null && program.child.signalCode === null) {
      await program.stop("SIGTERM");
    }
  }
  await rm(store, { recursive: true, force: true });
});

function run(file: string, ...args: readonly string[]): Program {
  const program = new Program(file, args, { AETHER__AETHER__NATS_URL: `nats://127.0.0.1:${port}` });
  programs.push(program);
  return program;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return address !== null && typeof address === "object" ? address.port : 0;
}

test("an order goes through four processes", async () => {
  const server = run(SERVER, "--port", String(port), "--store", store);
  await server.writes("Server is ready");
  const gateway = run(PART, "gateway");
  await gateway.writes("gateway is up");
  const parts = ["gamma", "beta", "alpha"].map((name) => run(PART, name));
  for (const channel of ["orders.created", "inventory.check", "payments.request", /orders\.(completed|cancelled)/]) {
    await gateway.writes(channel);
  }
  for (const part of parts.reverse()) {
    expect(await part.stop()).toBe(0);
  }
  expect(await gateway.stop()).toBe(0);
}, 40_000);

test("a missing server gives one line that says what to do", async () => {
  const alpha = run(PART, "alpha");
  expect(await alpha.ended).toBe(1);
  expect(alpha.out.trim().split("\n")).toHaveLength(1);
  expect(alpha.out).toMatch(/Expected a NATS server at nats:\/\/127\.0\.0\.1:\d+ .*Start one/);
});

test("a name that is none is refused with those that are", async () => {
  const nobody = run(PART, "nobody");
  expect(await nobody.ended).toBe(1);
  expect(nobody.out).toContain('Expected one of gateway, alpha, beta, gamma, got "nobody"');
});
