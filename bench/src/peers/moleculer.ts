/** moleculer without transporter, logger, cacher, metrics and tracing: the lightest it can be. */

import type { ServiceBroker, ServiceSchema } from "moleculer";
import type { AskingPeer, Peer } from "./peer.ts";

/** `emit` picks one service of a group, `broadcastLocal` calls all; with one service a group they mean the same. */
export type EmitMode = "emit" | "broadcastLocal";

export async function openMoleculer(mode: EmitMode): Promise<Peer & AskingPeer> {
  const broker = await startBroker();
  let services = 0;
  return {
    promises: true,
    async listen(patterns, handler) {
      const events = Object.fromEntries(patterns.map((pattern) => [pattern, { handler: () => handler() }]));
      await start(broker, { name: `listener-${services++}`, events });
    },
    emit: (channel, payload) => broker[mode](channel, payload),
    async answer(channel, reply) {
      const [service = "", action = ""] = channel.split(".");
      await start(broker, { name: service, actions: { [action]: { handler: () => reply() } } });
    },
    ask: (channel, payload, timeoutMs) => broker.call(channel, payload, { timeout: timeoutMs }),
    read: (answer) => answer,
    close: () => broker.stop(),
  };
}

async function startBroker(): Promise<ServiceBroker> {
  const { ServiceBroker } = await import("moleculer");
  const broker = new ServiceBroker({ logger: false, metrics: false, tracing: false });
  await broker.start();
  return broker;
}

async function start(broker: ServiceBroker, schema: ServiceSchema): Promise<void> {
  broker.createService(schema);
  await broker.waitForServices(schema.name, 60_000, 1);
}
