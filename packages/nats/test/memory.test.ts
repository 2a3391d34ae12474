import { Aether } from "@aether/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { natsMedium } from "../src/index.ts";
import { NatsServer } from "./nats-server.ts";
import { emitsInto, hearsFrom, SLACK_BYTES } from "./pressure.ts";

const OUTBOX_BYTES = 32 * 1024 * 1024;

let server: NatsServer;

beforeEach(async () => {
  server = await NatsServer.start();
});
afterEach(() => server[Symbol.asyncDispose]());

test("emits without a server, 20,000 a second for two seconds, stay within the outbox, and each has a verdict", async () => {
  const outbox = { bytes: OUTBOX_BYTES };
  const { away, end } = await emitsInto(server, { what: "emits", rate: 20_000, seconds: 2, bytes: 1000, outbox });
  process.stdout.write(`memory: ${JSON.stringify(away)}\n`);
  expect(end).toMatchObject({ unknown: 0 });
  expect(Object.keys(end["verdicts"] ?? {}).sort()).toEqual(["AETHER_DISCONNECTED", "sent"]);
  expect(away["grown"]).toBeLessThan(OUTBOX_BYTES + SLACK_BYTES);
}, 60_000);

test("a consumer that is a hundred times slower than 20,000 waves stays within its inbox, and counts each", async () => {
  const waves = 20_000;
  const bytes = 1024;
  const told = await hearsFrom(server, { what: "hears", waves, bytes }, async () => {
    const aether = await Aether.connect({ medium: natsMedium({ servers: server.url, stream: false }) });
    const emitter = aether.vibrator("alpha");
    const payload = "x".repeat(bytes);
    for (let i = 0; i < waves; i++) {
      await emitter.emit("a", payload, { amplitude: (1 + (i % 9)) / 10 });
    }
    await aether.close();
  });
  process.stdout.write(`memory: ${JSON.stringify(told)}\n`);
  const { received, delivered, queued, evicted, grown } = told;
  expect(received).toBe(waves);
  expect(Number(delivered) + Number(queued) + Number(evicted)).toBe(waves);
  expect(grown).toBeLessThan(10_000 * bytes + SLACK_BYTES);
}, 60_000);
