/** What a noise floor at the server saves a subscriber, when nine of ten waves are below it. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { order } from "../order.ts";
import { useServer } from "../peers/nats-server.ts";
import type { Contestant, Row } from "../row.ts";
import type { SubscriberCall, SubscriberTask, SubscriberUsage } from "../subscriber.ts";

const CHANNEL = "readings.taken";
const LOUD = 0.9;
/** Below both floors. */
const QUIET = 0.1;
const BATCH = 500;
/** After so many batches the emitter waits for the subscriber. Each time costs that a message from process to process. */
const BATCHES_AHEAD = 10;
/** A sample takes no less: what the telling costs must not count. */
const LEAST_WAVES = 20_000;
const PATIENCE_MS = 20_000;
/** How long after the last loud wave quiet ones may be read that came behind it. */
const SETTLING_MS = 10;

/** Resolves to the usage of the subscriber once it has heard `heard` waves in all. */
async function usageAt(child: ChildProcess, heard: number): Promise<SubscriberUsage> {
  const told = once(child, "message", { signal: AbortSignal.timeout(PATIENCE_MS) });
  child.send({ once: heard } satisfies SubscriberCall);
  const [usage] = await told;
  return usage as SubscriberUsage;
}

/**
 * A subscriber whose floor is `noiseFloor`: both drop the same waves. Below 1/8 the medium subscribes to every band and
 * the floor is looked at in the process; above, the server keeps the quiet bands away.
 */
function subscriber(name: string, noiseFloor: number): Contestant {
  return {
    name,
    async open() {
      const server = await useServer();
      const namespace = `bench-floor-${noiseFloor * 100}`;
      const { Aether } = await import("@aether/core");
      const { natsMedium } = await import("@aether/nats");
      const medium = natsMedium({ servers: server.url, namespace, stream: false });
      const aether = await Aether.connect({ causality: "explicit", medium });
      const task: SubscriberTask = { url: server.url, namespace, channel: CHANNEL, noiseFloor };
      const child = fork(fileURLToPath(new URL("../subscriber.js", import.meta.url)), [JSON.stringify(task)]);
      await once(child, "message");
      const emitter = aether.vibrator("emitter");

      /** Emits one batch, of which one wave in ten is loud; resolves to how many are. */
      async function emitBatch(): Promise<number> {
        const sent: Promise<unknown>[] = [];
        for (let i = 0; i < BATCH; i++)
          sent.push(emitter.emit(CHANNEL, order, { amplitude: i % 10 === 0 ? LOUD : QUIET }));
        await Promise.all(sent);
        return BATCH / 10;
      }

      return {
        async sample(sampleMs) {
          const before = await usageAt(child, 0);
          const endsAt = performance.now() + sampleMs;
          let loud = 0;
          let emitted = 0;
          do {
            loud += await emitBatch();
            emitted += BATCH;
            if (emitted % (BATCHES_AHEAD * BATCH) === 0) await usageAt(child, before.heard + loud);
          } while (performance.now() < endsAt || emitted < LEAST_WAVES);
          await usageAt(child, before.heard + loud);
          await sleep(SETTLING_MS);
          const usage = await usageAt(child, 0);
          if (usage.heard !== before.heard + loud) throw new Error(`Expected ${loud} loud waves, heard more`);
          return emitted / ((usage.cpu - before.cpu) / 1e6);
        },
        async close() {
          const ended = once(child, "exit");
          child.disconnect();
          await ended;
          await aether.close();
          await server.close();
        },
      };
    },
  };
}

export const natsFloorRows: readonly Row[] = [
  {
    name: "nats-floor",
    work: "waves that pass a subscriber in a second of its CPU time, 90 % of them below its floor",
    unit: "ops/s",
    apart: false,
    contestants: [subscriber("at the server", 0.5), subscriber("in the process", 0.12)],
    bars: [{ ours: "at the server", peers: ["in the process"], atLeast: 2 }],
  },
];
