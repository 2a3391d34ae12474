/** Real servers for tests: each on a free port with a folder of its own, stopped by its pid. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Versions that the set-up fetches. */
export const VERSIONS = ["2.9", "2.10"] as const;
export type Version = (typeof VERSIONS)[number];

/** Where the set-up has put the server of `version`. */
export function binaryOf(version: Version): string {
  return fileURLToPath(new URL(`../../../.cache/nats-server-${version}/usr/sbin/nats-server`, import.meta.url));
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}

/** Different ports that were free a moment ago. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(
    servers.map((server) => new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve))),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    return address === null || typeof address === "string" ? 0 : address.port;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => void server.close(resolve))));
  return ports;
}

/** How a server is started. */
export interface ServerOptions {
  readonly version?: Version;
  /** Whether it keeps streams. Default false. */
  readonly jetstream?: boolean;
  /** More of its configuration file. */
  readonly config?: string;
  readonly port?: number;
}

/** A server in a process of its own. */
export class NatsServer implements AsyncDisposable {
  readonly port: number;
  readonly folder: string;
  readonly #options: ServerOptions;
  #child: ChildProcess | undefined;
  #output = "";

  // biome-ignore lint/style/useConsistentMemberAccessibility: a constructor cannot be named #private
  private constructor(port: number, folder: string, options: ServerOptions) {
    this.port = port;
    this.folder = folder;
    this.#options = options;
  }

  /** Starts a server; resolves when it takes clients. */
  static async start(options: ServerOptions = {}): Promise<NatsServer> {
    const folder = await mkdtemp(join(tmpdir(), "aether-nats-"));
    const server = new NatsServer(options.port ?? (await freePort()), folder, options);
    await server.run();
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Whether its process is there, running or frozen. */
  get isUp(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Starts it again where it was. */
  async run(): Promise<void> {
    const { version = "2.9", jetstream = false, config = "" } = this.#options;
    const file = join(this.folder, "server.conf");
    const store = jetstream ? `jetstream { store_dir: "${join(this.folder, "store")}" }\n` : "";
    await writeFile(file, `listen: "127.0.0.1:${this.port}"\n${store}${config}`);
    const child = spawn(binaryOf(version), ["-c", file], { stdio: ["ignore", "ignore", "pipe"] });
    this.#child = child;
    this.#output = "";
    await new Promise<void>((resolve, reject) => {
      child.stderr?.on("data", (text) => {
        this.#output += text;
        if (this.#output.includes("Server is ready")) {
          resolve();
        }
      });
      child.on("error", reject);
      child.on("exit", (code) => reject(new Error(`nats-server ended with ${code}: ${this.#output}`)));
    });
  }

  /** Sends it a signal, and waits for its end where it ends by that. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.isUp) {
      return;
    }
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    if (signal !== "SIGSTOP" && signal !== "SIGCONT" && signal !== "SIGUSR2" && signal !== "SIGHUP") {
      await ended;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill("SIGKILL");
    await rm(this.folder, { recursive: true, force: true });
  }
}
