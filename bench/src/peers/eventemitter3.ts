/** eventemitter3: no wildcards, no promises; the floor of what a call costs. */

import type { Peer } from "./peer.ts";

export async function openEventEmitter3(): Promise<Peer> {
  const { EventEmitter } = await import("eventemitter3");
  const emitter = new EventEmitter();
  return {
    promises: false,
    async listen(channels, handler) {
      for (const channel of channels) emitter.on(channel, handler);
    },
    emit: (channel, payload) => emitter.emit(channel, payload),
    async close() {
      emitter.removeAllListeners();
    },
  };
}
