/** nest: a microservice with one controller on a nats-server, and a client of it. Decorators are called by hand. */

import type { Joined } from "./joined.ts";

export async function joinNest<T>(url: string, channel: string, heard: (payload: T) => unknown): Promise<Joined<T>> {
  await import("reflect-metadata");
  const { Controller, Module } = await import("@nestjs/common");
  const { NestFactory } = await import("@nestjs/core");
  const { ClientProxyFactory, EventPattern, MessagePattern, Transport } = await import("@nestjs/microservices");
  const { firstValueFrom } = await import("rxjs");

  class Receiver {
    heard(payload: T): void {
      heard(payload);
    }

    asked(payload: T): unknown {
      return heard(payload);
    }
  }
  const { prototype } = Receiver;
  const decorate = (name: "heard" | "asked", decorator: MethodDecorator): void => {
    decorator(prototype, name, Object.getOwnPropertyDescriptor(prototype, name) ?? {});
  };
  decorate("heard", EventPattern(channel));
  decorate("asked", MessagePattern(`${channel}.asked`));
  Controller()(Receiver);
  class Root {}
  Module({ controllers: [Receiver] })(Root);

  const options = { servers: [url], queue: "receiver" };
  const far = await NestFactory.createMicroservice(Root, { transport: Transport.NATS, options, logger: false });
  await far.listen();
  const near = ClientProxyFactory.create({ transport: Transport.NATS, options: { servers: [url] } });
  await near.connect();
  return {
    async emit(payload) {
      near.emit(channel, payload);
    },
    ask: (payload) => firstValueFrom(near.send<T, T>(`${channel}.asked`, payload)),
    async close() {
      await near.close();
      await far.close();
    },
  };
}
