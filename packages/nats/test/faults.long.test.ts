import { setTimeout as pause } from "node:timers/promises";
import { Aether } from "@aether/core";
import { faultProxy } from "@aether/testing";
import { connect } from "@nats-io/transport-node";
import { describe, expect, test } from "vitest";
import { natsMedium } from "../src/index.ts";
import { NatsServer, VERSIONS } from "./nats-server.ts";
import { until } from "./until.ts";

const CLIENTS = 200;
const AWAY_MS = 35_000;

/** How often an aether was told that its connection is there, or gone. */
function watched(aether: Aether): { up: number; down: number } {
  const seen = { up: 0, down: 0 };
  aether.on("connected", () => void seen.up++);
  aether.on("disconnected", () => void seen.down++);
  return seen;
}

describe.each(VERSIONS)("a server %s that is away for long", (version) => {
  test("has all its clients back, but for the bare one, which has given up", async () => {
    await using server = await NatsServer.start({ version });
    const many: Aether[] = [];
    for (let i = 0; i < CLIENTS; i++) {
      many.push(await Aether.connect({ medium: natsMedium({ servers: server.url, beatMs: 60_000, stream: false }) }));
    }
    const bare = await connect({ servers: server.url });
    bare.closed().catch(() => {});
    const seen = many.map(watched);
    await server.kill("SIGKILL");
    await until(() => seen.every(({ down }) => down === 1));
    await pause(AWAY_MS);
    await server.run();
    const since = performance.now();
    await until(() => seen.every(({ up }) => up === 1), "clients that are back", 20_000);
    process.stdout.write(`storm ${version}: ${CLIENTS} back within ${Math.round(performance.now() - since)} ms\n`);
    expect(bare.isClosed()).toBe(true);
    await Promise.all(many.map((aether) => aether.close({ deadlineMs: 0 })));
  });
});

describe("a peer that is silent, by the default of a ping each second", () => {
  test.each(["up", "down", "both"] as const)("is noticed when %s is swallowed", async (swallows) => {
    await using server = await NatsServer.start();
    await using proxy = await faultProxy(server.port);
    await using aether = await Aether.connect({
      medium: natsMedium({ servers: `nats://127.0.0.1:${proxy.port}`, stream: false }),
    });
    const seen = watched(aether);
    await pause(1500);
    proxy.set({ swallows });
    const since = performance.now();
    await until(() => seen.down === 1);
    process.stdout.write(`silent (${swallows}): noticed after ${Math.round(performance.now() - since)} ms\n`);
    proxy.set({});
    await until(() => seen.up === 1, "a connection again", 15_000);
  });
});
