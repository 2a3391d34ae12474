/** Known servers: those that were given, and those that a cluster tells of; whether there is another to go to. */

import { isIP } from "node:net";

const DEFAULT_PORT = "4222";

/** The servers that a connection may go to. */
export class KnownServers {
  readonly #given: readonly string[];
  /** Addresses that servers have told of. */
  readonly #told = new Set<string>();

  /** `given` are addresses with their scheme. */
  constructor(given: readonly string[]) {
    this.#given = given;
  }

  /** A server told that its cluster has got, or no longer has, some others. */
  update(added: readonly string[] = [], deleted: readonly string[] = []): void {
    for (const address of added) {
      this.#told.add(address);
    }
    for (const address of deleted) {
      this.#told.delete(address);
    }
  }

  /** Whether one of them is another than `current`, an address; a name may stand for several. */
  hasOther(current: string): boolean {
    const here = placeOf(current);
    return [...this.#given, ...this.#told].map(placeOf).some((place) => place === undefined || place !== here);
  }
}

/** Host and port as one text, the same for all that stand for this machine; `undefined`: a name, and so maybe several. */
function placeOf(address: string): string | undefined {
  const { hostname, port } = new URL(address.includes("://") ? address : `nats://${address}`);
  const host = hostname.replace(/^\[|\]$/g, "");
  const isHere = host === "localhost" || host === "::1" || host.startsWith("127.");
  return isHere || isIP(host) !== 0 ? `${isHere ? "here" : host} ${port || DEFAULT_PORT}` : undefined;
}
