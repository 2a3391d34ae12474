/** A server as config/nats-tls.conf has it, on a free port of this machine and in a folder of its own. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = new URL("../../../", import.meta.url);
const SCRIPT = fileURLToPath(new URL("scripts/nats.mjs", ROOT));
const EXAMPLE = fileURLToPath(new URL("config/nats-tls.conf", ROOT));

/** A server in a process of its own. */
export class Server implements AsyncDisposable {
  readonly url: string;
  readonly #config: string;
  #child: ChildProcess | undefined;

  // biome-ignore lint/style/useConsistentMemberAccessibility: a constructor cannot be named #private
  private constructor(port: number, config: string) {
    this.url = `tls://localhost:${port}`;
    this.#config = config;
  }

  /** Starts a server that keeps everything in `folder` and has its certificates in `certificates`. */
  static async start(folder: string, certificates: string): Promise<Server> {
    const port = await freePort();
    const config = join(folder, "nats.conf");
    const example = await readFile(EXAMPLE, "utf8");
    const ours = example
      .replace("0.0.0.0:4222", `127.0.0.1:${port}`)
      .replaceAll("./config/certs", certificates)
      .replace("./data/nats", join(folder, "store"));
    await writeFile(config, ours);
    const server = new Server(port, config);
    await server.#run();
    return server;
  }

  /** Stops it and starts it again: it reads its certificates anew, and so does everybody who comes back. */
  async restart(): Promise<void> {
    await this.#stop();
    await this.#run();
  }

  async #run(): Promise<void> {
    const child = spawn(process.execPath, [SCRIPT, "--config", this.#config], { stdio: ["ignore", "ignore", "pipe"] });
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      let output = "";
      child.stderr.on("data", (text: Buffer) => {
        output += text.toString();
        if (output.includes("Server is ready")) {
          resolve();
        }
      });
      child.once("exit", () => reject(new Error(output.trim())));
    });
  }

  async #stop(): Promise<void> {
    const child = this.#child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") {
    throw new Error("Expected a port");
  }
  return address.port;
}
