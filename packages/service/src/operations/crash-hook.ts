/** The crash hook: one record of what ended the process, written before it ends, and an exit code that says so. */

import { closeSync, openSync, writeSync } from "node:fs";
import type { createLogger } from "@aether/telemetry";
import type { LogFields } from "../log.ts";

/** How long whatever is on its way out may take. */
const FLUSH_MS = 2000;
const EXIT_CODE = 1;

/** What ended the process. */
export type CrashKind = "uncaughtException" | "unhandledRejection" | "SIGABRT" | "limit";

/** Options of {@link CrashHook}. */
export interface CrashOptions {
  readonly log: { fatal(message: string, fields: LogFields): void; flush(): void };
  readonly createLogger: typeof createLogger;
  /** A file that the record is appended to, as a line of JSON. Default: the log alone. */
  readonly file?: string | undefined;
  /** Texts that must not be in it. */
  readonly secrets?: (() => Iterable<string>) | undefined;
  /** Sends what is on its way, such as spans. */
  readonly flush?: (() => Promise<unknown>) | undefined;
}

/**
 * Records an uncaught exception, an unhandled rejection or SIGABRT, flushes for at most 2 s, and ends the process: with
 * exit code 1, or by the signal. There is no record of SIGKILL, of a heap that is full, or of `process.abort()`: no
 * code runs then.
 */
export class CrashHook implements Disposable {
  readonly #options: CrashOptions;
  #crashed = false;
  readonly #onException = (error: unknown): void => this.crash("uncaughtException", error);
  readonly #onRejection = (error: unknown): void => this.crash("unhandledRejection", error);
  readonly #onAbort = (): void => this.crash("SIGABRT", undefined);

  constructor(options: CrashOptions) {
    this.#options = options;
    process.on("uncaughtException", this.#onException);
    process.on("unhandledRejection", this.#onRejection);
    process.on("SIGABRT", this.#onAbort);
  }

  /** Records `error` and ends the process. Of several the first counts; another one ends the flush. */
  crash(kind: CrashKind, error: unknown): void {
    if (this.#crashed) {
      this.#end(kind);
      return;
    }
    this.#crashed = true;
    process.exitCode = EXIT_CODE;
    const { log, flush } = this.#options;
    try {
      log.fatal(`The process ends: ${kind}`, { crash: kind, error, uptime_ms: Math.round(performance.now()) });
      this.#write(kind, error);
      log.flush();
    } catch {
      // A record that cannot be written must not keep the process from ending.
    }
    const timer = setTimeout(() => this.#end(kind), FLUSH_MS);
    Promise.resolve()
      .then(() => flush?.())
      .catch(() => undefined)
      .finally(() => {
        clearTimeout(timer);
        this.#end(kind);
      });
  }

  #write(kind: CrashKind, error: unknown): void {
    const { file, secrets, createLogger: make } = this.#options;
    if (file === undefined) {
      return;
    }
    const descriptor = openSync(file, "a", 0o600);
    try {
      const destination = { write: (line: string) => writeSync(descriptor, line) };
      const record = make({ json: true, destination, secrets });
      record.fatal(`The process ends: ${kind}`, { crash: kind, error, memory: process.memoryUsage() });
    } finally {
      closeSync(descriptor);
    }
  }

  #end(kind: CrashKind): void {
    if (kind === "SIGABRT") {
      process.off("SIGABRT", this.#onAbort);
      process.kill(process.pid, "SIGABRT");
      return;
    }
    process.exit(EXIT_CODE);
  }

  /** Takes the hook away. */
  [Symbol.dispose](): void {
    process.off("uncaughtException", this.#onException);
    process.off("unhandledRejection", this.#onRejection);
    process.off("SIGABRT", this.#onAbort);
  }
}
