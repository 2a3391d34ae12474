/** What it costs a wave to be looked at, and that it costs nothing once nobody looks any more. */

import type { Aether } from "@aether/core";
import { burstTrial } from "../burst-trial.ts";
import { order } from "../order.ts";
import { connect } from "../peers/aether.ts";
import type { Contestant, Row } from "../row.ts";
import { Tally } from "../tally.ts";
import { BURST } from "../traffic.ts";

/** Spans that nobody receives: what is measured is what is done for them here. */
const nowhere = {
  export: (_spans: unknown, done: (result: { code: number }) => void): void => done({ code: 0 }),
  shutdown: async (): Promise<void> => {},
};

async function telemetry() {
  return await import("@aether/telemetry");
}

function contestant(name: string, look: (aether: Aether) => Promise<void>): Contestant {
  return {
    name,
    async open() {
      const aether = await connect("explicit");
      await look(aether);
      const tally = new Tally();
      await aether.vibrator("listener").resonateOn("orders.*", tally.syncHandler());
      const emitter = aether.vibrator("emitter");
      return burstTrial(
        tally,
        () => emitter.emit("orders.created", order),
        () => aether.close(),
      );
    },
  };
}

const row: Row = {
  name: "telemetry",
  work: `emit 1→1, bursts of ${BURST}, by who looks on`,
  unit: "ops/s",
  apart: true,
  contestants: [
    contestant("nobody", async () => {}),
    contestant("nobody any more", async (aether) => {
      const { prometheus, tracing } = await telemetry();
      prometheus(aether).close();
      await tracing(aether, { serviceName: "bench", exporter: nowhere }).close();
    }),
    contestant("metrics, counts", async (aether) => {
      (await telemetry()).prometheus(aether, { durations: false });
    }),
    contestant("metrics, durations too", async (aether) => {
      (await telemetry()).prometheus(aether);
    }),
    contestant("traces, 1 % kept", async (aether) => {
      (await telemetry()).tracing(aether, { serviceName: "bench", exporter: nowhere, sampling: 0.01 });
    }),
    contestant("traces, all kept", async (aether) => {
      (await telemetry()).tracing(aether, { serviceName: "bench", exporter: nowhere });
    }),
  ],
  bars: [
    { ours: "nobody any more", peers: ["nobody"], atLeast: 0.95 },
    { ours: "metrics, counts", peers: ["nobody"], atLeast: 0.95 },
    { ours: "metrics, durations too", peers: ["nobody"] },
    { ours: "traces, 1 % kept", peers: ["nobody"] },
    { ours: "traces, all kept", peers: ["nobody"] },
  ],
};

export const telemetryRows: readonly Row[] = [row];
