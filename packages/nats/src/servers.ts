/** Addresses of servers, checked. */

import { isIP } from "node:net";
import { expected } from "./expected.ts";

/** One server. */
export interface CheckedServer {
  /** With its scheme. */
  readonly address: string;
  /** Whether it is on this machine. */
  readonly loopback: boolean;
  /** Whether it is under `tls://`. */
  readonly secure: boolean;
  /** Whether it is named by a number and not by a name. */
  readonly isAddress: boolean;
}

const BARE = new Set(["", "/"]);
const LOOPBACK = new Set(["localhost", "[::1]"]);

/** `servers` if they are addresses without an identity in them. Throws `AETHER_BAD_OPTION`. */
export function serversOf(servers: unknown): readonly CheckedServer[] {
  const list: unknown = typeof servers === "string" ? [servers] : servers;
  if (!Array.isArray(list) || list.length === 0) {
    throw expected("servers", 'an address such as "nats://127.0.0.1:4222", or an array of them', servers);
  }
  return list.map(serverOf);
}

function serverOf(server: unknown): CheckedServer {
  if (typeof server !== "string") {
    throw expected("servers", "texts", server);
  }
  const address = server.includes("://") ? server : `nats://${server}`;
  const url = urlOf(address);
  const isNats = url?.protocol === "nats:" || url?.protocol === "tls:";
  if (url === undefined || !isNats || url.hostname === "" || url.port === "0") {
    throw expected("servers", "addresses that begin with nats:// or tls://", server);
  }
  if (url.username !== "" || url.password !== "") {
    const safe = `${url.protocol}//…@${url.host}`;
    throw expected("servers", "addresses without an identity: give it as user and password, or as token", safe);
  }
  if (!BARE.has(url.pathname) || url.search !== "" || url.hash !== "") {
    throw expected("servers", "addresses of a host and a port alone", server);
  }
  const { hostname } = url;
  return {
    address,
    // A name that begins with 127 may be that of any machine.
    loopback: LOOPBACK.has(hostname) || (isIP(hostname) !== 0 && hostname.startsWith("127.")),
    secure: url.protocol === "tls:",
    isAddress: isIP(hostname.replace(/^\[|\]$/g, "")) !== 0,
  };
}

function urlOf(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
