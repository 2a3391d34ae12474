/** Breaking a cluster while waves are recorded and handled, and counting from outside what became of them. */

import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Aether, AetherError } from "@aether/core";
import { jetstream } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { type NatsOptions, natsMedium } from "../../src/index.ts";
import { NatsCluster } from "../nats-cluster.ts";
import type { Version } from "../nats-server.ts";
import { stored } from "./breaks.ts";

const NAMESPACE = "cluster";
const STREAM = `${NAMESPACE}_waves`;
const CHANNEL = "orders.created";
const WRITERS = 32;
/** Between two waves of one writer. */
const PACE_MS = 10;
/** How long waves are recorded before it breaks, and once all is well again. */
const CALM_MS = 500;
const PATIENCE_MS = 40_000;
const FROZEN_MS = 1500;

/** Something that breaks, and is mended before it resolves. */
export type Fault = (cluster: NatsCluster, stream: string) => Promise<void>;

/** What became of waves. */
export interface ClusterOutcome {
  /** Waves of which their emitter was told that they are kept. */
  readonly acknowledged: number;
  /** Emits that rejected, by code. */
  readonly rejected: readonly string[];
  /** Acknowledged waves that are not in the stream. */
  readonly lost: readonly string[];
  /** Acknowledged waves that the group which was there all the time has not handled. */
  readonly unhandled: readonly string[];
  /** Waves that this group has handled more than once. */
  readonly handledTwice: readonly string[];
  /** Waves that are in the stream more than once. */
  readonly storedTwice: readonly string[];
  /** The longest time, in milliseconds, in which nothing was acknowledged. */
  readonly gapMs: number;
}

/** The leader dies, the others go on, it comes back. */
export const leaderKilled: Fault = async (cluster, stream) => {
  const leader = await cluster.leaderOf(stream);
  await leader.kill("SIGKILL");
  await cluster.leaderOf(stream);
  await leader.run();
  await cluster.ready();
};

/** The leader dies, and its disk with it; what comes back in its place is empty. */
export const leaderReplaced: Fault = async (cluster, stream) => {
  const leader = await cluster.leaderOf(stream);
  await leader.kill("SIGKILL");
  await rm(join(leader.folder, "store"), { recursive: true });
  await leader.run();
  await cluster.ready();
};

/** The leader stands still for a moment that is too short to elect another. */
export const leaderFrozen: Fault = async (cluster, stream) => {
  const leader = await cluster.leaderOf(stream);
  await leader.kill("SIGSTOP");
  await pause(FROZEN_MS);
  await leader.kill("SIGCONT");
};

/** One server after the other ends in order and comes back, as an upgrade does it. */
export const rolled: Fault = async (cluster, stream) => {
  for (const server of cluster.servers) {
    await server.kill("SIGTERM");
    await server.run();
    await cluster.ready();
    await cluster.whole(stream);
  }
};

/** One server is on its way out by itself, is gone, and comes back. */
export const lameDuck: Fault = async (cluster, stream) => {
  const leader = await cluster.leaderOf(stream);
  await leader.kill("SIGUSR2");
  await pause(2 * FROZEN_MS);
  await leader.kill("SIGTERM");
  await leader.run();
  await cluster.ready();
};

/** All servers die at once and come back. */
export const allKilled: Fault = async (cluster) => {
  await Promise.all(cluster.servers.map((server) => server.kill("SIGKILL")));
  await Promise.all(cluster.servers.map((server) => server.run()));
  await cluster.ready();
};

/** Records and handles waves on a cluster that breaks. */
export async function through(fault: Fault, version: Version, stream: NatsOptions["stream"]): Promise<ClusterOutcome> {
  await using cluster = await NatsCluster.start({ version });
  const side = (): Promise<Aether> =>
    Aether.connect({
      medium: natsMedium({ servers: cluster.urls, namespace: NAMESPACE, stream }),
      recorded: ["orders.>"],
    });
  await using alpha = await side();
  await using beta = await side();
  const handled = new Map<string, number>();
  await beta.vibrator("beta").resonateOn(CHANNEL, ({ payload }) => {
    const id = idOf(payload);
    handled.set(id, (handled.get(id) ?? 0) + 1);
  });
  const emitter = alpha.vibrator("alpha");
  const log = await written(
    (id) =>
      emitter.emit(CHANNEL, { id }, { amplitude: (Number.parseInt(id.slice(1), 10) % 10) / 10, timeoutMs: 60_000 }),
    () => fault(cluster, STREAM),
  );
  await untilAllHandled(log.acknowledged, handled);
  await cluster.leaderOf(STREAM);
  return outcomeOf(log, handled, await stored(cluster.urls[0] ?? "", STREAM));
}

/** The same by a plain client that records again what was not acknowledged in time, without saying that it does. */
export async function throughByPlainClient(fault: Fault, version: Version): Promise<ClusterOutcome> {
  await using cluster = await NatsCluster.start({ version });
  await cluster.ask(({ streams }) => streams.add({ name: "plain", subjects: ["plain.>"], num_replicas: 3 }));
  const nc = await connect({ servers: [...cluster.urls], maxReconnectAttempts: -1, reconnectTimeWait: 50 });
  const js = jetstream(nc, { timeout: 500 });
  const publish = async (id: string): Promise<void> => {
    for (;;) {
      try {
        await js.publish("plain.a", JSON.stringify({ id }));
        return;
      } catch {
        await pause(PACE_MS);
      }
    }
  };
  const log = await written(publish, () => fault(cluster, "plain"));
  await cluster.leaderOf("plain");
  const outcome = outcomeOf(log, new Map(), await stored(cluster.urls[0] ?? "", "plain"));
  await nc.close();
  return outcome;
}

interface Log {
  readonly acknowledged: readonly string[];
  readonly rejected: readonly string[];
  readonly gapMs: number;
}

/** Records without end, lets it break, and ends once everything before and after that has a verdict. */
async function written(record: (id: string) => Promise<unknown>, fault: () => Promise<void>): Promise<Log> {
  const acknowledged: string[] = [];
  const rejected: string[] = [];
  let next = 0;
  let isOver = false;
  let lastAt = performance.now();
  let gapMs = 0;
  const writer = async (): Promise<void> => {
    while (!isOver) {
      const id = `w${next++}`;
      try {
        await record(id);
        acknowledged.push(id);
        const now = performance.now();
        gapMs = Math.max(gapMs, now - lastAt);
        lastAt = now;
      } catch (error) {
        rejected.push(error instanceof AetherError ? error.code : String(error));
      }
      await pause(PACE_MS);
    }
  };
  const writers = Array.from({ length: WRITERS }, writer);
  await pause(CALM_MS);
  await fault();
  const before = acknowledged.length;
  const givenUpAt = performance.now() + PATIENCE_MS;
  while (acknowledged.length < before + WRITERS && performance.now() < givenUpAt) {
    await pause(PACE_MS);
  }
  await pause(CALM_MS);
  isOver = true;
  await Promise.all(writers);
  return { acknowledged, rejected, gapMs };
}

async function untilAllHandled(ids: readonly string[], handled: ReadonlyMap<string, number>): Promise<void> {
  const givenUpAt = performance.now() + PATIENCE_MS;
  while (!ids.every((id) => handled.has(id)) && performance.now() < givenUpAt) {
    await pause(PACE_MS);
  }
}

function outcomeOf(
  { acknowledged, rejected, gapMs }: Log,
  handled: ReadonlyMap<string, number>,
  found: ReadonlyMap<string, number>,
): ClusterOutcome {
  const twice = (counts: ReadonlyMap<string, number>): string[] =>
    [...counts].filter(([, times]) => times > 1).map(([id]) => id);
  return {
    acknowledged: acknowledged.length,
    rejected,
    lost: acknowledged.filter((id) => !found.has(id)),
    unhandled: acknowledged.filter((id) => !handled.has(id)),
    handledTwice: twice(handled),
    storedTwice: twice(found),
    gapMs: Math.round(gapMs),
  };
}

function idOf(payload: unknown): string {
  const id: unknown = typeof payload === "object" && payload !== null ? Reflect.get(payload, "id") : undefined;
  return String(id);
}
