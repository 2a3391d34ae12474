/** What diffraction costs: a group of three that is well, with and without it. */

import type { Aether } from "@aether/core";
import { burstTrial } from "../burst-trial.ts";
import { order } from "../order.ts";
import { connect } from "../peers/aether.ts";
import type { Contestant, Row } from "../row.ts";
import { Tally } from "../tally.ts";

const MEMBERS = 3;

function contestant(name: string, diffraction: boolean, key?: string): Contestant {
  return {
    name,
    async open() {
      const aether: Aether = await connect("explicit", { diffraction });
      const tally = new Tally();
      for (let i = 0; i < MEMBERS; i++)
        await aether.vibrator("member").resonateOn("orders.created", tally.syncHandler());
      const emitter = aether.vibrator("emitter");
      const options = key === undefined ? undefined : { key };
      return burstTrial(
        tally,
        () => emitter.emit("orders.created", order, options),
        () => aether.close(),
      );
    },
  };
}

const group: Row = {
  name: "group-3",
  work: "emit to a group of three, by turns or by key",
  unit: "ops/s",
  apart: false,
  contestants: [
    contestant("diffraction", true),
    contestant("no diffraction", false),
    contestant("diffraction, keys", true, "order-1"),
    contestant("no diffraction, keys", false, "order-1"),
  ],
  bars: [
    { ours: "diffraction", peers: ["no diffraction"] },
    { ours: "diffraction, keys", peers: ["no diffraction, keys"] },
  ],
};

export const groupRows: readonly Row[] = [group];
