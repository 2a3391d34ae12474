/** What the client is asked for: everything that its defaults get wrong for services that must come back. */

import type { NodeConnectionOptions } from "@nats-io/transport-node";
import type { CheckedOptions } from "./options.ts";
import { Subjects } from "./subjects.ts";

const FIRST_DELAY_MS = 250;
/** All are back within two seconds of their server, the time to connect included. */
const LONGEST_DELAY_MS = 1500;

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
  };
}

/** Delays that grow up to the longest, each any part of that: clients that lost a server together come back apart. */
function fullJitter(): () => number {
  let most = FIRST_DELAY_MS;
  let last = 0;
  return () => {
    const now = performance.now();
    most = now - last > 4 * LONGEST_DELAY_MS ? FIRST_DELAY_MS : Math.min(LONGEST_DELAY_MS, most * 2);
    last = now;
    return Math.random() * most;
  };
}
