/** Many wildcard patterns, of which each wave matches exactly one. */

import { speedTrial } from "../harness.ts";
import { type Causality, openAether } from "../peers/aether.ts";
import { openEventEmitter2 } from "../peers/eventemitter2.ts";
import { openMoleculer } from "../peers/moleculer.ts";
import type { Peer } from "../peers/peer.ts";
import type { Contestant, Row } from "../row.ts";
import { Tally } from "../tally.ts";
import { BURST, together, wander } from "../traffic.ts";

const HOT_CHANNELS = 512;

function contestant(name: string, openPeer: () => Promise<Peer>, patterns: number): Contestant {
  return {
    name,
    async open() {
      const peer = await openPeer();
      const tally = new Tally();
      await peer.listen(
        Array.from({ length: patterns }, (_, tenant) => `tenant${tenant}.orders.*`),
        tally.syncHandler(),
      );
      const burst = together(peer, wander(hotChannels(patterns)));
      return speedTrial({
        operations: BURST,
        async pass() {
          await burst();
          await tally.reach(BURST);
        },
        verify: () => tally.verify(),
        close: () => peer.close(),
      });
    },
  };
}

function hotChannels(patterns: number): string[] {
  const stride = patterns / HOT_CHANNELS;
  return Array.from({ length: HOT_CHANNELS }, (_, i) => `tenant${Math.floor(i * stride)}.orders.created`);
}

function thousand(causality: Causality, name: string, vsMoleculer: number, vsEmitter2: number): Row {
  return {
    name,
    work: `emit that matches one of 1,000 patterns, ${causality} causality`,
    unit: "ops/s",
    apart: causality === "implicit",
    contestants: [
      contestant("aether", () => openAether(causality), 1_000),
      contestant("moleculer emit", () => openMoleculer("emit"), 1_000),
      contestant("moleculer broadcastLocal", () => openMoleculer("broadcastLocal"), 1_000),
      contestant("eventemitter2", openEventEmitter2, 1_000),
    ],
    bars: [
      { ours: "aether", peers: ["moleculer emit", "moleculer broadcastLocal"], atLeast: vsMoleculer },
      { ours: "aether", peers: ["eventemitter2"], atLeast: vsEmitter2 },
    ],
  };
}

const hundredThousand: Row = {
  name: "patterns-100000",
  work: `emit that matches one of 100,000 patterns, ${HOT_CHANNELS} hot channels`,
  unit: "ops/s",
  apart: false,
  contestants: [
    contestant("100,000 patterns", () => openAether("explicit"), 100_000),
    contestant("1,000 patterns", () => openAether("explicit"), 1_000),
  ],
  bars: [{ ours: "100,000 patterns", peers: ["1,000 patterns"], atLeast: 0.25 }],
};

export const patternRows: readonly Row[] = [
  thousand("explicit", "patterns-1000", 300, 2),
  thousand("implicit", "patterns-implicit-1000", 150, 1),
  hundredThousand,
];
