import { recorderConformance } from "@aether/testing";
import { afterAll, beforeAll, describe, test } from "vitest";
import { natsMedium } from "../../src/index.ts";
import { NatsServer, VERSIONS } from "../nats-server.ts";

describe.each(VERSIONS)("the recorder on JetStream %s", (version) => {
  let server: NatsServer;
  let count = 0;
  /** The suite makes two media for a test, which are one namespace. */
  let made = 0;

  beforeAll(async () => {
    server = await NatsServer.start({ version, jetstream: true });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const create = () => {
    if (made++ % 2 === 0) {
      count++;
    }
    return natsMedium({ servers: server.url, namespace: `conformance${count}`, stream: { ackWaitMs: 1000 } });
  };
  recorderConformance(create, { test, deadlineMs: 5000 });
});
