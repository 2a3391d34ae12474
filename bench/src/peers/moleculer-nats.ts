/** moleculer on two nodes that a nats-server joins, without logger, cacher, metrics and tracing. */

import type { Context, ServiceBroker } from "moleculer";
import type { Joined } from "./joined.ts";

export async function joinMoleculer<T>(
  url: string,
  channel: string,
  heard: (payload: T) => unknown,
): Promise<Joined<T>> {
  const { ServiceBroker } = await import("moleculer");
  const open = (nodeID: string): ServiceBroker =>
    new ServiceBroker({
      nodeID,
      transporter: { type: "NATS", options: { url } },
      logger: false,
      metrics: false,
      tracing: false,
    });
  const [near, far] = [open("near"), open("far")];
  const [service = "", action = ""] = channel.split(".");
  const answer = ({ params }: Context<T>): unknown => heard(params);
  const take = ({ params }: Context<T>): void => {
    heard(params);
  };
  far.createService({
    name: service,
    events: { [channel]: { handler: take } },
    actions: { [action]: { handler: answer } },
  });
  await Promise.all([near.start(), far.start()]);
  await near.waitForServices(service, 60_000, 10);
  return {
    emit: (payload) => near.emit(channel, payload),
    ask: (payload, timeout) => near.call<T, T>(channel, payload, { timeout }),
    async close() {
      await near.stop();
      await far.stop();
    },
  };
}
