/** What pulling waves costs, beside our own push handler. */

import type { Resonance } from "@aether/core";
import { burstTrial } from "../burst-trial.ts";
import { order } from "../order.ts";
import { connect } from "../peers/aether.ts";
import type { Contestant, Row } from "../row.ts";
import { Tally } from "../tally.ts";
import { BURST } from "../traffic.ts";

/** Counts waves until the resonance is closed. */
type Reader = (resonance: Resonance, tally: Tally) => Promise<void>;

function contestant(name: string, read?: Reader): Contestant {
  return {
    name,
    async open() {
      const aether = await connect("explicit");
      const tally = new Tally();
      const listener = aether.vibrator("listener");
      const resonance = read
        ? await listener.resonateOn("orders.*")
        : await listener.resonateOn("orders.*", tally.syncHandler());
      const reading = read?.(resonance, tally);
      const emitter = aether.vibrator("emitter");
      return burstTrial(
        tally,
        () => emitter.emit("orders.created", order),
        async () => {
          await resonance.close();
          await reading;
          await aether.close();
        },
      );
    },
  };
}

const pull: Row = {
  name: "pull",
  work: `wave from emit to reader, bursts of ${BURST}`,
  unit: "ops/s",
  apart: false,
  contestants: [
    contestant("for await", async (resonance, tally) => {
      for await (const _ of resonance) tally.add(1);
    }),
    contestant("batches()", async (resonance, tally) => {
      for await (const waves of resonance.batches()) tally.add(waves.length);
    }),
    contestant("push handler"),
  ],
  bars: [
    { ours: "for await", peers: ["push handler"], atLeast: 0.4 },
    { ours: "batches()", peers: ["push handler"], atLeast: 0.65 },
  ],
};

export const pullRows: readonly Row[] = [pull];
