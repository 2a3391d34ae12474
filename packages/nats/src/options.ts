/** The options of the NATS medium, checked: every bad one is refused with what was expected, what came and what to do. */

import { AetherError } from "@aether/core";
import { namespaceOf } from "./subjects.ts";
import type { PayloadCodec } from "./wire/payloads.ts";

/** Options of {@link natsMedium}. */
export interface NatsOptions {
  /** Addresses such as `"nats://127.0.0.1:4222"`. Default: that one. */
  readonly servers?: string | readonly string[] | undefined;
  /** First token of every subject. Default `"aether"`; must be given when a server is not on loopback. */
  readonly namespace?: string | undefined;
  /** How payloads are written: `"json"` (default), or `"records"`, which is msgpack. Bytes always go as they are. */
  readonly codec?: PayloadCodec | undefined;
  /** Whether events of one subject and tick share messages. Default true. */
  readonly packing?: boolean | undefined;
  /** What may wait while no server is there. Default 65,536 waves and 64 MiB. */
  readonly outbox?: { readonly waves?: number | undefined; readonly bytes?: number | undefined } | undefined;
  /** How long the first connection may take, in milliseconds. Default 5000. */
  readonly connectTimeoutMs?: number | undefined;
  /** Milliseconds between two pings; a peer that misses two is given up. Default 1000. */
  readonly pingIntervalMs?: number | undefined;
  /** Milliseconds between two beats of presence; a link that misses three is forgotten. Default 5000. */
  readonly beatMs?: number | undefined;
}

/** {@link NatsOptions} with everything filled in. */
export interface CheckedOptions {
  readonly servers: readonly string[];
  readonly namespace: string;
  readonly codec: PayloadCodec;
  readonly packing: boolean;
  readonly outbox: { readonly waves: number; readonly bytes: number };
  readonly connectTimeoutMs: number;
  readonly pingIntervalMs: number;
  readonly beatMs: number;
}

type Known<T> = { readonly [K in keyof Required<T>]: true };

const KNOWN: Known<NatsOptions> = {
  servers: true,
  namespace: true,
  codec: true,
  packing: true,
  outbox: true,
  connectTimeoutMs: true,
  pingIntervalMs: true,
  beatMs: true,
};
const DEFAULT_SERVER = "nats://127.0.0.1:4222";
const DEFAULT_NAMESPACE = "aether";
const DEFAULT_OUTBOX = { waves: 65_536, bytes: 64 * 1024 * 1024 };

/** `options` if they are legal. Throws `AETHER_BAD_OPTION`. */
export function checkedOptions(options: NatsOptions = {}): CheckedOptions {
  assertObject("options of natsMedium", options, KNOWN);
  const { servers = DEFAULT_SERVER, codec = "json", packing = true, outbox = {} } = options;
  const list = typeof servers === "string" ? [servers] : servers;
  if (!Array.isArray(list) || list.length === 0 || !list.every((server) => typeof server === "string")) {
    throw expected("servers", 'an address such as "nats://127.0.0.1:4222", or an array of them', servers);
  }
  if (codec !== "json" && codec !== "records") {
    throw expected("codec", '"json" or "records"', codec);
  }
  if (typeof packing !== "boolean") {
    throw expected("packing", "true or false", packing);
  }
  assertObject("outbox", outbox, { waves: true, bytes: true });
  const checkedServers = list.map(serverOf);
  return {
    servers: checkedServers.map(({ address }) => address),
    namespace: namespaceFor(options.namespace, checkedServers),
    codec,
    packing,
    outbox: {
      waves: wholeOf("outbox.waves", outbox.waves ?? DEFAULT_OUTBOX.waves),
      bytes: wholeOf("outbox.bytes", outbox.bytes ?? DEFAULT_OUTBOX.bytes),
    },
    connectTimeoutMs: wholeOf("connectTimeoutMs", options.connectTimeoutMs ?? 5000),
    pingIntervalMs: wholeOf("pingIntervalMs", options.pingIntervalMs ?? 1000),
    beatMs: wholeOf("beatMs", options.beatMs ?? 5000),
  };
}

/** A server's address, and whether it is on this machine. */
interface CheckedServer {
  readonly address: string;
  readonly loopback: boolean;
}

const LOOPBACK = new Set(["localhost", "[::1]"]);

function serverOf(server: string): CheckedServer {
  const withScheme = server.includes("://") ? server : `nats://${server}`;
  const url = URL.parse?.(withScheme) ?? parsed(withScheme);
  if (url === null || (url.protocol !== "nats:" && url.protocol !== "tls:")) {
    throw expected("servers", "addresses that begin with nats:// or tls://", server);
  }
  const loopback = LOOPBACK.has(url.hostname) || url.hostname.startsWith("127.");
  return { address: withScheme, loopback };
}

function parsed(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

function namespaceFor(namespace: string | undefined, servers: readonly CheckedServer[]): string {
  if (namespace === undefined && servers.some(({ loopback }) => !loopback)) {
    throw expected("namespace", "given where a server is not on this machine, so that systems do not mix", namespace);
  }
  return namespaceOf(namespace ?? DEFAULT_NAMESPACE);
}

function wholeOf(name: string, amount: unknown): number {
  if (typeof amount === "number" && Number.isInteger(amount) && amount >= 1) {
    return amount;
  }
  throw expected(name, "a whole number of at least 1", amount);
}

function assertObject(name: string, value: unknown, known: Readonly<Record<string, true>>): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw expected(name, "an object", value);
  }
  for (const key of Object.keys(value)) {
    if (known[key] !== true) {
      throw expected(name, `only ${Object.keys(known).join(", ")}`, key);
    }
  }
}

/** The one form of validation texts. */
export function expected(option: string, what: string, got: unknown): AetherError {
  const shown =
    typeof got === "string" ? JSON.stringify(got.slice(0, 80)) : typeof got === "object" ? "an object" : String(got);
  return new AetherError("AETHER_BAD_OPTION", `Expected \`${option}\` to be ${what}, got ${shown}`, {
    details: { option, expected: what, got },
  });
}
