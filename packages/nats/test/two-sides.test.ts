import { Aether, type AetherError, type AetherOptions, type Vibrator } from "@aether/core";
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
    for (let n = 0; n < 12; n++) {
      // Long enough for the first ones to have said that they have it.
      const { payload } = await alpha.query("price", n, { hedge: { afterMs: 150, budget: 1 }, timeoutMs: 4000 });
      expect(["beta", "gamma"]).toContain(payload);
    }
    await until(() => [...handled.values()].filter((by) => by.length === 2).length >= 12);
    expect(handled.size).toBe(24);
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

  test("loud and quiet waves of one tick share messages, each band its own, and stay in order within it", async () => {
    const { alpha, beta } = await sides();
    const heard: { readonly band: number; readonly kind: string; readonly payload: unknown }[] = [];
    await beta.resonateOn("levels", ({ band, kind, payload }) => {
      heard.push({ band, kind, payload });
    });
    const client = await connect({ servers: server.url });
    const messages: string[] = [];
    client.subscribe(`${namespace}.*.*.levels`, { callback: (_, { subject }) => void messages.push(subject) });
    await client.flush();
    const emits = Array.from({ length: 60 }, (_, i) =>
      // One broadcast among the loud ones, which its band must not overtake.
      alpha.emit("levels", i, { amplitude: i % 2 === 0 ? 0.9 : 0.1, kind: i === 30 ? "broadcast" : "event" }),
    );
    await Promise.all(emits);
    await until(() => heard.length === 60);
    expect(messages.map((subject) => subject.slice(namespace.length + 1)).sort()).toEqual([
      "b.7.levels",
      "w.0.levels",
      "w.0.levels",
      "w.7.levels",
      "w.7.levels",
    ]);
    for (const band of [0, 7]) {
      const its = heard.filter((wave) => wave.band === band).map(({ payload }) => payload);
      expect(its).toEqual(Array.from({ length: 30 }, (_, i) => 2 * i + (band === 0 ? 1 : 0)));
    }
    await client.close();
  });
});

describe("what no message holds", () => {
  /** Rejections that nobody has looked at would end the process. */
  const unseen: unknown[] = [];
  const note = (reason: unknown): void => void unseen.push(reason);
  beforeAll(() => void process.on("unhandledRejection", note));
  afterAll(() => void process.off("unhandledRejection", note));

  test("an answer is told as a failure, and others that wait for the same message arrive", async () => {
    const { alpha, beta } = await sides();
    await beta.resonateOn("stock.*", ({ payload }) => "x".repeat(Number(payload)));
    const failed = alpha.query("stock.all", 1_048_570).catch((error: AetherError) => error);
    const [some, more] = await Promise.all([alpha.query("stock.a", 600_000), alpha.query("stock.b", 600_000)]);
    expect([String(some.payload).length, String(more.payload).length]).toEqual([600_000, 600_000]);
    expect(await failed).toMatchObject({
      code: "AETHER_HANDLER_FAILED",
      retryable: false,
      details: { error: "AETHER_TOO_LARGE" },
    });
    expect((await alpha.query("stock.c", 3)).payload).toBe("xxx");
  });

  test.each([
    ["too large", new Uint8Array(1_048_576), "AETHER_TOO_LARGE"],
    ["that nothing can write", { amount: 1n }, "AETHER_BAD_PAYLOAD"],
  ])("a request %s is refused once, and leaves nothing that fails later", async (_what, payload, code) => {
    const { alpha, beta } = await sides();
    await beta.resonateOn("stock.*", () => "here");
    const options = { timeoutMs: 50 };
    await expect(alpha.query("stock.a", payload, options)).rejects.toMatchObject({ code });
    await expect(alpha.emit("stock.a", payload, { ...options, kind: "command" })).rejects.toMatchObject({ code });
    const gathering = async (): Promise<unknown> => {
      for await (const { payload: answer } of alpha.gather("stock.a", payload, options)) {
        return answer;
      }
      return undefined;
    };
    await expect(gathering()).rejects.toMatchObject({ code });
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(unseen).toEqual([]);
  });

  test("an answer to a plain client is no answer, and harms nobody", async () => {
    const { alpha, beta } = await sides();
    await beta.resonateOn("stock.*", ({ payload }) => (payload === 1 ? { amount: 1n } : "x".repeat(Number(payload))));
    const client = await connect({ servers: server.url });
    for (const asked of ["1", "1048577"]) {
      await expect(client.request(`${namespace}.q.4.stock.a`, asked, { timeout: 100 })).rejects.toThrow("timeout");
    }
    expect((await alpha.query("stock.a", 2)).payload).toBe("xx");
    await client.close();
  });

  test("the presence of a link is told in several, and everybody is known", async () => {
    const { alpha, beta, far } = await sides();
    const near = await side();
    const count = 2000;
    const name = "x".repeat(60);
    await Promise.all(
      Array.from({ length: count }, (_, at) =>
        beta.resonateOn(`${name}.${name}.a${at}`, () => at, { name: `${name}-${at}` }),
      ),
    );
    await near.whenHeard(`${name}.${name}.a${count - 1}`, { timeoutMs: 5000 });
    await near.whenHeard(`${name}.${name}.a0`, { timeoutMs: 5000 });
    expect((await alpha.query(`${name}.${name}.a7`)).payload).toBe(7);
    await far.close({ deadlineMs: 0 });
    await until(() => near.graph().vibrators.every((node) => node.name !== "beta"));
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

  test.each([
    { pattern: "a..b" },
    { pattern: "" },
    { pattern: ">.a" },
    { pattern: 5 },
    { band: -1 },
    { band: 0.5 },
    { group: 5 },
  ])("a presence that cannot be is not believed: %j", async (said) => {
    const { alpha, beta } = await sides();
    await beta.resonateOn("stock.check", () => "here");
    const client = await connect({ servers: server.url });
    const listener = { vibrator: "evil", instance: "evil-1", pattern: ">", group: "evil", name: "n", observes: false };
    const listeners = [{ ...listener, band: 0, ...said }];
    client.publish(`${namespace}.c.p`, JSON.stringify({ link: "evil", revision: 1, here: true, listeners }));
    await client.flush();
    const another = await side(); // Once its presence is heard, that of the stranger was.
    await another.vibrator("gamma").resonateOn("gamma", () => {});
    await until(() => JSON.stringify(open[0]?.graph()).includes("gamma"));
    expect((await alpha.query("stock.check")).payload).toBe("here");
    expect(JSON.stringify(open[0]?.graph())).not.toContain("evil");
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
    client.publish(subjects.of("w", 8, "orders.created"), message);
    client.publish(`${namespace}.w.loud.orders.created`, "{}");
    await client.flush();
    await until(() => far.stats().received === 9);
    expect(heard).toEqual([]);
    expect(far.stats().absorbed.malformed).toBe(9);
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
