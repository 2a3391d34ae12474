/** Views over JetStream: servers that die, connections that break, records that are cut or made anew. */

import { Aether, type AetherError, type TailStep, type View, type Wave } from "@aether/core";
import { faultProxy } from "@aether/testing";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { describe, expect, test } from "vitest";
import { natsMedium } from "../../src/index.ts";
import { NatsServer, type ServerOptions, VERSIONS } from "../nats-server.ts";
import { until } from "../until.ts";
import { member, recordAll, waveOf, within } from "./members.ts";

interface Count {
  waves: number;
  readonly of: Record<string, number>;
}

function open(url: string): Promise<Aether> {
  return Aether.connect({
    medium: natsMedium({ servers: url, namespace: "views" }),
    recorded: ["orders.>", "stock.>"],
  });
}

/** A view that knows how often each wave was folded. */
function count(aether: Aether, snapshotEvery = 50): Promise<View<Count>> {
  return aether.vibrator("shop").materialize("count", {
    channels: ["orders.>"],
    initial: (): Count => ({ waves: 0, of: {} }),
    apply(state, { id }: Wave) {
      state.waves++;
      state.of[id] = (state.of[id] ?? 0) + 1;
    },
    snapshotEvery,
  });
}

async function emitAll(aether: Aether, from: number, to: number): Promise<string> {
  const emitter = aether.vibrator("till");
  const emits = Array.from({ length: to - from }, (_, i) => emitter.emit("orders.paid", 1, { id: `w${from + i}` }));
  const receipts = await Promise.all(emits);
  return receipts.map(({ position = "" }) => position).reduce((last, next) => (next > last ? next : last), "");
}

function expectExact({ state }: View<Count>, waves: number): void {
  expect(state.waves).toBe(waves);
  expect(Object.keys(state.of).length).toBe(waves);
}

describe.each(VERSIONS)("a view on server %s", (version) => {
  const start = (options: ServerOptions = {}): Promise<NatsServer> =>
    NatsServer.start({ version, jetstream: true, ...options });

  test("folds each wave once while the server is killed and connections break, and goes on from its snapshot", async () => {
    await using server = await start();
    await using proxy = await faultProxy(server.port);
    await using emitting = await open(server.url);
    const url = `nats://127.0.0.1:${proxy.port}`;
    await using aether = await open(url);
    const view = await count(aether);
    await view.reach(await emitAll(emitting, 0, 300));
    proxy.set({ swallows: "down" });
    const during = emitAll(emitting, 300, 600);
    await until(() => view.state.waves >= 300);
    proxy.reset();
    proxy.set({});
    await view.reach(await during);
    const killed = emitAll(emitting, 600, 900);
    await server.kill("SIGKILL");
    await server.run();
    await view.reach(await killed);
    expectExact(view, 900);
    expect(await view.snapshot()).toBe(view.position);
    const last = await emitAll(emitting, 900, 920);
    await using other = await open(server.url);
    const again = await count(other);
    await again.reach(last);
    await view.reach(last);
    expect(again.state).toEqual(view.state);
    expect(again.fallbacks).toEqual([]);
    expectExact(again, 920);
    const { position = "" } = await emitting.vibrator("till").emit("stock.counted", 1);
    await again.reach(position, { timeoutMs: 10_000 });
  });

  test("stops when its record is made anew, and the next one begins there and tells", async () => {
    await using server = await start();
    await using aether = await open(server.url);
    const view = await count(aether, 5);
    await view.reach(await emitAll(aether, 0, 12));
    await view.snapshot();
    await managing(server.url, (manager) => manager.streams.delete("views_waves"));
    await aether.vibrator("till").emit("orders.paid", 1, { id: "anew" });
    const error: AetherError = await view.closed.then(
      () => expect.unreachable("a view of a record that is gone"),
      (reason) => reason,
    );
    expect(error).toMatchObject({ code: "AETHER_BAD_POSITION", details: { reason: "epoch" } });
    expectExact(view, 12);
    const anew = await count(aether, 5);
    await anew.ready;
    expect(anew.state).toEqual({ waves: 1, of: { anew: 1 } });
    expect(anew.fallbacks.map((fallback) => fallback.error.code)).toContain("AETHER_BAD_POSITION");
    await anew.snapshot();
    await anew.close();
    const third = await count(aether, 5);
    expect([third.state.waves, third.fallbacks]).toEqual([1, []]);
  });

  test("goes on from its snapshot where waves before it were forgotten, and is refused where waves after it were", async () => {
    await using server = await start();
    await using aether = await open(server.url);
    const view = await count(aether, 1000);
    await view.reach(await emitAll(aether, 0, 10));
    await view.snapshot();
    await view.close();
    const purge = (seq: number): Promise<unknown> =>
      managing(server.url, (manager) => manager.streams.purge("views_waves", { seq }));
    const last = await emitAll(aether, 10, 20);
    await purge(11);
    const again = await count(aether, 1000);
    await again.reach(last);
    expectExact(again, 20);
    await again.close();
    await purge(15);
    await expect(count(aether, 1000)).rejects.toMatchObject({
      code: "AETHER_BAD_POSITION",
      details: { reason: "gone" },
    });
  });

  test("is told what cannot be kept: a state that is larger than a message", async () => {
    await using server = await start({ config: "max_payload: 65536\n" });
    await using aether = await open(server.url);
    const view = await aether.vibrator("shop").materialize("large", {
      channels: ["orders.>"],
      initial: { texts: [] as string[] },
      apply: ({ texts }) => void texts.push("x".repeat(20_000)),
      snapshotEvery: 2,
    });
    const [saved, unsaved]: string[][] = [[], []];
    view.on("saved", ({ position }) => saved?.push(position));
    view.on("unsaved", ({ error }) => unsaved?.push(error.code));
    await view.reach(await emitAll(aether, 0, 6));
    await until(() => (unsaved?.length ?? 0) > 0);
    expect(unsaved?.[0]).toBe("AETHER_TOO_LARGE");
    expect(view.state.texts.length).toBe(6);
    await expect(view.snapshot()).rejects.toThrow(/max_payload/);
  });

  test("a tail gives out what stands in the record and is no wave, and takes a wide record in time", async () => {
    await using server = await start();
    await using one = await member(server.url, "tails");
    await one.recorder.declare(["orders.>", "stock.>"]);
    await one.recorder.record(waveOf("a", "orders.a"), within(5000));
    await managingRaw(server.url, async (nc) => {
      await nc.request("tails.r.2.orders.b", Buffer.from([0xae, 0xf5, 2, 3]));
    });
    await recordAll(
      one,
      Array.from({ length: 3000 }, (_, at) => waveOf(`s${at}`, "stock.x")),
    );
    await one.recorder.record(waveOf("z", "orders.z"), within(5000));
    const abort = new AbortController();
    for (const patterns of [["orders.*"], ["orders.*", "orders.z", "stock.none"]]) {
      const found: TailStep[] = [];
      for await (const step of await one.recorder.tail({ patterns }, abort.signal)) {
        found.push(step);
        if (step.wave?.id === "z") {
          break;
        }
      }
      expect(found.flatMap(({ wave }) => (wave === undefined ? [] : [wave.id]))).toEqual(["a", "z"]);
      expect(found.filter(({ malformed }) => malformed).length).toBe(1);
    }
  });
});

async function managing<T>(
  url: string,
  use: (manager: Awaited<ReturnType<typeof jetstreamManager>>) => Promise<T>,
): Promise<T> {
  const nc = await connect({ servers: url });
  try {
    return await use(await jetstreamManager(nc));
  } finally {
    await nc.close();
  }
}

async function managingRaw(
  url: string,
  use: (nc: Awaited<ReturnType<typeof connect>>) => Promise<void>,
): Promise<void> {
  const nc = await connect({ servers: url });
  try {
    await use(nc);
  } finally {
    await nc.close();
  }
}
