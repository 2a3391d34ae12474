/** A TCP proxy that breaks: between a client and a server it delays, cuts, swallows and damages what goes through. */

import { createConnection, createServer, type Server, type Socket } from "node:net";
import { seededRandom } from "@aether/core";

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

  /** Begins to listen. */
  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(0, "127.0.0.1", resolve);
    });
  }

  /** Lets `faults` happen from now on, in place of those before. */
  set(faults: Faults): void {
    this.#faults = faults;
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

/** Puts a proxy in front of `target`, such as `"127.0.0.1:4222"`; resolves when it listens. */
export async function faultProxy(target: string | number, options: FaultProxyOptions = {}): Promise<FaultProxy> {
  const { seed = Math.floor(Math.random() * 2 ** 31) } = options;
  const proxy = new FaultProxy(targetOf(target), seed);
  await proxy.listen();
  return proxy;
}

function targetOf(target: string | number): { readonly host: string; readonly port: number } {
  if (typeof target === "number") {
    return { host: "127.0.0.1", port: target };
  }
  const { hostname, port } = new URL(target.includes("://") ? target : `tcp://${target}`);
  const number = Number(port);
  if (hostname === "" || !Number.isInteger(number) || number < 1) {
    throw new TypeError(
      `Expected \`target\` to be a port or an address such as 127.0.0.1:4222, got ${JSON.stringify(target)}`,
    );
  }
  return { host: hostname.replace(/^\[|\]$/g, ""), port: number };
}
