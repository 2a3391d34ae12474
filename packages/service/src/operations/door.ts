/** Doors: the HTTP listeners for health and metrics, one for each address however many runs of the process share it. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { isIP } from "node:net";
import { AetherError } from "@aether/core";
import { answerOf, headersOf, type Tenant } from "./answer.ts";

/** Bounds of a listener that strangers may reach: slow, large or many requests end before they cost much. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 5000;
const MOST_CONNECTIONS = 128;
const MOST_REQUESTS = 1000;
const MOST_HEADERS = 64;
const MOST_HEADER_BYTES = 8 * 1024;
/** Connections that one other machine may hold. */
const MOST_OF_ONE = 32;
/** How often connections are looked at for those that are too slow. */
const CHECK_MS = 1000;

/** A place at a door. */
export interface Place {
  /** The port that it listens on. */
  readonly port: number;
  /** Takes the tenant away; the last one closes the door. */
  leave(): Promise<void>;
}

/** The doors of this process, by their address as it was written. */
const doors = new Map<string, Door>();

/**
 * Shows `tenant` at `bind`, `host:port`. Rejects with `AETHER_ADDRESS_TAKEN` or `AETHER_BAD_CONFIG`, each naming `key`,
 * the key of the configuration that the address comes from.
 */
export async function openDoor(bind: string, key: string, tenant: Tenant): Promise<Place> {
  const door = doors.get(bind) ?? new Door(bind);
  doors.set(bind, door);
  door.tenants.add(tenant);
  const leave = async (): Promise<void> => {
    if (door.tenants.delete(tenant) && door.tenants.size === 0) {
      if (doors.get(bind) === door) {
        doors.delete(bind);
      }
      await door.close();
    }
  };
  try {
    return { port: await door.listening, leave };
  } catch (cause) {
    await leave();
    throw refusalOf(cause, bind, key);
  }
}

class Door {
  readonly tenants = new Set<Tenant>();
  /** The port. */
  readonly listening: Promise<number>;
  readonly #server: Server;
  readonly #byAddress = new Map<string, number>();

  constructor(bind: string) {
    this.#server = createServer(
      {
        headersTimeout: HEADERS_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        keepAliveTimeout: KEEP_ALIVE_MS,
        connectionsCheckingInterval: CHECK_MS,
        maxHeaderSize: MOST_HEADER_BYTES,
      },
      (request, response) => void this.#answer(request, response),
    );
    this.#server.timeout = REQUEST_TIMEOUT_MS;
    this.#server.maxConnections = MOST_CONNECTIONS;
    this.#server.maxRequestsPerSocket = MOST_REQUESTS;
    this.#server.maxHeadersCount = MOST_HEADERS;
    this.#bound();
    this.listening = this.#listen(bind);
    this.listening.catch(() => undefined);
  }

  /** One machine cannot take all connections, but for this one. */
  #bound(): void {
    const held = this.#byAddress;
    this.#server.on("connection", (socket) => {
      const address = socket.remoteAddress ?? "";
      const count = (held.get(address) ?? 0) + 1;
      held.set(address, count);
      socket.once("close", () => {
        const left = (held.get(address) ?? 1) - 1;
        if (left === 0) {
          held.delete(address);
        } else {
          held.set(address, left);
        }
      });
      if (count > MOST_OF_ONE && !isLoopback(address)) {
        socket.destroy();
      }
    });
  }

  #listen(bind: string): Promise<number> {
    const at = bind.lastIndexOf(":");
    const host = bind.slice(0, at).replace(/^\[(.*)\]$/, "$1");
    const port = Number(bind.slice(at + 1));
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host, port }, () => {
        this.#server.off("error", reject);
        this.#server.on("error", () => undefined);
        const address = this.#server.address();
        resolve(typeof address === "object" && address !== null ? address.port : port);
      });
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url, headers, socket } = request;
    // Nothing here reads a body: whoever sends one is not listened to any longer.
    response.shouldKeepAlive &&= headers["content-length"] === undefined && headers["transfer-encoding"] === undefined;
    request.resume();
    const isLocal = isLoopback(socket.remoteAddress ?? "");
    const question = { method, url, authorization: headers.authorization, isLocal };
    // What goes wrong in here is no business of whoever asks.
    const answer = await answerOf(question, [...this.tenants]).catch(() => ({ status: 500, text: "failed\n" }));
    response.writeHead(answer.status, headersOf(answer));
    response.end(method === "HEAD" ? undefined : answer.text);
  }

  async close(): Promise<void> {
    if (!this.#server.listening) {
      return;
    }
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }
}

function isLoopback(address: string): boolean {
  const bare = address.replace(/^::ffff:/, "");
  return bare === "::1" || (isIP(bare) === 4 && bare.startsWith("127."));
}

function refusalOf(cause: unknown, bind: string, key: string): AetherError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
  const details = { key, bind, code };
  if (code === "EADDRINUSE") {
    const message = `Expected \`${key}\` to be an address that is free, got "${bind}", which another process listens on. Choose another port, or end what has this one`;
    return new AetherError("AETHER_ADDRESS_TAKEN", message, { cause, details });
  }
  const message = `Expected \`${key}\` to be an address that can be listened on, got "${bind}" (${code})`;
  return new AetherError("AETHER_BAD_CONFIG", message, { cause, details });
}
