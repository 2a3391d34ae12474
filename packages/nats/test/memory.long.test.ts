import { Aether } from "@aether/core";
import { expect, test } from "vitest";
import { natsMedium } from "../src/index.ts";
import { NatsServer, VERSIONS } from "./nats-server.ts";
import { emitsInto, hearsFrom, SLACK_BYTES } from "./pressure.ts";

const MIB = 1024 * 1024;
const DEFAULT_OUTBOX_BYTES = 64 * MIB;

test.each(VERSIONS)(
  "20,000 emits a second for ten seconds without a server %s stay within the outbox",
  async (version) => {
    await using server = await NatsServer.start({ version, jetstream: true });
    for (const recorded of [false, true]) {
      const flood = { what: "emits", rate: 20_000, seconds: 10, bytes: 1000, recorded } as const;
      const { away, end } = await emitsInto(server, flood);
      process.stdout.write(`memory ${version}: ${JSON.stringify(away)}\n`);
      expect(end).toMatchObject({ unknown: 0 });
      expect(away["grown"]).toBeLessThan(DEFAULT_OUTBOX_BYTES + SLACK_BYTES);
    }
  },
);

test.each(VERSIONS)("200,000 waves of 1 KiB for a slow consumer on %s stay within its inbox", async (version) => {
  await using server = await NatsServer.start({ version });
  const waves = 200_000;
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
  process.stdout.write(`memory ${version}: ${JSON.stringify(told)}\n`);
  const { received, delivered, queued, evicted, grown } = told;
  expect(received).toBe(waves);
  expect(Number(delivered) + Number(queued) + Number(evicted)).toBe(waves);
  expect(grown).toBeLessThan(10_000 * bytes + SLACK_BYTES);
});
