import { Aether } from "@aether/core";
import { connect } from "@nats-io/transport-node";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { natsMedium } from "../src/index.ts";
import { NatsServer } from "./nats-server.ts";
import { emitsInto, hearsFrom, SLACK_BYTES } from "./pressure.ts";

const MIB = 1024 * 1024;

let server: NatsServer;

beforeEach(async () => {
  server = await NatsServer.start({ jetstream: true });
});
afterEach(() => server[Symbol.asyncDispose]());

describe("emits while no server is there, 20,000 a second for two seconds", () => {
  const flood = { what: "emits", rate: 20_000, seconds: 2, bytes: 1000 } as const;

  test.each([false, true])(
    "take no more memory than the outbox may, and each has a verdict (recorded: %s)",
    async (recorded) => {
      const bytes = 32 * MIB;
      const { away, end } = await emitsInto(server, { ...flood, recorded, outbox: { bytes } });
      process.stdout.write(`memory: ${JSON.stringify(away)}\n`);
      expect(end).toMatchObject({ unknown: 0 });
      expect(Object.keys(end["verdicts"] ?? {}).sort()).toEqual(["AETHER_DISCONNECTED", "sent"]);
      expect(away["grown"]).toBeLessThan(bytes + SLACK_BYTES);
    },
    90_000,
  );

  test("control: without a bound they take more", async () => {
    const outbox = { waves: 1e9, bytes: 1e12 };
    const { away } = await emitsInto(server, { ...flood, outbox });
    expect(away["grown"]).toBeGreaterThan(32 * MIB + SLACK_BYTES);
  }, 90_000);

  test("control: the bare client has no verdict on anything, and most of it is gone", async () => {
    const listener = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 20 });
    let heard = 0;
    listener.subscribe("a", { callback: () => void heard++ });
    await listener.flush();
    const { away } = await emitsInto(server, { ...flood, what: "publishes" });
    expect(away).toMatchObject({ emits: 40_000, verdicts: {} });
    await listener.flush().catch(() => {});
    expect(heard).toBeLessThan(90_000);
    await listener.close();
  }, 90_000);
});

describe("a consumer that is a hundred times slower than 40,000 waves of 1 KiB", () => {
  const flood = { waves: 40_000, bytes: 1024 } as const;

  async function sends(): Promise<void> {
    const aether = await Aether.connect({ medium: natsMedium({ servers: server.url, stream: false }) });
    const emitter = aether.vibrator("alpha");
    const payload = "x".repeat(flood.bytes);
    for (let i = 0; i < flood.waves; i++) {
      await emitter.emit("a", payload, { amplitude: (1 + (i % 9)) / 10 });
    }
    await aether.close();
  }

  test("takes no more memory than its inbox may, and counts each", async () => {
    const told = await hearsFrom(server, { what: "hears", ...flood }, sends);
    process.stdout.write(`memory: ${JSON.stringify(told)}\n`);
    const { received, delivered, queued, evicted, grown } = told;
    expect(received).toBe(flood.waves);
    expect(Number(delivered) + Number(queued) + Number(evicted)).toBe(flood.waves);
    expect(queued).toBeLessThanOrEqual(10_000);
    expect(grown).toBeLessThan(10_000 * 1024 + SLACK_BYTES);
  }, 90_000);

  test("control: the iterator of the bare client keeps everything", async () => {
    const { queued, grown } = await hearsFrom(server, { what: "iterates", ...flood }, async () => {
      const nc = await connect({ servers: server.url });
      const payload = "x".repeat(flood.bytes);
      for (let i = 0; i < flood.waves; i++) {
        nc.publish("a", payload);
      }
      await nc.flush();
      await nc.close();
    });
    expect(queued).toBeGreaterThan(flood.waves * 0.9);
    expect(grown).toBeGreaterThan(10_000 * 1024 + SLACK_BYTES);
  }, 90_000);
});
