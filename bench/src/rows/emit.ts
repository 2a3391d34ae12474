/** Emitting to 1, 10 and 100 listeners, each a group of its own. */

import { speedTrial } from "../harness.ts";
import { openAether } from "../peers/aether.ts";
import { openEventEmitter2 } from "../peers/eventemitter2.ts";
import { openEventEmitter3 } from "../peers/eventemitter3.ts";
import { openMoleculer } from "../peers/moleculer.ts";
import type { CountingHandler, Peer } from "../peers/peer.ts";
import type { Contestant, RatioBar, Row } from "../row.ts";
import { Tally } from "../tally.ts";
import { always, BURST, type Burst, type Itinerary, oneByOne, together } from "../traffic.ts";

const CHANNEL = "orders.created";
const MOLECULER = ["moleculer emit", "moleculer broadcastLocal"];

interface Shape {
  readonly listeners: number;
  readonly send: (peer: Peer, itinerary: Itinerary) => Burst;
  readonly handler: (tally: Tally) => CountingHandler;
}

function contestant(name: string, openPeer: () => Promise<Peer>, shape: Shape): Contestant {
  return {
    name,
    async open() {
      const peer = await openPeer();
      const tally = new Tally();
      for (let i = 0; i < shape.listeners; i++) await peer.listen([CHANNEL], shape.handler(tally));
      const burst = shape.send(peer, always(CHANNEL));
      return speedTrial({
        operations: BURST,
        async pass() {
          await burst();
          await tally.reach(BURST * shape.listeners);
        },
        verify: () => tally.verify(),
        close: () => peer.close(),
      });
    },
  };
}

function moleculers(shape: Shape): Contestant[] {
  return [
    contestant("moleculer emit", () => openMoleculer("emit"), shape),
    contestant("moleculer broadcastLocal", () => openMoleculer("broadcastLocal"), shape),
  ];
}

function bursts(listeners: number): Shape {
  return { listeners, send: together, handler: (tally) => tally.syncHandler() };
}

function explicit(listeners: number, atLeast: number, stretch: number, emitter2: Pick<RatioBar, "atLeast">): Row {
  const shape = bursts(listeners);
  return {
    name: `emit-1-${listeners}`,
    work: `emit 1→${listeners}, bursts of ${BURST}`,
    unit: "ops/s",
    apart: false,
    contestants: [
      contestant("aether", () => openAether("explicit"), shape),
      ...moleculers(shape),
      contestant("eventemitter2", openEventEmitter2, shape),
      contestant("eventemitter3", openEventEmitter3, shape),
    ],
    bars: [
      { ours: "aether", peers: MOLECULER, atLeast, stretch },
      { ours: "aether", peers: ["eventemitter2"], ...emitter2 },
      { ours: "aether", peers: ["eventemitter3"] },
    ],
  };
}

function implicit(listeners: number, atLeast: number): Row {
  const shape = bursts(listeners);
  return {
    name: `emit-implicit-1-${listeners}`,
    work: `emit 1→${listeners}, bursts of ${BURST}, implicit causality`,
    unit: "ops/s",
    apart: true,
    contestants: [contestant("aether", () => openAether("implicit"), shape), ...moleculers(shape)],
    bars: [{ ours: "aether", peers: MOLECULER, atLeast }],
  };
}

function awaited(listeners: number, handlers: "sync" | "async", atLeast: number): Row {
  const shape: Shape = {
    listeners,
    send: oneByOne,
    handler: (tally) => (handlers === "sync" ? tally.syncHandler() : tally.asyncHandler()),
  };
  return {
    name: `emit-awaited-${handlers}-1-${listeners}`,
    work: `emit 1→${listeners}, each awaited, ${handlers} handlers`,
    unit: "ops/s",
    apart: false,
    contestants: [contestant("aether", () => openAether("explicit"), shape), ...moleculers(shape)],
    bars: [{ ours: "aether", peers: MOLECULER, atLeast }],
  };
}

export const emitRows: readonly Row[] = [
  explicit(1, 8, 10, { atLeast: 1 }),
  explicit(10, 30, 40, {}),
  explicit(100, 80, 100, { atLeast: 1 }),
  implicit(1, 5),
  implicit(10, 15),
  implicit(100, 30),
  awaited(1, "sync", 3),
  awaited(10, "sync", 4),
  awaited(100, "sync", 5),
  awaited(1, "async", 3),
  awaited(10, "async", 4),
  awaited(100, "async", 5),
];
