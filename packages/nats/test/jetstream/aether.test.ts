import { Aether } from "@aether/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { natsMedium } from "../../src/index.ts";
import { NatsServer, VERSIONS } from "../nats-server.ts";
import { until } from "../until.ts";
import { done, Hand, member } from "./members.ts";

describe.each(VERSIONS)("an aether on NATS JetStream %s", (version) => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await NatsServer.start({ version, jetstream: true });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test("records what it emits on a recorded channel, and tells where", async () => {
    const medium = natsMedium({ servers: server.url });
    await using aether = await Aether.connect({ medium, recorded: ["orders.>"] });
    await using other = await member(server.url, "aether");
    const hand = await new Hand("beta", "orders.*", 10, done).follow(other);
    const receipt = await aether.vibrator("alpha").emit("orders.created", { orderId: "1" });
    expect(receipt.outcome).toBe("travelled");
    await until(() => hand.handed.length === 1);
    expect(hand.handed[0]?.wave).toMatchObject({ payload: { orderId: "1" }, position: receipt.position });
  });
});
