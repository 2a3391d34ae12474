/** What idle subscriptions weigh, and whether traffic leaves anything behind. */

import { setImmediate as turn } from "node:timers/promises";
import { order } from "../order.ts";
import { connect, openAether } from "../peers/aether.ts";
import { openEventEmitter2 } from "../peers/eventemitter2.ts";
import type { Peer } from "../peers/peer.ts";
import type { Contestant, Row } from "../row.ts";
import { Tally } from "../tally.ts";
import { BURST } from "../traffic.ts";

const SUBSCRIPTIONS = 100_000;
const WAVES = 5_000_000;
const WARM_UP_WAVES = 200_000;

/** Bytes held by objects and buffers once the garbage is gone. */
async function heldBytes(): Promise<number> {
  if (!globalThis.gc) throw new Error("Expected node to run with --expose-gc");
  for (let i = 0; i < 3; i++) {
    await turn();
    globalThis.gc();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function idle(name: string, openPeer: () => Promise<Peer>): Contestant {
  return {
    name,
    async open() {
      const peer = await openPeer();
      const handler = (): void => {};
      const patterns = Array.from({ length: SUBSCRIPTIONS }, (_, i) => `device${i}.reading.*`);
      return {
        async sample() {
          const before = await heldBytes();
          await peer.listen(patterns, handler);
          return ((await heldBytes()) - before) / SUBSCRIPTIONS;
        },
        close: () => peer.close(),
      };
    },
  };
}

const flat: Contestant = {
  name: "aether",
  async open() {
    const aether = await connect("explicit");
    const tally = new Tally();
    await aether.vibrator("listener").resonateOn("orders.*", tally.syncHandler());
    const emitter = aether.vibrator("emitter");

    async function emitWaves(waves: number): Promise<void> {
      for (let emitted = 0; emitted < waves; emitted += BURST) {
        const sent = new Array<unknown>(BURST);
        for (let i = 0; i < BURST; i++) sent[i] = emitter.emit("orders.created", order);
        await Promise.all(sent);
        await tally.reach(BURST);
      }
    }

    return {
      async sample() {
        await emitWaves(WARM_UP_WAVES);
        const before = await heldBytes();
        await emitWaves(WAVES);
        tally.verify();
        return (await heldBytes()) - before;
      },
      close: () => aether.close(),
    };
  },
};

export const memoryRows: readonly Row[] = [
  {
    name: "memory-idle",
    work: `bytes of one of ${SUBSCRIPTIONS.toLocaleString("en")} idle subscriptions`,
    unit: "bytes",
    apart: true,
    contestants: [idle("aether", () => openAether("explicit")), idle("eventemitter2", openEventEmitter2)],
    bars: [{ ours: "aether", atMost: 1024 }, { ours: "eventemitter2" }],
  },
  {
    name: "memory-flat",
    work: `bytes left behind by ${WAVES.toLocaleString("en")} waves`,
    unit: "bytes",
    apart: true,
    contestants: [flat],
    bars: [{ ours: "aether", atMost: 1024 * 1024 }],
  },
];
