/** A service as a real process, from the build, with a folder of its own. */

import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("./process.mjs", import.meta.url));

/** How a process has ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Milliseconds from the first signal that it was sent. */
  readonly tookMs: number;
}

export class Child implements AsyncDisposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), "aether-service-"));
  readonly crashFile: string = join(this.folder, "crash.jsonl");
  readonly facts: Record<string, unknown>[] = [];
  readonly #child: ChildProcess;
  readonly #told: EventEmitter = new EventEmitter();
  readonly ended: Promise<Ending>;
  readonly up: Promise<void>;
  output = "";
  #signalledAt = performance.now();

  /** Runs `what` of the script by the text of its configuration. */
  constructor(what: string, toml: string, env: Record<string, string> = {}, nodeOptions: readonly string[] = []) {
    this.configure(toml);
    const PATH = process.env["PATH"] ?? "";
    this.#child = spawn(process.execPath, [...nodeOptions, script, what], {
      cwd: this.folder,
      env: { PATH, CRASH_FILE: this.crashFile, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child.stdout?.on("data", (text) => {
      this.output += text;
    });
    this.ended = new Promise((resolve) => {
      this.#child.once("close", (code, signal) =>
        resolve({ code, signal, tookMs: performance.now() - this.#signalledAt }),
      );
    });
    let isUp = (): void => {};
    this.up = new Promise((resolve, reject) => {
      isUp = resolve;
      void this.ended.then(() => reject(new Error(`It ended before it was up: ${this.output}`)));
    });
    this.up.catch(() => undefined);
    if (this.#child.stderr !== null) {
      createInterface({ input: this.#child.stderr }).on("line", (line) => {
        const fact = factOf(line);
        this.facts.push(fact);
        this.#told.emit("fact");
        if (fact["up"] === true) {
          isUp();
        }
      });
    }
  }

  /** Resolves when it has told `fact`. */
  async told(fact: string): Promise<void> {
    while (!this.facts.some((one) => one[fact] === true)) {
      await Promise.race([this.ended.then(() => Promise.reject(new Error(this.output))), once(this.#told, "fact")]);
    }
  }

  configure(toml: string): void {
    mkdirSync(join(this.folder, "config"), { recursive: true });
    writeFileSync(join(this.folder, "config/worker.toml"), toml, { mode: 0o600 });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  kill(signal: NodeJS.Signals): void {
    this.#signalledAt = performance.now();
    this.#child.kill(signal);
  }

  /** What the crash hook has written, line by line; empty when there is nothing. */
  get crashes(): Record<string, unknown>[] {
    try {
      return readFileSync(this.crashFile, "utf8").trimEnd().split("\n").map(factOf);
    } catch {
      return [];
    }
  }

  /** The port of the first door that it told of. */
  async port(): Promise<number> {
    await this.up;
    const found = /"port":(\d+)/.exec(this.output);
    if (found?.[1] === undefined) {
      throw new Error(`Expected a door, got ${this.output}`);
    }
    return Number(found[1]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill("SIGKILL");
    }
    await this.ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function factOf(line: string): Record<string, unknown> {
  try {
    const fact: unknown = JSON.parse(line);
    return typeof fact === "object" && fact !== null ? { ...fact } : { line };
  } catch {
    return { line };
  }
}
