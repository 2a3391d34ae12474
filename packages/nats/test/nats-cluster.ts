/** Real clusters for tests: three servers that keep streams together, each of which can be broken by itself. */

import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { freePorts, NatsServer, type Version } from "./nats-server.ts";

const NODES = 3;
const PATIENCE_MS = 30_000;
const PAUSE_MS = 50;

/** How a cluster is started. */
export interface ClusterOptions {
  readonly version?: Version;
  /** More of the configuration file of each server. */
  readonly config?: string;
}

/** Three servers on this machine. */
export class NatsCluster implements AsyncDisposable {
  readonly servers: readonly NatsServer[];
  readonly #names: readonly string[];
  readonly #monitors: readonly number[];

  // biome-ignore lint/style/useConsistentMemberAccessibility: a constructor cannot be named #private
  private constructor(servers: readonly NatsServer[], names: readonly string[], monitors: readonly number[]) {
    this.servers = servers;
    this.#names = names;
    this.#monitors = monitors;
  }

  /** Starts a cluster; resolves when its servers agree on who leads them. */
  static async start({ version = "2.9", config = "" }: ClusterOptions = {}): Promise<NatsCluster> {
    const ports = await freePorts(3 * NODES);
    const routes = ports.slice(NODES, 2 * NODES);
    const monitors = ports.slice(2 * NODES);
    const names = routes.map((_, at) => `node${at}`);
    const others = (at: number): string =>
      routes.flatMap((port, other) => (other === at ? [] : [`"nats-route://127.0.0.1:${port}"`])).join(", ");
    const servers = await Promise.all(
      routes.map((route, at) =>
        NatsServer.start({
          version,
          port: ports[at] ?? 0,
          jetstream: true,
          config: `server_name: ${names[at]}
http: "127.0.0.1:${monitors[at]}"
cluster { name: test, listen: "127.0.0.1:${route}", routes: [${others(at)}] }
${config}`,
        }),
      ),
    );
    const cluster = new NatsCluster(servers, names, monitors);
    await cluster.ready();
    return cluster;
  }

  get urls(): readonly string[] {
    return this.servers.map(({ url }) => url);
  }

  /** Resolves when every server that is up knows the same leader, and the leader everybody who is up. */
  async ready(): Promise<void> {
    let seen: unknown;
    const what = (): string => `a leader that all servers know, got ${JSON.stringify(seen)}`;
    await retried(what, async () => {
      const up = this.#monitors.filter((_, at) => this.servers[at]?.isUp);
      const metas = await Promise.all(up.map((port) => metaOf(port)));
      seen = metas;
      const [first] = metas;
      return (
        first?.leader !== undefined &&
        metas.every((meta) => meta?.leader === first.leader) &&
        metas.some((meta) => meta !== undefined && meta.others >= up.length - 1)
      );
    });
  }

  /** The server that leads `stream`, or the cluster when no stream is named. */
  async leaderOf(stream: string): Promise<NatsServer> {
    let found: NatsServer | undefined;
    await retried(`a leader of ${stream}`, async () => {
      const leader = await this.ask(async ({ streams }) => (await streams.info(stream)).cluster?.leader);
      found = this.servers[this.#names.indexOf(leader ?? "")];
      return found !== undefined;
    });
    if (found === undefined) {
      throw new Error("Expected a leader");
    }
    return found;
  }

  /** Resolves when every replica of `stream` has everything. */
  async whole(stream: string): Promise<void> {
    await retried(`replicas of ${stream} that are current`, () =>
      this.ask(async ({ streams }) => {
        const { cluster } = await streams.info(stream);
        return cluster?.leader !== undefined && (cluster.replicas ?? []).every(({ current }) => current);
      }),
    );
  }

  /** Asks the cluster by a plain client of its own. */
  async ask<T>(question: (manager: JetStreamManager) => Promise<T>): Promise<T> {
    const nc = await connect({ servers: [...this.urls], timeout: 1000 });
    try {
      return await question(await jetstreamManager(nc, { checkAPI: false, timeout: 1000 }));
    } finally {
      await nc.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map((server) => server[Symbol.asyncDispose]()));
  }
}

/** What a server knows of the cluster; `undefined`: nothing yet. */
async function metaOf(port: number): Promise<{ readonly leader: string; readonly others: number } | undefined> {
  const answer: unknown = await (await fetch(`http://127.0.0.1:${port}/jsz`)).json();
  const meta = fieldOf(answer, "meta_cluster");
  const leader = fieldOf(meta, "leader");
  const replicas = fieldOf(meta, "replicas");
  if (typeof leader !== "string" || leader === "") {
    return undefined;
  }
  const others = Array.isArray(replicas) ? replicas.filter((one) => fieldOf(one, "offline") !== true).length : 0;
  return { leader, others };
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

/** Resolves once `isSo` says true. What it throws counts as false: a cluster that elects answers nobody. */
async function retried(what: string | (() => string), isSo: () => Promise<boolean>): Promise<void> {
  const givenUpAt = performance.now() + PATIENCE_MS;
  let last: unknown;
  while (performance.now() < givenUpAt) {
    try {
      if (await isSo()) {
        return;
      }
    } catch (error) {
      last = error;
    }
    await new Promise<void>((resolve) => void setTimeout(resolve, PAUSE_MS));
  }
  const told = typeof what === "string" ? what : what();
  throw new Error(`Expected within ${PATIENCE_MS} ms: ${told}`, { cause: last });
}
