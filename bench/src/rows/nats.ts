/** Over a nats-server on this machine: emitter and receiver on connections of their own, side by side with the bare client. */

import type { Wave } from "@aether/core";
import type { NatsOptions } from "@aether/nats";
import { burstTrial } from "../burst-trial.ts";
import { speedTrial } from "../harness.ts";
import type { Joined } from "../peers/joined.ts";
import { joinMoleculer } from "../peers/moleculer-nats.ts";
import { useServer } from "../peers/nats-server.ts";
import { joinNest } from "../peers/nest-nats.ts";
import type { Contestant, Row, Trial } from "../row.ts";
import { Tally } from "../tally.ts";
import { BURST } from "../traffic.ts";

/** An order of 226 bytes as JSON. */
const order = {
  orderId: "o-20261027-000001",
  customer: { id: "c-884213", name: "Ada L", tier: "gold" },
  items: [
    { sku: "lamp-brass-01", quantity: 2, price: 24.9 },
    { sku: "shade-linen-7", quantity: 1, price: 9.5 },
  ],
  total: 59.3,
  currency: "EUR",
};
const CHANNEL = "orders.created";
const TIMEOUT_MS = 10_000;

/** Two aethers on one server, as in two processes. */
async function pair(
  url: string,
  options: NatsOptions = {},
): Promise<{ near: import("@aether/core").Aether; far: import("@aether/core").Aether }> {
  const { Aether } = await import("@aether/core");
  const { natsMedium } = await import("@aether/nats");
  const open = () =>
    Aether.connect({
      causality: "explicit",
      medium: natsMedium({ servers: url, ...options }),
    });
  return { near: await open(), far: await open() };
}

function aetherEmit(name: string, codec: "json" | "records"): Contestant {
  return {
    name,
    async open() {
      const server = await useServer();
      const { near, far } = await pair(server.url, { codec, namespace: `bench-${codec}`, stream: false });
      const tally = new Tally();
      const count = tally.syncHandler();
      await far.vibrator("receiver").resonateOn(CHANNEL, (wave) => {
        if ((wave.payload as typeof order).total !== order.total) throw new Error("Expected the order");
        count();
      });
      const emitter = near.vibrator("emitter");
      return burstTrial(
        tally,
        () => emitter.emit(CHANNEL, order),
        async () => {
          await Promise.all([near.close(), far.close()]);
          await server.close();
        },
      );
    },
  };
}

const rawEmit: Contestant = {
  name: "nats.js + JSON",
  async open() {
    const server = await useServer();
    const { connect } = await import("@nats-io/transport-node");
    const [near, far] = await Promise.all([connect({ servers: server.url }), connect({ servers: server.url })]);
    const tally = new Tally();
    const count = tally.syncHandler();
    far.subscribe(CHANNEL, {
      queue: "receiver",
      callback: (_, message) => {
        if (message.json<typeof order>().total !== order.total) throw new Error("Expected the order");
        count();
      },
    });
    await far.flush();
    return burstTrial(
      tally,
      async () => near.publish(CHANNEL, JSON.stringify(order)),
      async () => {
        await Promise.all([near.close(), far.close()]);
        await server.close();
      },
    );
  },
};

/** How a peer joins an emitter and a receiver. */
type Join = (url: string, channel: string, heard: (payload: typeof order) => unknown) => Promise<Joined<typeof order>>;

function joinedEmit(name: string, join: Join): Contestant {
  return {
    name,
    async open() {
      const server = await useServer();
      const tally = new Tally();
      const count = tally.syncHandler();
      const peer = await join(server.url, CHANNEL, ({ total }) => {
        if (total !== order.total) throw new Error("Expected the order");
        count();
      });
      return burstTrial(
        tally,
        () => peer.emit(order),
        async () => {
          await peer.close();
          await server.close();
        },
      );
    },
  };
}

function joinedQuery(name: string, join: Join, atOnce: number): Contestant {
  return {
    name,
    async open() {
      const server = await useServer();
      const peer = await join(server.url, CHANNEL, (payload) => payload);
      return askTrial(
        atOnce,
        async () => (await peer.ask(order, TIMEOUT_MS)).total,
        async () => {
          await peer.close();
          await server.close();
        },
      );
    },
  };
}

function aetherQuery(atOnce: number): Contestant {
  return {
    name: "aether",
    async open() {
      const server = await useServer();
      const { near, far } = await pair(server.url, { namespace: "bench-query", stream: false });
      await far.vibrator("answerer").resonateOn(CHANNEL, (wave) => wave.payload);
      const asker = near.vibrator("asker");
      return askTrial(
        atOnce,
        async () =>
          ((await asker.query(CHANNEL, order, { timeoutMs: TIMEOUT_MS })) as Wave<typeof order>).payload.total,
        async () => {
          await Promise.all([near.close(), far.close()]);
          await server.close();
        },
      );
    },
  };
}

function rawQuery(atOnce: number): Contestant {
  return {
    name: "nc.request",
    async open() {
      const server = await useServer();
      const { connect } = await import("@nats-io/transport-node");
      const [near, far] = await Promise.all([connect({ servers: server.url }), connect({ servers: server.url })]);
      far.subscribe(CHANNEL, {
        queue: "answerer",
        callback: (_, message) => {
          message.respond(JSON.stringify(message.json()));
        },
      });
      await far.flush();
      return askTrial(
        atOnce,
        async () =>
          (await near.request(CHANNEL, JSON.stringify(order), { timeout: TIMEOUT_MS })).json<typeof order>().total,
        async () => {
          await Promise.all([near.close(), far.close()]);
          await server.close();
        },
      );
    },
  };
}

function askTrial(atOnce: number, ask: () => Promise<number>, close: () => Promise<void>): Trial {
  let wrong = 0;
  return speedTrial({
    operations: BURST,
    async pass() {
      let left = BURST;
      const worker = async (): Promise<void> => {
        while (left-- > 0) {
          if ((await ask()) !== order.total) wrong++;
        }
      };
      await Promise.all(Array.from({ length: atOnce }, worker));
    },
    verify() {
      if (wrong > 0) throw new Error(`Expected the order back, got ${wrong} other answers`);
    },
    close,
  });
}

const recordedEmit: Contestant = {
  name: "aether",
  async open() {
    const server = await useServer();
    const { Aether } = await import("@aether/core");
    const { natsMedium } = await import("@aether/nats");
    const medium = natsMedium({
      servers: server.url,
      namespace: "bench-record",
      stream: { storage: "memory", maxBytes: 256 * 1024 * 1024 },
    });
    const aether = await Aether.connect({ causality: "explicit", medium, recorded: ["recorded.>"] });
    const emitter = aether.vibrator("emitter");
    return ackTrial(
      async () => (await emitter.emit("recorded.orders", order)).position !== undefined,
      async () => {
        await aether.close();
        await server.close();
      },
    );
  },
};

const rawRecord: Contestant = {
  name: "js.publish",
  async open() {
    const server = await useServer();
    const { connect } = await import("@nats-io/transport-node");
    const { jetstream, jetstreamManager, StorageType } = await import("@nats-io/jetstream");
    const nc = await connect({ servers: server.url });
    const manager = await jetstreamManager(nc);
    await manager.streams.add({
      name: "raw",
      subjects: ["raw.>"],
      storage: StorageType.Memory,
      max_bytes: 256 * 1024 * 1024,
    });
    const js = jetstream(nc);
    let n = 0;
    return ackTrial(
      async () => (await js.publish("raw.orders", JSON.stringify(order), { msgID: `id-${n++}` })).seq > 0,
      async () => {
        await nc.close();
        await server.close();
      },
    );
  },
};

function ackTrial(record: () => Promise<boolean>, close: () => Promise<void>): Trial {
  let lost = 0;
  return speedTrial({
    operations: BURST,
    async pass() {
      const acks = await Promise.all(Array.from({ length: BURST }, record));
      lost += acks.filter((kept) => !kept).length;
    },
    verify() {
      if (lost > 0) throw new Error(`Expected every record to be acknowledged, ${lost} were not`);
    },
    close,
  });
}

function emitRow(name: string, codec: "json" | "records", atLeast: number): Row {
  return {
    name,
    work: `emit over NATS, 226 B order as ${codec}, bursts of ${BURST}`,
    unit: "ops/s",
    apart: false,
    contestants: [aetherEmit("aether", codec), rawEmit],
    bars: [{ ours: "aether", peers: ["nats.js + JSON"], atLeast }],
  };
}

function queryRow(atOnce: number, atLeast: number): Row {
  return {
    name: `nats-query-${atOnce}`,
    work: `query over NATS, ${atOnce === 1 ? "one" : atOnce} at a time`,
    unit: "ops/s",
    apart: false,
    contestants: [aetherQuery(atOnce), rawQuery(atOnce)],
    bars: [{ ours: "aether", peers: ["nc.request"], atLeast }],
  };
}

/** Against frameworks, which bring their own processes' worth of code: each in a process of its own. */
function peerRow(peer: string, join: Join, atLeast: number): Row {
  return {
    name: `nats-emit-${peer}`,
    work: `emit over NATS, 226 B order, bursts of ${BURST}`,
    unit: "ops/s",
    apart: true,
    contestants: [aetherEmit("aether", "json"), joinedEmit(peer, join)],
    bars: [{ ours: "aether", peers: [peer], atLeast }],
  };
}

export const natsRows: readonly Row[] = [
  emitRow("nats-emit-json", "json", 1.4),
  emitRow("nats-emit-records", "records", 2),
  peerRow("moleculer", joinMoleculer, 2.8),
  peerRow("nest", joinNest, 3.5),
  queryRow(64, 2.5),
  queryRow(1, 0.95),
  {
    name: "nats-query-moleculer",
    work: "query over NATS, 64 at a time",
    unit: "ops/s",
    apart: true,
    contestants: [aetherQuery(64), joinedQuery("moleculer", joinMoleculer, 64)],
    bars: [{ ours: "aether", peers: ["moleculer"], atLeast: 1.3 }],
  },
  {
    name: "nats-record",
    work: `recorded emit over NATS, acknowledged, ${BURST} in flight`,
    unit: "ops/s",
    apart: false,
    contestants: [recordedEmit, rawRecord],
    bars: [{ ours: "aether", peers: ["js.publish"], atLeast: 3 }],
  },
];
