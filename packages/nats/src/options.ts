/** The options of the NATS medium, checked: every bad one is refused with what was expected, what came and what to do. */

import { assertKnown, expected, type Known, millisecondsOf, wholeOf } from "./expected.ts";
import { type CheckedStream, checkedStream, type StreamOptions } from "./jetstream/stream-options.ts";
import { SECURITY_OPTIONS, type Security, type SecurityOptions, securityOf } from "./security.ts";
import { type CheckedServer, serversOf } from "./servers.ts";
import { namespaceOf } from "./subjects.ts";
import type { PayloadCodec } from "./wire/payloads.ts";

/** Options of {@link natsMedium}. */
export interface NatsOptions extends SecurityOptions {
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
  /** How recorded waves are kept, which takes a server with JetStream; false: nothing is recorded. */
  readonly stream?: StreamOptions | false | undefined;
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
  readonly security: Security;
  readonly stream: CheckedStream | undefined;
}

const KNOWN: Known<NatsOptions> = {
  ...SECURITY_OPTIONS,
  servers: true,
  namespace: true,
  codec: true,
  packing: true,
  outbox: true,
  connectTimeoutMs: true,
  pingIntervalMs: true,
  beatMs: true,
  stream: true,
};
const DEFAULT_SERVER = "nats://127.0.0.1:4222";
const DEFAULT_NAMESPACE = "aether";
const DEFAULT_OUTBOX = { waves: 65_536, bytes: 64 * 1024 * 1024 };

/** `options` if they are legal. Throws `AETHER_BAD_OPTION`. */
export function checkedOptions(options: NatsOptions = {}): CheckedOptions {
  assertKnown("options of natsMedium", options, KNOWN);
  const { servers: asked = DEFAULT_SERVER, codec = "json", packing = true, outbox = {} } = options;
  if (codec !== "json" && codec !== "records") {
    throw expected("codec", '"json" or "records"', codec);
  }
  if (typeof packing !== "boolean") {
    throw expected("packing", "true or false", packing);
  }
  assertKnown("outbox", outbox, { waves: true, bytes: true });
  const servers = serversOf(asked);
  return {
    servers: servers.map(({ address }) => address),
    namespace: namespaceFor(options.namespace, servers),
    codec,
    packing,
    outbox: {
      waves: wholeOf("outbox.waves", outbox.waves, DEFAULT_OUTBOX.waves),
      bytes: wholeOf("outbox.bytes", outbox.bytes, DEFAULT_OUTBOX.bytes),
    },
    connectTimeoutMs: millisecondsOf("connectTimeoutMs", options.connectTimeoutMs, 5000),
    pingIntervalMs: millisecondsOf("pingIntervalMs", options.pingIntervalMs, 1000),
    beatMs: millisecondsOf("beatMs", options.beatMs, 5000),
    security: securityOf(options, servers),
    stream: checkedStream(options.stream),
  };
}

function namespaceFor(namespace: string | undefined, servers: readonly CheckedServer[]): string {
  if (namespace === undefined && servers.some(({ loopback }) => !loopback)) {
    throw expected("namespace", "given where a server is not on this machine, so that systems do not mix", namespace);
  }
  return namespaceOf(namespace === undefined ? DEFAULT_NAMESPACE : namespace);
}
