/** What a noise floor costs that follows the load, while it sheds nothing. */

import { burstTrial } from "../burst-trial.ts";
import { order } from "../order.ts";
import { connect } from "../peers/aether.ts";
import type { Contestant, Row } from "../row.ts";
import { Tally } from "../tally.ts";
import { BURST } from "../traffic.ts";

interface Listening {
  readonly noiseFloor?: { readonly targetMs: number };
  readonly echo?: false;
}

function contestant(name: string, options: Listening): Contestant {
  return {
    name,
    async open() {
      const aether = await connect("explicit");
      const tally = new Tally();
      await aether.vibrator("listener").resonateOn("orders.*", tally.syncHandler(), options);
      const emitter = aether.vibrator("emitter");
      return burstTrial(
        tally,
        () => emitter.emit("orders.created", order),
        () => aether.close(),
      );
    },
  };
}

const floor: Row = {
  name: "floor",
  work: `emit 1→1, bursts of ${BURST}, by the noise floor of the listener`,
  unit: "ops/s",
  apart: false,
  contestants: [
    // A target that no pause of the machine reaches: a floor that sheds would do less work, not slower work.
    contestant("adaptive", { noiseFloor: { targetMs: 60_000 } }),
    contestant("static, each looked at", { echo: false }),
    contestant("static, in runs", {}),
  ],
  bars: [
    { ours: "adaptive", peers: ["static, each looked at"] },
    { ours: "adaptive", peers: ["static, in runs"] },
  ],
};

export const floorRows: readonly Row[] = [floor];
