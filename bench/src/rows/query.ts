/** Asking a local service, with a timeout. */

import { speedTrial } from "../harness.ts";
import { order } from "../order.ts";
import { openAether } from "../peers/aether.ts";
import { openMoleculer } from "../peers/moleculer.ts";
import type { AskingPeer, Stock } from "../peers/peer.ts";
import type { Contestant, Row } from "../row.ts";
import { BURST } from "../traffic.ts";

const CHANNEL = "stock.check";
const TIMEOUT_MS = 2_000;

function contestant(name: string, openPeer: () => Promise<AskingPeer>, concurrency: number): Contestant {
  return {
    name,
    async open() {
      const peer = await openPeer();
      let answered = 0;
      let read = 0;
      await peer.answer(CHANNEL, () => ({ available: true, left: ++answered }));

      async function lane(): Promise<void> {
        for (let i = 0; i < BURST / concurrency; i++) {
          const answer = peer.read(await peer.ask(CHANNEL, order, TIMEOUT_MS)) as Stock;
          if (answer.available) read++;
        }
      }

      let asked = 0;
      return speedTrial({
        operations: BURST,
        async pass() {
          asked += BURST;
          await Promise.all(Array.from({ length: concurrency }, lane));
        },
        verify() {
          if (answered !== asked || read !== asked) {
            throw new Error(`Asked ${asked} times, ${answered} were answered and ${read} answers read`);
          }
        },
        close: () => peer.close(),
      });
    },
  };
}

function query(concurrency: number): Row {
  return {
    name: `query-${concurrency}`,
    work: `query with a timeout, ${concurrency} in flight`,
    unit: "ops/s",
    apart: false,
    contestants: [
      contestant("aether", () => openAether("explicit"), concurrency),
      contestant("moleculer call", () => openMoleculer("emit"), concurrency),
    ],
    bars: [{ ours: "aether", peers: ["moleculer call"], atLeast: 1.2 }],
  };
}

export const queryRows: readonly Row[] = [query(1), query(64)];
