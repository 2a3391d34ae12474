/** Programs: the parts of the shop and its server as child processes, as people run them. */

import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const PART = fileURLToPath(new URL("../dist/run.js", import.meta.url));
const PATIENCE_MS = 30_000;

/** A program that runs, and what it has written so far. */
export class Program {
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

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** `npm run <name>`, without npm. */
  static part(name: string, env: Readonly<Record<string, string>>): Program {
    return new Program(PART, [name], env);
  }
}
