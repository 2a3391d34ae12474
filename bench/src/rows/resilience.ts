/** What policies cost the handlers that they stand around: those that take no time, and those that are awaited. */

import { burstTrial } from "../burst-trial.ts";
import { order } from "../order.ts";
import type { Contestant, Row } from "../row.ts";
import { Tally } from "../tally.ts";
import { BURST } from "../traffic.ts";

/** A run by the default configuration: the breaker and retries around every handler, unless they are left out. */
function contestant(name: string, handler: "syncHandler" | "asyncHandler", resilience: undefined | false): Contestant {
  return {
    name,
    async open() {
      const { defineService, loadConfig, runService } = await import("@aether/service");
      const { config } = loadConfig("bench", {
        cwd: "/nonexistent",
        env: {},
        flags: { "operations.health_enabled": false, "logging.level": "silent", "resource_monitoring.enabled": false },
      });
      const tally = new Tally();
      const listener = defineService("listener", async ({ vibrator }) => {
        await vibrator.resonateOn("orders.*", tally[handler]());
      });
      const run = await runService(listener, { config, resilience, causality: "explicit" });
      const emitter = run.aether.vibrator("emitter");
      return burstTrial(
        tally,
        () => emitter.emit("orders.created", order),
        () => run.close(),
      );
    },
  };
}

const row: Row = {
  name: "resilience",
  work: `emit 1→1, bursts of ${BURST}, with the policies of the default configuration and without any`,
  unit: "ops/s",
  apart: true,
  contestants: [
    contestant("on", "syncHandler", undefined),
    contestant("off", "syncHandler", false),
    contestant("on, async", "asyncHandler", undefined),
    contestant("off, async", "asyncHandler", false),
  ],
  bars: [
    { ours: "on", peers: ["off"] },
    { ours: "on, async", peers: ["off, async"] },
  ],
};

export const resilienceRows: readonly Row[] = [row];
