/** Aether itself, on the in-process medium. */

import type { Aether, PhysicsOptions, Wave } from "@aether/core";
import type { AskingPeer, Peer } from "./peer.ts";

export type Causality = "explicit" | "implicit";

export async function connect(causality: Causality, physics?: PhysicsOptions): Promise<Aether> {
  const { Aether } = await import("@aether/core");
  return await Aether.connect({ causality, physics });
}

export async function openAether(causality: Causality): Promise<Peer & AskingPeer> {
  const aether = await connect(causality);
  const emitter = aether.vibrator("emitter");
  let listeners = 0;
  return {
    promises: true,
    async listen(patterns, handler) {
      const listener = aether.vibrator(`listener-${listeners++}`);
      for (const pattern of patterns) await listener.resonateOn(pattern, handler);
    },
    emit: (channel, payload) => emitter.emit(channel, payload),
    async answer(channel, reply) {
      await aether.vibrator("answerer").resonateOn(channel, reply);
    },
    ask: (channel, payload, timeoutMs) => emitter.query(channel, payload, { timeoutMs }),
    read: (answer) => (answer as Wave).payload,
    close: () => aether.close(),
  };
}
