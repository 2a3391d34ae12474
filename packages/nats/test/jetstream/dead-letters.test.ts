import {
  Aether,
  DEAD_HEADERS,
  type DeadLetter,
  type DeadLetterStore,
  type NewDeadLetter,
  UnrecoverableError,
  type Wave,
} from "@aether/core";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type NatsOptions, natsMedium } from "../../src/index.ts";
import { CLAIM_MS } from "../../src/jetstream/letter-marks.ts";
import { letterIdOf } from "../../src/jetstream/names.ts";
import { checkedStream, type DeadLetterStreamOptions } from "../../src/jetstream/stream-options.ts";
import { NatsServer, VERSIONS } from "../nats-server.ts";
import { until } from "../until.ts";
import { type Member, member, waveOf, within } from "./members.ts";

function letterOf(wave: Wave, said: Partial<NewDeadLetter> = {}): NewDeadLetter {
  return {
    wave,
    error: { code: "AETHER_HANDLER_FAILED", message: "broken", stack: "at x" },
    ...{ attempts: 1, group: "beta", name: "orders.*", instance: "beta-1", at: Date.now() },
    origin: { source: wave.source, sourceId: wave.sourceId },
    ...said,
  };
}

function storeOf({ recorder }: Member): DeadLetterStore {
  const { deadLetters } = recorder;
  if (deadLetters === undefined) {
    throw new Error("Expected dead letters to be kept");
  }
  return deadLetters;
}

async function listed(store: DeadLetterStore): Promise<DeadLetter[]> {
  const found: DeadLetter[] = [];
  for await (const letter of store.list({})) {
    found.push(letter);
  }
  return found;
}

describe.each(VERSIONS)("dead letters on JetStream %s", (version) => {
  let server: NatsServer;
  let count = 0;
  let client: NatsConnection;

  beforeAll(async () => {
    server = await NatsServer.start({ version, jetstream: true });
    client = await connect({ servers: server.url });
  });
  afterAll(async () => {
    await client.close();
    await server[Symbol.asyncDispose]();
  });

  /** A member of a namespace of its own that has declared something. */
  async function one(stream: NatsOptions["stream"] = {}): Promise<Member & { readonly namespace: string }> {
    const namespace = `dead${count++}`;
    const opened = await member(server.url, namespace, { stream });
    await opened.recorder.declare(["orders.>"]);
    return { ...opened, namespace };
  }

  test("are heard from everywhere as waves on $dead.<channel>, by plain clients too", async () => {
    const namespace = `dead${count++}`;
    const open = (): Promise<Aether> =>
      // Everything is recorded, and notices are not.
      Aether.connect({ medium: natsMedium({ servers: server.url, namespace }), recorded: [">"] });
    await using near = await open();
    await using far = await open();
    const plain: string[] = [];
    client.subscribe(`${namespace}.w.*.$dead.>`, { callback: (_error, { subject }) => void plain.push(subject) });
    await client.flush();
    const heard: Wave[] = [];
    await far.vibrator("watch").resonateOn("$dead.orders.*", (wave) => void heard.push(wave));
    const others: string[] = [];
    await far.vibrator("all").resonateOn(">", ({ channel }) => void others.push(channel));
    await near.vibrator("beta").resonateOn("orders.*", () => {
      throw new UnrecoverableError("broken");
    });
    const { id } = await near.vibrator("alpha").emit("orders.created", { orderId: "1" });
    await until(() => heard.length === 1 && others.length === 1 && plain.length === 1);
    const letters: DeadLetter[] = [];
    for await (const letter of far.deadLetters.list()) {
      letters.push(letter);
    }
    expect(heard[0]).toMatchObject({
      ...{ channel: "$dead.orders.created", payload: { orderId: "1" }, cause: id, source: "beta" },
      headers: { [DEAD_HEADERS.letter]: letters[0]?.id, [DEAD_HEADERS.message]: "broken" },
    });
    expect(heard[0]?.position).toBeUndefined();
    expect([plain, others]).toEqual([[`${namespace}.w.4.$dead.orders.created`], ["orders.created"]]);
  });

  test("over the most the oldest give way, and are counted", async () => {
    await using here = await one({ deadLetters: { maxLetters: 3 } });
    const store = storeOf(here);
    for (let i = 0; i < 8; i++) {
      await store.add(letterOf(waveOf(`w${i}`, "orders.created")));
    }
    const first = (await listed(store))[0]?.id ?? "";
    await store.take(first);
    await store.forget(first);
    expect(await store.purge({ id: letterIdOf("beta", "orders.*", "w6") })).toBe(1);
    expect((await listed(store)).map(({ wave }) => wave.id)).toEqual(["w7"]);
    expect(await store.stats()).toEqual({ entered: 8, kept: 1, evicted: 5, reemitted: 1, purged: 1 });
  });

  test("grow too old, and are counted", async () => {
    await using here = await one({ deadLetters: { maxAgeMs: 300 } });
    const store = storeOf(here);
    await store.add(letterOf(waveOf("w", "orders.created")));
    await expect.poll(() => store.stats(), { timeout: 5000 }).toMatchObject({ entered: 1, kept: 0, evicted: 1 });
    expect(await listed(store)).toEqual([]);
  });

  test("a claim of which nothing is heard ends, and one that is new does not", async () => {
    await using here = await one();
    const store = storeOf(here);
    const id = await store.add(letterOf(waveOf("w", "orders.created")));
    const mark = async (until: number): Promise<void> => {
      client.publish(`${here.namespace}.m.${id}`, JSON.stringify({ by: "somebody", until }));
      await client.flush();
    };
    await mark(Date.now() + CLAIM_MS);
    expect(await store.take(id)).toBeUndefined();
    await mark(Date.now() - 1);
    expect((await store.take(id))?.id).toBe(id);
    expect(await store.take(id)).toBeUndefined();
    await store.putBack(id);
    expect((await store.take(id))?.id).toBe(id);
  });

  test("whose wave left before its emitter crashed leave as the same wave again", async () => {
    await using here = await one();
    const store = storeOf(here);
    const medium = natsMedium({ servers: server.url, namespace: here.namespace });
    await using aether = await Aether.connect({ medium, recorded: ["orders.>"] });
    const heard: string[] = [];
    await aether.vibrator("beta").resonateOn("orders.*", (wave) => void heard.push(wave.id));
    const id = await store.add(letterOf(waveOf("w", "orders.created")));
    await store.take(id);
    await here.recorder.record(waveOf(id, "orders.created"), within(5000));
    await until(() => heard.length === 1);
    await expect(aether.deadLetters.reemit(id)).rejects.toMatchObject({ code: "AETHER_UNKNOWN_LETTER" });
    client.publish(`${here.namespace}.m.${id}`, JSON.stringify({ by: "crashed", until: Date.now() - 1 }));
    await client.flush();
    expect(await aether.deadLetters.reemit(id)).toMatchObject({ id, outcome: "travelled" });
    const { id: last } = await aether.vibrator("alpha").emit("orders.created");
    await until(() => heard.includes(last));
    expect(heard).toEqual([id, last]);
    expect(await listed(store)).toEqual([]);
  });

  test("that are damaged, or no letters, are passed over", async () => {
    await using here = await one();
    const store = storeOf(here);
    const kept = await store.add(letterOf(waveOf("w", "orders.created")));
    const manager = await jetstreamManager(client);
    const stream = `${here.namespace}_dead`;
    const message = await manager.streams.getMessage(stream, { seq: 1 });
    const damaged = Buffer.from(message?.data ?? []);
    damaged[40] = (damaged[40] ?? 0) ^ 1;
    const other = letterIdOf("beta", "orders.*", "other");
    client.publish(`${here.namespace}.d.${other}.orders.created`, damaged);
    client.publish(`${here.namespace}.d.${other}.orders.paid`, "noise");
    await client.flush();
    expect((await listed(store)).map(({ id }) => id)).toEqual([kept]);
    expect(await store.take(other)).toBeUndefined();
    expect(await store.purge({})).toBe(3);
  });

  test("too large with all they say are kept with less", async () => {
    await using here = await one();
    const store = storeOf(here);
    const text = "ü".repeat(4096);
    const error = { code: "AETHER_HANDLER_FAILED", message: text, stack: text } as const;
    const most = 1024 * 1024 - 4096;
    await store.add(letterOf(waveOf("large", "orders.created", 0.5, { payload: "x".repeat(most - 1000) }), { error }));
    await store.add(letterOf(waveOf("larger", "orders.created", 0.5, { payload: "x".repeat(most) }), { error }));
    const [large, larger] = await listed(store);
    expect(String(large?.wave.payload)).toHaveLength(most - 1000);
    expect([large?.error.message.length, large?.error.stack]).toEqual([256, undefined]);
    expect([larger?.wave.id, larger?.wave.payload, larger?.error.stack]).toEqual(["larger", undefined, text]);
  });

  test("of plain clients' waves and of records are kept as any", async () => {
    await using here = await one();
    const medium = natsMedium({ servers: server.url, namespace: here.namespace, codec: "records" });
    await using aether = await Aether.connect({ medium, recorded: ["orders.>"] });
    await aether.vibrator("beta").resonateOn("orders.*", () => Promise.reject(new Error("broken")), { maxAttempts: 1 });
    await aether.vibrator("alpha").emit("orders.created", { list: [1, { a: "ü" }] });
    client.publish(`${here.namespace}.r.2.orders.plain`, JSON.stringify({ plain: true }));
    await until(() => aether.stats().deadLetters.kept === 2);
    const payloads = (await listed(storeOf(here))).map(({ wave }) => [wave.source, wave.payload]);
    expect(payloads).toEqual(
      expect.arrayContaining([
        ["alpha", { list: [1, { a: "ü" }] }],
        ["nats", { plain: true }],
      ]),
    );
  });

  test("survive kill -9 of the server, and are stored once it is back", async () => {
    const own = await NatsServer.start({ version, jetstream: true });
    await using _ = own;
    await using here = await member(own.url, "killed");
    await here.recorder.declare(["orders.>"]);
    const store = storeOf(here);
    const early = await store.add(letterOf(waveOf("early", "orders.created")));
    await own.kill("SIGKILL");
    await until(() => here.disconnections > 0);
    const late = store.add(letterOf(waveOf("late", "orders.created")));
    await own.run();
    await late;
    expect((await listed(store)).map(({ id }) => id)).toEqual([early, await late]);
  }, 120_000);

  test("are stored when somebody has deleted their streams", async () => {
    await using here = await one();
    const store = storeOf(here);
    await store.add(letterOf(waveOf("w", "orders.created")));
    const manager = await jetstreamManager(client);
    await manager.streams.delete(`${here.namespace}_dead`);
    await manager.streams.delete(`${here.namespace}_dead_marks`);
    expect([await listed(store), await store.purge({}), await store.take("f".repeat(32))]).toEqual([[], 0, undefined]);
    expect(await store.stats()).toEqual({ entered: 0, kept: 0, evicted: 0, reemitted: 0, purged: 0 });
    const id = await store.add(letterOf(waveOf("w", "orders.created")));
    expect((await store.take(id))?.id).toBe(id);
  }, 120_000);

  test("are refused by those who want another stream than there is, and follow it where nothing is said", async () => {
    await using here = await one({ deadLetters: { maxLetters: 5, storage: "memory" } });
    await storeOf(here).add(letterOf(waveOf("w", "orders.created")));
    const join = (deadLetters: DeadLetterStreamOptions) =>
      Aether.connect({
        medium: natsMedium({ servers: server.url, namespace: here.namespace, stream: { deadLetters } }),
        recorded: ["orders.>"],
      });
    await using other = await join({ maxLetters: 6 });
    await expect(other.vibrator("beta").resonateOn("orders.*", () => {})).rejects.toMatchObject({
      code: "AETHER_UNSUPPORTED",
      message: expect.stringContaining("stream.deadLetters.maxLetters"),
    });
    await using same = await join({});
    await same.vibrator("beta").resonateOn("orders.*", () => {});
    const manager = await jetstreamManager(client);
    const { config } = await manager.streams.info(`${here.namespace}_dead`);
    expect(config).toMatchObject({ max_msgs: 5, storage: "memory", num_replicas: 1 });
  });
});

describe("options of dead letters", () => {
  test.each([
    [{ maxLetters: 0 }],
    [{ maxBytes: 1000 }],
    [{ maxAgeMs: 1 }],
    [{ replicas: 6 }],
    [{ storage: "disk" }],
    [{ most: 1 }],
    [true],
  ])("refuse %o", (deadLetters) => {
    expect(() => checkedStream({ deadLetters } as never)).toThrow(
      expect.objectContaining({ code: "AETHER_BAD_OPTION", message: expect.stringContaining("stream.deadLetters") }),
    );
  });

  test("follow those of the recorded waves", () => {
    expect(checkedStream({ replicas: 3, storage: "memory" })?.deadLetters).toMatchObject({
      ...{ replicas: 3, storage: "memory", maxLetters: 10_000, maxBytes: -1, maxAgeMs: 0 },
    });
    expect(checkedStream({ deadLetters: false })?.deadLetters).toBeUndefined();
  });
});
