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

  test("waits, as it closes, for what it has emitted", async () => {
    const medium = natsMedium({ servers: server.url, namespace: "closing" });
    const aether = await Aether.connect({ medium, recorded: ["orders.>"] });
    const alpha = aether.vibrator("alpha");
    const emits = Array.from({ length: 20 }, (_, at) => alpha.emit("orders.created", at));
    await aether.close();
    expect(new Set((await Promise.all(emits)).map(({ position }) => position)).size).toBe(20);
  });

  test("hands waves of one channel and band over in order, however often it is paused", async () => {
    const medium = natsMedium({ servers: server.url, namespace: "pausing" });
    await using aether = await Aether.connect({ medium, recorded: ["orders.>"] });
    const alpha = aether.vibrator("alpha");
    const heard: unknown[] = [];
    const resonance = await aether.vibrator("beta").resonateOn("orders.*", ({ payload }) => void heard.push(payload));
    const rounds = 10;
    for (let round = 0; round < rounds; round++) {
      resonance.pause();
      for (let at = 0; at < 5; at++) {
        await alpha.emit("orders.created", 5 * round + at);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
      resonance.resume();
      await until(() => heard.length === 5 * (round + 1));
    }
    expect(heard).toEqual(Array.from({ length: 5 * rounds }, (_, at) => at));
  });

  test("leaves waves to others of its group while it is paused", async () => {
    const medium = natsMedium({ servers: server.url, namespace: "leaving" });
    await using aether = await Aether.connect({ medium, recorded: ["orders.>"] });
    await using other = await Aether.connect({ medium });
    const heard = new Set<unknown>();
    const paused = await aether.vibrator("beta").resonateOn("orders.*", () => {});
    paused.pause();
    await other.vibrator("beta").resonateOn("orders.*", ({ payload }) => void heard.add(payload));
    const alpha = other.vibrator("alpha");
    await Promise.all(Array.from({ length: 50 }, (_, at) => alpha.emit("orders.created", at)));
    await until(() => heard.size === 50);
    expect(paused.stats().delivered).toBe(0);
  });
});
