import { mediumConformance, recorderConformance } from "@aether/testing";
import { afterAll, beforeAll, describe, test } from "vitest";
import { natsMedium } from "../../src/index.ts";
import { NatsServer, VERSIONS } from "../nats-server.ts";

describe.each(VERSIONS)("NATS with a record on server %s", (version) => {
  let server: NatsServer;
  /** The suites make two media for a test, which are one namespace. */
  let made = 0;

  beforeAll(async () => {
    server = await NatsServer.start({ version, jetstream: true });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  mediumConformance(() => natsMedium({ servers: server.url }), { test });

  const create = () => {
    const namespace = `conformance${made++ >> 1}`;
    return natsMedium({ servers: server.url, namespace, stream: { ackWaitMs: 1000 } });
  };
  recorderConformance(create, { test });
});
