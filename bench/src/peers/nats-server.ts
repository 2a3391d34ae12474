/** A nats-server of one's own, on a free port, with streams in a folder that goes with it. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const BINARY = fileURLToPath(new URL("../../../.cache/nats-server-2.10/usr/sbin/nats-server", import.meta.url));

export interface BenchServer {
  readonly url: string;
  close(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("Expected a port");
  return address.port;
}

let running: Promise<BenchServer> | undefined;
let users = 0;

/** The one server of this process, which all contestants share; it ends with the last of them. */
export async function useServer(): Promise<BenchServer> {
  users++;
  running ??= start();
  const { url, close } = await running;
  return {
    url,
    async close() {
      if (--users === 0) {
        running = undefined;
        await close();
      }
    },
  };
}

async function start(): Promise<BenchServer> {
  const folder = await mkdtemp(join(tmpdir(), "aether-bench-"));
  const port = await freePort();
  const child: ChildProcess = spawn(BINARY, ["-a", "127.0.0.1", "-p", String(port), "-js", "-sd", folder], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  await new Promise<void>((resolve, reject) => {
    child.stderr?.on("data", (text) => String(text).includes("Server is ready") && resolve());
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`nats-server ended with ${code}`)));
  });
  return {
    url: `nats://127.0.0.1:${port}`,
    async close() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
