import { setTimeout as pause } from "node:timers/promises";
import { Aether, AetherError } from "@aether/core";
import { connect } from "@nats-io/transport-node";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type NatsOptions, natsMedium } from "../src/index.ts";
import { NatsCluster } from "./nats-cluster.ts";
import { NatsServer } from "./nats-server.ts";
import { until } from "./until.ts";

let cluster: NatsCluster;
let namespaces = 0;
const open: Aether[] = [];

beforeAll(async () => {
  cluster = await NatsCluster.start();
});
afterAll(() => cluster[Symbol.asyncDispose]());
afterEach(async () => {
  await Promise.all(open.splice(0).map((aether) => aether.close({ deadlineMs: 0 })));
  for (const server of cluster.servers.filter(({ isUp }) => !isUp)) {
    await server.run();
  }
  await cluster.ready();
});

/** Joins through one server, knowing of the others only what that one tells. */
async function side(server: NatsServer, namespace: string, options: NatsOptions = {}): Promise<Aether> {
  const medium = natsMedium({ servers: server.url, namespace, pingIntervalMs: 250, beatMs: 1000, ...options });
  const aether = await Aether.connect({ medium, causality: "explicit" });
  open.push(aether);
  return aether;
}

function server(at: number): NatsServer {
  const found = cluster.servers[at];
  if (found === undefined) {
    throw new Error("Expected a server");
  }
  return found;
}

/** How often an aether was told that its connection is there, or gone. */
function watched(aether: Aether): { up: number; down: number } {
  const seen = { up: 0, down: 0 };
  aether.on("connected", () => void seen.up++);
  aether.on("disconnected", () => void seen.down++);
  return seen;
}

/** Runs `ask` again and again while `during` happens; gives the codes of what rejects, and how many there were. */
async function asking(
  ask: () => Promise<unknown>,
  during: () => Promise<void>,
): Promise<{ all: number; failed: string[] }> {
  const failed: string[] = [];
  const asked: Promise<void>[] = [];
  let isOver = false;
  const asker = async (): Promise<void> => {
    while (!isOver) {
      asked.push(
        ask().then(
          () => {},
          (error: unknown) => void failed.push(error instanceof AetherError ? error.code : String(error)),
        ),
      );
      await pause(2);
    }
  };
  const done = asker();
  await during();
  isOver = true;
  await done;
  await Promise.all(asked);
  return { all: asked.length, failed };
}

describe("several servers", () => {
  test("are one medium: whoever is heard at one is heard at all", async () => {
    const namespace = `n${namespaces++}`;
    const alpha = await side(server(0), namespace);
    const beta = await side(server(1), namespace);
    const gamma = await side(server(2), namespace);
    const heard: unknown[] = [];
    const waiting = Promise.all([alpha.whenHeard("a", { timeoutMs: 5000 }), gamma.whenHeard("a", { timeoutMs: 5000 })]);
    await beta.vibrator("beta").resonateOn("a", ({ payload }) => {
      heard.push(payload);
      return payload;
    });
    await waiting;
    expect((await alpha.vibrator("alpha").query("a", 1)).payload).toBe(1);
    expect((await gamma.vibrator("gamma").query("a", 2)).payload).toBe(2);
    expect(heard).toEqual([1, 2]);
  });

  test("go on when the one dies that a link is connected to: it moves, and every emit has a verdict", async () => {
    const namespace = `n${namespaces++}`;
    const alpha = await side(server(0), namespace);
    const beta = await side(server(1), namespace);
    const heard = new Set<unknown>();
    const vibrator = beta.vibrator("beta");
    await vibrator.resonateOn("a", ({ payload }) => void heard.add(payload));
    await vibrator.resonateOn("ask", ({ payload }) => payload);
    const far: unknown[] = [];
    await alpha.vibrator("ear").resonateOn("back", ({ payload }) => void far.push(payload));
    await alpha.whenHeard("a");
    await alpha.whenHeard("ask");
    const emitter = alpha.vibrator("alpha");
    const seen = watched(alpha);
    let sent = 0;
    const { all, failed } = await asking(
      async () => {
        const i = sent++;
        await emitter.emit("a", i);
      },
      async () => {
        await pause(100);
        await server(0).kill("SIGKILL");
        await until(() => seen.down === 1 && seen.up === 1);
        await pause(100);
      },
    );
    // Nothing was rejected, and each was sent; what was under way as the connection broke may be gone.
    expect(failed).toEqual([]);
    await until(() => heard.has(sent - 1));
    expect(all).toBe(sent);
    expect(heard.size).toBeGreaterThan(sent / 2);
    expect((await emitter.query("ask", "again", { timeoutMs: 5000 })).payload).toBe("again");
    await beta.whenHeard("back", { timeoutMs: 5000 });
    await vibrator.emit("back", "there");
    await until(() => far.includes("there"));
  });

  test("go on when the one dies that hears: its resonances are there again at another", async () => {
    const namespace = `n${namespaces++}`;
    const alpha = await side(server(0), namespace);
    const beta = await side(server(1), namespace);
    await beta.vibrator("beta").resonateOn("ask", ({ payload }) => payload);
    await alpha.whenHeard("ask");
    const seen = watched(beta);
    await server(1).kill("SIGKILL");
    await until(() => seen.down === 1 && seen.up === 1);
    const emitter = alpha.vibrator("alpha");
    await expect
      .poll(async () => (await emitter.query("ask", 1, { timeoutMs: 1000 }).catch(() => undefined))?.payload, {
        timeout: 5000,
      })
      .toBe(1);
  });
});

describe("a cluster in which a server is away", () => {
  test("keeps whoever declares waiting until enough of it is there", async () => {
    const namespace = `n${namespaces++}`;
    await server(2).kill("SIGTERM");
    const refused = async (): Promise<string> => {
      const config = { name: "probe", subjects: ["probe"], num_replicas: 3 };
      const { error } = await cluster.ask(async ({ streams }) => {
        try {
          await streams.add(config);
          await streams.delete(config.name);
          return { error: "" };
        } catch (cause) {
          return { error: String(cause) };
        }
      });
      return error;
    };
    await expect.poll(refused, { timeout: 15_000 }).toMatch(/no suitable peers/);
    const medium = natsMedium({ servers: server(0).url, namespace, stream: { replicas: 3 } });
    let isThere = false;
    const connecting = Aether.connect({ medium, recorded: ["orders.>"] }).then((aether) => {
      isThere = true;
      open.push(aether);
      return aether;
    });
    await pause(500);
    expect(isThere).toBe(false);
    await server(2).run();
    const aether = await connecting;
    expect((await aether.vibrator("alpha").emit("orders.a", 1)).position).toBeDefined();
  }, 40_000);
});

describe("a server in lame-duck mode", () => {
  test("is left before it goes, by askers and hearers, and no query fails", async () => {
    const namespace = `n${namespaces++}`;
    const alpha = await side(server(0), namespace);
    const beta = await side(server(0), namespace);
    await beta.vibrator("beta").resonateOn("ask", async ({ payload }) => {
      await pause(50); // Long enough for many to be under way at every moment.
      return payload;
    });
    await alpha.whenHeard("ask");
    const emitter = alpha.vibrator("alpha");
    const [asker, hearer] = [watched(alpha), watched(beta)];
    const { all, failed } = await asking(
      () => emitter.query("ask", 1, { timeoutMs: 3000 }),
      async () => {
        await pause(100);
        await server(0).kill("SIGUSR2");
        await until(() => asker.up === 1 && hearer.up === 1);
        expect(server(0).isUp).toBe(true);
        await pause(200);
      },
    );
    expect({ all: all > 50, failed }).toEqual({ all: true, failed: [] });
    expect([asker.down, hearer.down]).toEqual([1, 1]);
    await server(0).kill("SIGKILL");
  });

  test("is stayed with until it closes where it is the only one, and come back to", async () => {
    await using lone = await NatsServer.start();
    const aether = await side(lone, `n${namespaces++}`, {
      servers: [lone.url, lone.url.replace("127.0.0.1", "localhost")],
    });
    await aether.vibrator("beta").resonateOn("ask", ({ payload }) => payload);
    const emitter = aether.vibrator("alpha");
    const seen = watched(aether);
    let isWarned = false;
    const bare = await connect({ servers: lone.url });
    void (async () => {
      for await (const { type } of bare.status()) {
        isWarned ||= type === "ldm";
      }
    })();
    const { failed } = await asking(
      () => emitter.query("ask", 1, { timeoutMs: 3000 }),
      async () => {
        await lone.kill("SIGUSR2");
        await until(() => isWarned);
        await pause(500);
      },
    );
    await bare.close();
    expect({ failed, ...seen }).toEqual({ failed: [], up: 0, down: 0 });
    await lone.kill("SIGKILL");
    await until(() => seen.down === 1);
    await lone.run();
    await until(() => seen.up === 1);
    expect((await emitter.query("ask", 2, { timeoutMs: 3000 })).payload).toBe(2);
  });

  test("control: the bare client stays until it is thrown out", async () => {
    const nc = await connect({ servers: server(0).url });
    let isWarned = false;
    let isOut = false;
    void (async () => {
      for await (const { type } of nc.status()) {
        isWarned ||= type === "ldm";
        isOut ||= type === "disconnect";
      }
    })();
    await server(0).kill("SIGUSR2");
    await until(() => isWarned);
    await pause(500);
    expect(isOut).toBe(false);
    await nc.close();
    await server(0).kill("SIGKILL");
  });
});
