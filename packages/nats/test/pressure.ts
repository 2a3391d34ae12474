/** Processes under pressure: what they tell of their memory and of what became of waves. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { NatsServer } from "./nats-server.ts";

const CHILD = fileURLToPath(new URL("children/pressed.mjs", import.meta.url));

/** What is over the bytes that may wait, at the most: what the platform has not given back yet. */
export const SLACK_BYTES = 20 * 1024 * 1024;

/** What a process does, and with what. */
export interface Pressure {
  readonly what: "emits" | "publishes" | "hears" | "iterates";
  readonly bytes?: number;
  /** Waves each second, and for how many seconds. */
  readonly rate?: number;
  readonly seconds?: number;
  /** Waves that will come. */
  readonly waves?: number;
  readonly outbox?: { readonly waves?: number; readonly bytes?: number };
  readonly recorded?: boolean;
}

/** A process that is measured. */
class Pressed implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor({ what, ...options }: Pressure, url: string) {
    const args = ["--expose-gc", CHILD, what, JSON.stringify({ url, ...options })];
    this.#child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
    if (this.#child.stdout === null) {
      throw new Error("Expected a pipe");
    }
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** What it tells next. */
  async tells(): Promise<Readonly<Record<string, unknown>>> {
    const { value, done } = await this.#lines.next();
    if (done === true) {
      throw new Error("Expected another line, got the end of the process");
    }
    return JSON.parse(value);
  }

  goOn(): void {
    this.#child.stdin?.write("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill("SIGKILL");
      await once(this.#child, "exit");
    }
  }
}

/** Lets a process emit while `server` is away: what it tells of that time, and of the end. */
export async function emitsInto(
  server: NatsServer,
  pressure: Pressure,
): Promise<Readonly<Record<"away" | "end", Readonly<Record<string, unknown>>>>> {
  await using pressed = new Pressed(pressure, server.url);
  await pressed.tells();
  await server.kill("SIGKILL");
  const away = await pressed.tells();
  await server.run();
  pressed.goOn();
  const end = pressure.what === "emits" ? await pressed.tells() : {};
  return { away, end };
}

/** Lets a process hear while `send` happens: what it tells when everything has come. */
export async function hearsFrom(
  server: NatsServer,
  pressure: Pressure,
  send: () => Promise<void>,
): Promise<Readonly<Record<string, unknown>>> {
  await using pressed = new Pressed(pressure, server.url);
  await pressed.tells();
  await send();
  return await pressed.tells();
}
