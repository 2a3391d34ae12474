/** Breaking a server and its connections while waves are recorded, and counting from outside what became of them. */

import type { Wave } from "@aether/core";
import { type FaultProxy, faultProxy } from "@aether/testing";
import { AckPolicy, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { Connection } from "../../src/connection.ts";
import { Recording } from "../../src/jetstream/recording.ts";
import { Replies } from "../../src/jetstream/replies.ts";
import { Pack } from "../../src/link/pack.ts";
import { checkedOptions } from "../../src/options.ts";
import { outbound, Seal } from "../../src/wire/envelope.ts";
import { payloadWriters } from "../../src/wire/payloads.ts";
import { Slab } from "../../src/wire/slab.ts";
import { NatsServer, type Version } from "../nats-server.ts";
import { member, moment, waveOf, within } from "./members.ts";

const CHANNEL = "orders.created";
/** How long answers are lost before a connection is cut. */
const LOST_MS = 100;

/** What became of waves. */
export interface Outcome {
  /** Waves of which the client was told that they are kept. */
  readonly acknowledged: number;
  /** Those of them that are not in the stream. */
  readonly lost: readonly string[];
  /** Waves that are in the stream more than once. */
  readonly twice: readonly string[];
  /** Different positions that the client was told. */
  readonly positions: number;
  /** How often the connection was lost. */
  readonly disconnections: number;
}

/** Something that breaks. */
type Break = (server: NatsServer, proxy: FaultProxy) => Promise<void>;

/** The server dies and comes back. */
export const killed: Break = async (server) => {
  await server.kill("SIGKILL");
  await server.run();
};

/** The connection breaks after nothing has come through from the server for a moment. */
export const cut: Break = async (_server, proxy) => {
  proxy.set({ swallows: "down" });
  await new Promise<void>((resolve) => void setTimeout(resolve, LOST_MS));
  proxy.reset();
  proxy.set({});
};

/** Records `count` waves on a server that breaks, as a link does. */
export async function recorded(version: Version, count: number, breaks: readonly Break[]): Promise<Outcome> {
  await using server = await NatsServer.start({ version, jetstream: true });
  await using proxy = await faultProxy(server.port);
  await using one = await member(`nats://127.0.0.1:${proxy.port}`, "faults");
  await one.recorder.declare(["orders.>"]);
  const record = (wave: Wave): Promise<string> => one.recorder.record(wave, within(60_000));
  const log = await write(
    count,
    record,
    breaks.map((one) => () => one(server, proxy)),
  );
  return outcomeOf(log, await stored(server.url, "faults_waves"), one.disconnections);
}

/** The same without the id in the header: the stream cannot know a wave that comes again. */
export async function recordedWithoutIds(version: Version, count: number, breaks: readonly Break[]): Promise<Outcome> {
  await using server = await NatsServer.start({ version, jetstream: true });
  await using proxy = await faultProxy(server.port);
  const connection = await Connection.open(checkedOptions({ servers: `nats://127.0.0.1:${proxy.port}` }));
  const nc = await connect({ servers: server.url });
  await (await jetstreamManager(nc)).streams.add({ name: "control", subjects: ["control.>"] });
  await nc.close();
  let disconnections = 0;
  const recording = new Recording({
    connection: {
      get writable() {
        return connection.writable;
      },
      publish: (subject, data, reply) => connection.publish(subject, data, reply),
    },
    replies: new Replies(connection, "replies"),
    bounds: { waves: 100_000, bytes: 1e9 },
    now: () => moment().at,
    missed: () => {},
    epoch: () => 1,
    readEpoch: async () => 1,
  });
  connection.watch({
    connected: () => recording.flush(),
    disconnected: () => {
      disconnections++;
      recording.disconnected();
    },
    leaving: async () => {},
    denied: () => {},
  });
  const slab = new Slab();
  const record = (wave: Wave): Promise<string> => {
    const pack = new Pack(`control.${wave.channel}`, new Seal(wave.channel), { source: "a", sourceId: "a" });
    pack.add(outbound(wave, undefined, payloadWriters.json));
    const { subject, bytes } = pack;
    return recording.record(
      { wave, subject, bytes, encode: (waitedMs) => pack.encode(slab, waitedMs) },
      within(60_000),
    );
  };
  const log = await write(
    count,
    record,
    breaks.map((one) => () => one(server, proxy)),
  );
  const outcome = outcomeOf(log, await stored(server.url, "control"), disconnections);
  recording.close();
  await connection.close();
  return outcome;
}

function outcomeOf(log: Map<string, string>, found: Map<string, number>, disconnections: number): Outcome {
  return {
    acknowledged: log.size,
    lost: [...log.keys()].filter((id) => !found.has(id)),
    twice: [...found].filter(([, times]) => times > 1).map(([id]) => id),
    positions: new Set(log.values()).size,
    disconnections,
  };
}

/** How often each wave is in the stream, told by a plain client that knows nothing of Aether but where payloads say ids. */
export async function stored(url: string, stream: string): Promise<Map<string, number>> {
  const nc = await connect({ servers: url });
  const found = new Map<string, number>();
  const jsm = await jetstreamManager(nc);
  const { name, num_pending } = await jsm.consumers.add(stream, { ack_policy: AckPolicy.None, mem_storage: true });
  const inbox = nc.subscribe("checker");
  let left = num_pending;
  nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${name}`, JSON.stringify({ batch: left }), { reply: "checker" });
  for await (const message of left === 0 ? [] : inbox) {
    const id = /\{"id":"(\w+)"\}/.exec(Buffer.from(message.data).toString("latin1"))?.[1] ?? "";
    found.set(id, (found.get(id) ?? 0) + 1);
    if (--left === 0) {
      break;
    }
  }
  await nc.close();
  return found;
}

/**
 * Records `count` waves, 256 at a time, and gives the log: where each is kept, as the client was told. Whenever another
 * part of them is kept one of `breaks` happens.
 */
async function write(
  count: number,
  record: (wave: Wave) => Promise<string>,
  breaks: readonly (() => unknown)[],
): Promise<Map<string, string>> {
  const log = new Map<string, string>();
  const breaking: unknown[] = [];
  let next = 0;
  const writer = async (): Promise<void> => {
    while (next < count) {
      const id = `w${next++}`;
      log.set(id, await record(waveOf(id, CHANNEL, (next % 10) / 10)));
      if (log.size > ((breaking.length + 1) * count) / (breaks.length + 1)) {
        breaking.push(breaks[breaking.length]?.());
      }
    }
  };
  await Promise.all(Array.from({ length: 256 }, writer));
  await Promise.all(breaking);
  return log;
}
