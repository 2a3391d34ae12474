/** eventemitter2 with wildcards, by its plain synchronous emit. */

import type { Peer } from "./peer.ts";

export async function openEventEmitter2(): Promise<Peer> {
  const { default: library } = await import("eventemitter2");
  const emitter = new library.EventEmitter2({ wildcard: true, delimiter: ".", maxListeners: 0 });
  return {
    promises: false,
    async listen(patterns, handler) {
      for (const pattern of patterns) emitter.on(pattern, handler);
    },
    emit: (channel, payload) => emitter.emit(channel, payload),
    async close() {
      emitter.removeAllListeners();
    },
  };
}
