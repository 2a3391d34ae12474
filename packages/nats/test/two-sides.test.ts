import { Aether, type AetherOptions, type Vibrator } from "@aether/core";
import { connect } from "@nats-io/transport-node";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { natsMedium } from "../src/index.ts";
import { Subjects } from "../src/subjects.ts";
import { encode, mostBytesAround, mostBytesOf, outbound, Seal } from "../src/wire/envelope.ts";
import { payloadWriters } from "../src/wire/payloads.ts";
import { Slab } from "../src/wire/slab.ts";
import { NatsServer } from "./nats-server.ts";
import { until } from "./until.ts";
import { VECTORS } from "./wire-vectors.ts";

let server: NatsServer;
const open: Aether[] = [];
let namespaces = 0;
let namespace = "";

beforeAll(async () => {
  server = await NatsServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => {
  namespace = `ns${++namespaces}`;
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((aether) => aether.close({ deadlineMs: 0 })));
});

/** An aether with a connection of its own, as another process has it. */
async function side(options: AetherOptions = {}): Promise<Aether> {
  const aether = await Aether.connect({ medium: natsMedium({ servers: server.url, namespace }), ...options });
  open.push(aether);
  return aether;
}

/** Two sides, and a vibrator on each. */
async function sides(): Promise<{ readonly alpha: Vibrator; readonly beta: Vibrator; readonly far: Aether }> {
  const near = await side();
  const far = await side();
  return { alpha: near.vibrator("alpha"), beta: far.vibrator("beta"), far };
}

describe("across two connections", () => {
  test("a caused wave carries its trace, its cause and one hop more", async () => {
    const { alpha, beta, far } = await sides();
    const heard: unknown[] = [];
    await beta.resonateOn("inventory.check", (wave) => void heard.push([wave.hops, wave.trace, wave.cause]));
    await beta.resonateOn("orders.created", async (wave, ctx) => {
      heard.push([wave.hops, wave.trace, wave.cause]);
      await ctx.emit("inventory.check", wave.payload);
    });
    const { id } = await alpha.emit("orders.created", { orderId: "1" });
    await until(() => heard.length === 2);
    expect(heard).toEqual([
      [1, id, undefined],
      [2, id, id],
    ]);
    expect(far.stats().received).toBe(2);
  });

  test("a command resolves when it is taken, and rejects when nobody resonates", async () => {
    const { alpha, beta } = await sides();
    const taken: unknown[] = [];
    await beta.resonateOn("work", (wave) => void taken.push(wave.payload));
    expect(await alpha.emit("work", 1, { kind: "command" })).toMatchObject({ outcome: "travelled" });
    await until(() => taken.length === 1);
    await expect(alpha.emit("elsewhere", 1, { kind: "command" })).rejects.toMatchObject({
      code: "AETHER_NO_RESONATOR",
    });
  });

  test("a query gets its answer, null included, and AETHER_NO_ANSWER from those who keep silent", async () => {
    const { alpha, beta } = await sides();
    await beta.resonateOn("stock.*", (wave) => (wave.payload === "silent" ? undefined : { asked: wave.payload }));
    await beta.resonateOn("nothing", () => null);
    expect((await alpha.query("stock.check", "a")).payload).toEqual({ asked: "a" });
    expect((await alpha.query("nothing")).payload).toBeNull();
    await expect(alpha.query("stock.check", "silent")).rejects.toMatchObject({ code: "AETHER_NO_ANSWER" });
    await expect(alpha.query("nobody")).rejects.toMatchObject({ code: "AETHER_NO_RESONATOR" });
  });

  test("a handler that fails is told, and comes back as a reflection", async () => {
    const { alpha, beta } = await sides();
    const reflections: unknown[] = [];
    alpha.onReflection(({ code, on, by }) => void reflections.push({ code, on, by }));
    await beta.resonateOn("work", () => {
      throw new Error("broken");
    });
    await expect(alpha.query("work")).rejects.toMatchObject({ code: "AETHER_HANDLER_FAILED", message: /broken/ });
    expect(reflections).toEqual([{ code: "error", on: "work", by: "beta" }]);
  });

  test("gather yields every answer and ends when all have answered", async () => {
    const { alpha, beta, far } = await sides();
    await beta.resonateOn("ping", () => "beta");
    await far.vibrator("gamma").resonateOn("ping", () => "gamma");
    await until(() => (open[0]?.graph().vibrators ?? []).filter(({ resonates }) => resonates.length > 0).length === 2);
    const answers: unknown[] = [];
    const startedAt = performance.now();
    for await (const { payload } of alpha.gather("ping", {}, { timeoutMs: 4000 })) {
      answers.push(payload);
    }
    expect(answers.sort()).toEqual(["beta", "gamma"]);
    expect(performance.now() - startedAt).toBeLessThan(3000);
  });

  test("who stops waiting is noticed by the handler on the other side", async () => {
    const { alpha, beta } = await sides();
    let reason: unknown;
    let began = false;
    await beta.resonateOn("slow", (_, ctx) => {
      began = true;
      return new Promise((resolve) => {
        ctx.signal.addEventListener("abort", () => {
          reason = ctx.signal.reason;
          resolve(1);
        });
      });
    });
    const controller = new AbortController();
    const asking = alpha.query("slow", {}, { signal: controller.signal, timeoutMs: 60_000 });
    asking.catch(() => {});
    await until(() => began);
    controller.abort(new Error("enough"));
    await expect(asking).rejects.toThrow("enough");
    await until(() => reason !== undefined);
    expect(reason).toMatchObject({ code: "AETHER_CLOSED" });
  });

  test("a query that is asked a second time goes to another member of each group, and to nobody who has it", async () => {
    const { alpha, far } = await sides();
    const handled = new Map<string, string[]>();
    const looked: unknown[] = [];
    for (const aether of [far, await side()]) {
      for (const group of ["beta", "gamma"]) {
        const member = aether.vibrator(group);
        await member.resonateOn("price", (wave) => {
          const id = `${group} ${wave.id}`;
          handled.set(id, [...(handled.get(id) ?? []), member.id]);
          // Who is asked first says nothing.
          return handled.get(id)?.length === 1 ? new Promise<never>(() => {}) : group;
        });
      }
    }
    await far.observe("price", (wave) => void looked.push(wave.id));
    const members = (): number =>
      (open[0]?.graph().vibrators ?? []).reduce(
        (sum, { instances, resonates }) => sum + (resonates.length > 0 ? instances.length : 0),
        0,
      );
    await until(() => members() === 4);
    for (let n = 0; n < 20; n++) {
      const { payload } = await alpha.query("price", n, { hedge: { afterMs: 20, budget: 1 }, timeoutMs: 4000 });
      expect(["beta", "gamma"]).toContain(payload);
    }
    await until(() => [...handled.values()].filter((by) => by.length === 2).length >= 20);
    expect(handled.size).toBe(40);
    for (const by of handled.values()) {
      expect(new Set(by).size).toBe(by.length);
    }
    expect(new Set(looked).size).toBe(looked.length);
  });

  test("the time that is left reaches the handler on the other side", async () => {
    const { alpha, beta } = await sides();
    let reason: unknown;
    await beta.resonateOn("slow", (_, ctx) => {
      return new Promise((resolve) => {
        ctx.signal.addEventListener("abort", () => {
          reason = ctx.signal.reason;
          resolve(1);
        });
      });
    });
    await expect(alpha.query("slow", {}, { timeoutMs: 200 })).rejects.toMatchObject({ code: "AETHER_TIMEOUT" });
    await until(() => reason !== undefined);
    expect(reason).toMatchObject({ code: "AETHER_TIMEOUT" });
  });

  test("instances of a group share the work, and every one hears a broadcast", async () => {
    const near = await side();
    const counts = [0, 0, 0];
    let broadcasts = 0;
    for (const at of counts.keys()) {
      const aether = await side();
      await aether.vibrator("beta").resonateOn("work", (wave) => {
        if (wave.kind === "broadcast") {
          broadcasts++;
        } else {
          counts[at] = (counts[at] ?? 0) + 1;
        }
      });
    }
    const alpha = near.vibrator("alpha");
    for (let i = 0; i < 300; i++) {
      await alpha.emit("work", i);
      await new Promise(setImmediate);
    }
    await alpha.emit("work", "all", { kind: "broadcast" });
    await until(() => counts.reduce((sum, count) => sum + count, 0) === 300 && broadcasts === 3);
    expect(Math.min(...counts)).toBeGreaterThan(30);
  });
});

describe("strangers", () => {
  test("a plain NATS client is heard, and its request is answered", async () => {
    const { beta } = await sides();
    const heard: unknown[] = [];
    await beta.resonateOn("plain.*", (wave) => {
      heard.push([wave.kind, wave.payload, wave.amplitude]);
      return { got: wave.payload };
    });
    const client = await connect({ servers: server.url });
    client.publish(`${namespace}.w.4.plain.json`, JSON.stringify({ a: 1 }));
    client.publish(`${namespace}.b.7.plain.bytes`, new Uint8Array([0xff, 0xfe]));
    const answer = await client.request(`${namespace}.q.2.plain.ask`, JSON.stringify("?"));
    expect(answer.json()).toEqual({ got: "?" });
    expect(heard.sort()).toEqual([
      ["broadcast", new Uint8Array([0xff, 0xfe]), 7.5 / 8],
      ["event", { a: 1 }, 4.5 / 8],
      ["query", "?", 2.5 / 8],
    ]);
    await client.close();
  });

  test("damaged, misplaced and mislabelled messages are malformed, and harm nobody", async () => {
    const { alpha, beta, far } = await sides();
    const heard: unknown[] = [];
    await beta.resonateOn(">", (wave) => void heard.push(wave.payload));
    const client = await connect({ servers: server.url });
    const subjects = new Subjects(namespace);
    const message = vectorMessage(1);
    const flipped = Buffer.from(message);
    flipped[40] = (flipped[40] ?? 0) ^ 1;
    client.publish(subjects.of("w", 4, "orders.created"), flipped);
    client.publish(subjects.of("w", 7, "orders.created"), message);
    client.publish(subjects.of("w", 4, "orders.deleted"), message);
    client.publish(subjects.of("b", 4, "orders.created"), message);
    client.publish(subjects.of("q", 4, "stock.check"), vectorMessage(0));
    await client.flush();
    await until(() => far.stats().received === 7);
    expect(heard).toEqual([]);
    expect(far.stats().absorbed.malformed).toBe(7);
    client.publish(subjects.of("w", 4, "orders.created"), message);
    await alpha.emit("fine", "fine");
    await until(() => heard.length === 3);
    await client.close();
  });

  function vectorMessage(which: number): Buffer {
    const vector = VECTORS[which];
    const items = (vector?.waves ?? []).map((wave) => outbound(wave, vector?.request, payloadWriters.json));
    const origin = { source: "alpha", sourceId: "alpha-1" };
    const most = items.reduce((sum, item) => sum + mostBytesOf(item), mostBytesAround(origin));
    return encode(new Slab(), new Seal(vector?.channel ?? ""), items, origin, most);
  }
});
