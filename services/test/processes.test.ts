/** The shop in four processes on a real server, as `npm run nats`, `gateway`, `alpha`, `beta` and `gamma` run it. */

import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Program } from "./program.ts";

const SERVER = fileURLToPath(new URL("../../scripts/nats.mjs", import.meta.url));

const programs: Program[] = [];
let store: string;
let port: number;

beforeEach(async () => {
  store = await mkdtemp(join(tmpdir(), "aether-shop-"));
  port = await freePort();
});
afterEach(async () => {
  for (const program of programs.splice(0).reverse()) {
    if (program.isRunning) {
      await program.stop("SIGTERM");
    }
  }
  await rm(store, { recursive: true, force: true });
});

function started(program: Program): Program {
  programs.push(program);
  return program;
}

function part(name: string, env: Readonly<Record<string, string>> = {}): Program {
  return started(Program.part(name, { AETHER__AETHER__NATS_URL: `nats://127.0.0.1:${port}`, ...env }));
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return address !== null && typeof address === "object" ? address.port : 0;
}

test("an order goes through four processes", async () => {
  const server = started(new Program(SERVER, ["--port", String(port), "--store", store]));
  await server.writes("Server is ready");
  const gateway = part("gateway");
  await gateway.writes("gateway is up");
  const parts = ["gamma", "beta", "alpha"].map((name) => part(name));
  for (const channel of ["orders.created", "inventory.check", "payments.request", /orders\.(completed|cancelled)/]) {
    await gateway.writes(channel);
  }
  for (const one of parts.reverse()) {
    expect(await one.stop()).toBe(0);
  }
  expect(await gateway.stop()).toBe(0);
}, 40_000);

test("a missing server gives one line that says what to do", async () => {
  const alpha = part("alpha");
  expect(await alpha.ended).toBe(1);
  expect(alpha.out.trim().split("\n")).toHaveLength(1);
  expect(alpha.out).toMatch(/Expected a NATS server at nats:\/\/127\.0\.0\.1:\d+ .*Start one/);
});

test("a name that is none is refused with those that are", async () => {
  const nobody = part("nobody");
  expect(await nobody.ended).toBe(1);
  expect(nobody.out).toContain('Expected one of gateway, alpha, beta, gamma, got "nobody"');
});

test.each([
  ["AETHER__AETHER__NATS_URI", "nats://127.0.0.1:4222", "Did you mean `AETHER__AETHER__NATS_URL`?"],
  ["AETHER__AETHER__NATS_STREAM_REPLICAS", "three", "AETHER__AETHER__NATS_STREAM_REPLICAS: expected a whole number"],
  ["AETHER__AETHER__NATS_STREAM_REPLICAS", "9", "Expected `stream.replicas` to be a whole number from 1 to 5, got 9"],
])("%s=%s is refused in one line", async (name, value, message) => {
  const alpha = part("alpha", { [name]: value });
  expect(await alpha.ended).toBe(1);
  expect(alpha.out.trim().split("\n")).toHaveLength(1);
  expect(alpha.out).toContain(message);
});
