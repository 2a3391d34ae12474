/** What causality costs: a chain of two, where the handler of the first wave emits the second. */

import { burstTrial } from "../burst-trial.ts";
import { type Order, order } from "../order.ts";
import { type Causality, connect } from "../peers/aether.ts";
import type { Contestant, Row } from "../row.ts";
import { Tally } from "../tally.ts";

interface Emitter {
  emit(channel: string, payload: Order): Promise<unknown>;
}

type EmitSecond = (vibrator: Emitter, ctx: Emitter) => Promise<unknown>;

function contestant(name: string, causality: Causality, emitSecond: EmitSecond): Contestant {
  return {
    name,
    async open() {
      const aether = await connect(causality);
      const tally = new Tally();
      const middle = aether.vibrator("middle");
      await middle.resonateOn("orders.created", async (_, ctx) => {
        await emitSecond(middle, ctx);
      });
      await aether.vibrator("end").resonateOn("inventory.check", tally.syncHandler());
      const emitter = aether.vibrator("emitter");
      return burstTrial(
        tally,
        () => emitter.emit("orders.created", order),
        () => aether.close(),
      );
    },
  };
}

const causality: Row = {
  name: "causality",
  work: "chain of two waves, the first one's handler emits the second",
  unit: "ops/s",
  apart: true,
  contestants: [
    contestant("ctx.emit", "explicit", (_, ctx) => ctx.emit("inventory.check", order)),
    contestant("implicit", "implicit", (vibrator) => vibrator.emit("inventory.check", order)),
    contestant("no causality", "explicit", (vibrator) => vibrator.emit("inventory.check", order)),
  ],
  bars: [
    { ours: "ctx.emit", peers: ["no causality"] },
    { ours: "implicit", peers: ["no causality"] },
  ],
};

export const causalityRows: readonly Row[] = [causality];
