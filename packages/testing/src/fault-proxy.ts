/** A TCP proxy that breaks: between a client and a server it delays, cuts, swallows and damages what goes through. */

import { createConnection, createServer, type Server, type Socket } from "node:net";
import { seededRandom } from "@aether/core";
import { assertKnown, expected } from "./expected.ts";

/** What goes wrong with what is under way, until something else is set. Times are milliseconds. */
export interface Faults {
  /** Each chunk is this late, and up to `jitterMs` more. */
  readonly latencyMs?: number;
  readonly jitterMs?: number;
  /** Chunks are cut into pieces of at most so many bytes. */
  readonly sliceBytes?: number;
  /** Part of the chunks in which one bit is flipped, 0..1. */
  readonly flips?: number;
  /** What does not get through: nothing (default), what goes to the server, what comes from it, or both. */
  readonly swallows?: "up" | "down" | "both";
  /** New connections are refused. */
  readonly refuses?: boolean;
}

/** Options of {@link faultProxy}. */
export interface FaultProxyOptions {
  /** Seed of everything that is left to chance; default: one of its own, which `seed` tells. */
  readonly seed?: number;
}

interface Pipe {
  readonly client: Socket;
  readonly server: Socket;
}

/** A proxy on a free port of loopback. */
export class FaultProxy implements AsyncDisposable {
  /** Seed that repeats the faults. */
  readonly seed: number;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #random: () => number;
  readonly #pipes = new Set<Pipe>();
  readonly #server: Server;
  #faults: Faults = {};
  /** Bytes that went to the server, and came from it, as far as they got through. */
  readonly passed = { up: 0, down: 0 };
  /** Connections that were made. */
  connections = 0;

  constructor(target: { readonly host: string; readonly port: number }, seed: number) {
    this.#target = target;
    this.seed = seed;
    this.#random = seededRandom(seed);
    this.#server = createServer({ noDelay: true }, (client) => this.#accept(client));
  }

  /** Port that clients connect to, on 127.0.0.1. */
  get port(): number {
    const address = this.#server.address();
    return address === null || typeof address === "string" ? 0 : address.port;
  }

  /** Where clients connect to, such as `"127.0.0.1:40321"`. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Begins to listen. */
  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(0, "127.0.0.1", resolve);
    });
  }

  /** Lets `faults` happen from now on, in place of those before; `{}`: none. Throws `AETHER_BAD_OPTION`. */
  set(faults: Faults): void {
    this.#faults = checkedFaults(faults);
  }

  /** Ends every connection at once, with a reset where the platform can. */
  reset(): void {
    for (const { client, server } of this.#pipes) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
    this.#pipes.clear();
  }

  #accept(client: Socket): void {
    if (this.#faults.refuses === true) {
      client.resetAndDestroy();
      return;
    }
    this.connections++;
    const server = createConnection({ ...this.#target, noDelay: true });
    const pipe = { client, server };
    this.#pipes.add(pipe);
    this.#join(client, server, "up", pipe);
    this.#join(server, client, "down", pipe);
  }

  #join(from: Socket, to: Socket, direction: "up" | "down", pipe: Pipe): void {
    let last: Promise<void> = Promise.resolve();
    from.on("data", (chunk: Buffer) => {
      const { swallows } = this.#faults;
      if (swallows === direction || swallows === "both") {
        return;
      }
      for (const piece of this.#cut(chunk)) {
        const delayMs = this.#delay();
        if (delayMs === 0) {
          last = last.then(() => this.#pass(to, piece, direction));
        } else {
          const due = pause(delayMs);
          last = last.then(() => due).then(() => this.#pass(to, piece, direction));
        }
      }
    });
    const end = (): void => {
      this.#pipes.delete(pipe);
      from.destroy();
      void last.then(() => to.destroy());
    };
    from.on("end", end);
    from.on("close", end);
    from.on("error", end);
  }

  #pass(to: Socket, piece: Buffer, direction: "up" | "down"): void {
    if (!to.destroyed) {
      this.passed[direction] += piece.length;
      to.write(piece);
    }
  }

  #delay(): number {
    const { latencyMs = 0, jitterMs = 0 } = this.#faults;
    return latencyMs + (jitterMs > 0 ? this.#random() * jitterMs : 0);
  }

  #cut(chunk: Buffer): readonly Buffer[] {
    const { sliceBytes, flips = 0 } = this.#faults;
    const whole = flips > 0 && this.#random() < flips ? this.#flipped(chunk) : chunk;
    if (sliceBytes === undefined || sliceBytes >= whole.length) {
      return [whole];
    }
    return Array.from({ length: Math.ceil(whole.length / sliceBytes) }, (_, i) =>
      whole.subarray(i * sliceBytes, (i + 1) * sliceBytes),
    );
  }

  #flipped(chunk: Buffer): Buffer {
    const damaged = Buffer.from(chunk);
    const bit = Math.floor(this.#random() * damaged.length * 8);
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    return damaged;
  }

  /** Ends it, and every connection through it. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.reset();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

const MOST_PORT = 65_535;
const MOST_MS = 2 ** 31 - 1;

/** `faults` if they can happen. Throws `AETHER_BAD_OPTION`. */
function checkedFaults(faults: Faults): Faults {
  assertKnown("faults", faults, ["latencyMs", "jitterMs", "sliceBytes", "flips", "swallows", "refuses"]);
  const { latencyMs = 0, jitterMs = 0, sliceBytes = 1, flips = 0, swallows, refuses = false } = faults;
  for (const [name, ms] of Object.entries({ latencyMs, jitterMs })) {
    if (!(typeof ms === "number" && ms >= 0 && ms <= MOST_MS)) {
      throw expected(name, "a number of milliseconds", ms);
    }
  }
  if (!(Number.isInteger(sliceBytes) && sliceBytes >= 1)) {
    throw expected("sliceBytes", "a whole number of at least 1", sliceBytes);
  }
  if (!(typeof flips === "number" && flips >= 0 && flips <= 1)) {
    throw expected("flips", "a number from 0 to 1", flips);
  }
  if (swallows !== undefined && swallows !== "up" && swallows !== "down" && swallows !== "both") {
    throw expected("swallows", '"up", "down" or "both"', swallows);
  }
  if (typeof refuses !== "boolean") {
    throw expected("refuses", "true or false", refuses);
  }
  return faults;
}

/** What a proxy stands in front of: a port of this machine, an address such as `"127.0.0.1:4222"`, or its two parts. */
export type FaultProxyTarget = number | string | { readonly host?: string | undefined; readonly port: number };

/** Puts a proxy in front of `target`; resolves when it listens. Rejects with `AETHER_BAD_OPTION`. */
export async function faultProxy(target: FaultProxyTarget, options: FaultProxyOptions = {}): Promise<FaultProxy> {
  assertKnown("options of faultProxy", options, ["seed"]);
  const { seed = Math.floor(Math.random() * 2 ** 31) } = options;
  if (!Number.isSafeInteger(seed)) {
    throw expected("seed", "a whole number", seed);
  }
  const proxy = new FaultProxy(targetOf(target), seed);
  await proxy.listen();
  return proxy;
}

function targetOf(target: FaultProxyTarget): { readonly host: string; readonly port: number } {
  const { host = "127.0.0.1", port } = typeof target === "string" ? partsOf(target) : asParts(target);
  if (typeof host !== "string" || host === "" || !(Number.isInteger(port) && port >= 1 && port <= MOST_PORT)) {
    const what = 'a port, an address such as "127.0.0.1:4222", or an object with `host` and `port`';
    throw expected("target", what, target);
  }
  return { host, port };
}

function asParts(target: Exclude<FaultProxyTarget, string>): {
  readonly host?: string | undefined;
  readonly port: number;
} {
  return typeof target === "number" ? { port: target } : (target ?? { port: Number.NaN });
}

function partsOf(address: string): { readonly host: string; readonly port: number } {
  try {
    const { hostname, port } = new URL(address.includes("://") ? address : `tcp://${address}`);
    return { host: hostname.replace(/^\[|\]$/g, ""), port: port === "" ? Number.NaN : Number(port) };
  } catch {
    return { host: "", port: Number.NaN };
  }
}
