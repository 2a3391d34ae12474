import { mediumConformance } from "@aether/testing";
import { afterAll, beforeAll, describe, test } from "vitest";
import { natsMedium } from "../../src/index.ts";
import { NatsServer, VERSIONS } from "../nats-server.ts";

describe.each(VERSIONS)("NATS JetStream on server %s", (version) => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await NatsServer.start({ version, jetstream: true });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  mediumConformance(() => natsMedium({ servers: server.url }), { test });
});
