/** What the client is asked for: everything that its defaults get wrong for services that must come back. */

import type { NodeConnectionOptions } from "@nats-io/transport-node";
import type { CheckedOptions } from "./options.ts";
import { FIRST_DELAY_MS, fullJitter } from "./reconnect-delay.ts";
import { Subjects } from "./subjects.ts";

/**
 * Bytes of one tick that the client gathers before it writes them. It reads this without telling of it in its types. Its
 * own 32 KiB make several writes of a burst, and each of them wakes the server.
 */
const GATHERING = { pendingLimit: 128 * 1024 };

/** Fresh options for one connection: the client changes what it is given. */
export function clientOptions(options: CheckedOptions): NodeConnectionOptions {
  const { tls, authenticator } = options.security;
  return {
    ...(authenticator !== undefined && { authenticator }),
    // Servers that a cluster tells of come as numbers, which no certificate names.
    ...(tls !== undefined && { tls, ignoreClusterUpdates: true }),
    servers: [...options.servers],
    // What the client asks a server for is answered where everybody of the namespace may listen.
    inboxPrefix: new Subjects(options.namespace).inbox,
    timeout: options.connectTimeoutMs,
    reconnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: FIRST_DELAY_MS,
    reconnectDelayHandler: fullJitter(),
    pingInterval: options.pingIntervalMs,
    maxPingOut: 2,
    ignoreAuthErrorAbort: true,
    noAsyncTraces: true,
    ...GATHERING,
  };
}
