import { inProcess, type Wave } from "@aether/core";
import { describe, expect, test } from "vitest";
import { connect } from "./connect.ts";
import { turns } from "./manual-clock.ts";
import { until } from "./until.ts";

describe("an event", () => {
  test("is heard once by each group, and the instances of a group share the work", async () => {
    const aether = await connect();
    const counts = new Map<string, number>();
    for (const [name, instances] of [
      ["beta", 3],
      ["gamma", 1],
    ] as const) {
      for (let i = 0; i < instances; i++) {
        const vibrator = aether.vibrator(name);
        await vibrator.resonateOn("a", () => void counts.set(vibrator.id, (counts.get(vibrator.id) ?? 0) + 1));
      }
    }
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 30; i++) {
      await emitter.emit("a", i);
    }
    await until(() => aether.stats().queued === 0 && aether.stats().delivered >= 60);
    const of = (name: string): number[] => [...counts].filter(([id]) => id.startsWith(name)).map(([, count]) => count);
    expect(of("gamma")).toEqual([30]);
    expect(of("beta").reduce((sum, count) => sum + count)).toBe(30);
    expect(of("beta").length).toBe(3);
  });

  test("is heard by every instance of a resonance without a group", async () => {
    const aether = await connect();
    const heard: string[] = [];
    for (let i = 0; i < 3; i++) {
      const vibrator = aether.vibrator("beta");
      await vibrator.resonateOn("a", () => void heard.push(vibrator.id), { group: false });
    }
    await aether.vibrator("emitter").emit("a");
    await until(() => heard.length >= 3);
    expect(new Set(heard).size).toBe(3);
  });

  test("is shared by services that name the same group", async () => {
    const aether = await connect();
    let heard = 0;
    for (const name of ["one", "two"]) {
      await aether.vibrator(name, { group: "workers" }).resonateOn("a", () => void heard++);
    }
    const emitter = aether.vibrator("emitter");
    expect((await emitter.emit("a")).heard).toBe(1);
    await until(() => aether.stats().delivered === 1);
    expect(heard).toBe(1);
  });

  test("goes once to each name of a group: handlers of one service never compete", async () => {
    const aether = await connect();
    const heard: string[] = [];
    for (let i = 0; i < 2; i++) {
      const beta = aether.vibrator("beta");
      await beta.resonateOn("orders.*", () => void heard.push("one"));
      await beta.resonateOn("orders.created", () => void heard.push("two"));
      await beta.resonateOn("orders.created", () => void heard.push("three"), { name: "audit" });
    }
    expect((await aether.vibrator("emitter").emit("orders.created")).heard).toBe(3);
    await until(() => heard.length >= 3);
    expect(heard.sort()).toEqual(["one", "three", "two"]);
  });

  test("goes to a member that has room while another has none", async () => {
    const aether = await connect();
    const full = await aether.vibrator("beta", { inbox: { capacity: 2 } }).resonateOn("a");
    const roomy = await aether.vibrator("beta").resonateOn("a");
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 100; i++) {
      void emitter.emit("a", i);
    }
    await turns();
    expect(full.stats()).toMatchObject({ queued: 2, absorbed: { evicted: 0 } });
    expect(roomy.stats()).toMatchObject({ queued: 98 });
  });

  test("goes to a member that listens to waves as quiet as this", async () => {
    const aether = await connect();
    const picky = await aether.vibrator("beta", { noiseFloor: 0.9 }).resonateOn("a", () => {});
    const keen = await aether.vibrator("beta").resonateOn("a", () => {});
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 10; i++) {
      expect((await emitter.emit("a", i)).heard).toBe(1);
    }
    await until(() => aether.stats().queued === 0);
    expect(keen.stats().delivered).toBe(10);
    expect(picky.stats().received).toBe(0);
  });
});

describe("a broadcast", () => {
  test("is heard by every instance of every group", async () => {
    const aether = await connect();
    const heard: Wave[] = [];
    for (const name of ["beta", "beta", "beta", "gamma", "gamma"]) {
      await aether.vibrator(name).resonateOn("a", (wave) => void heard.push(wave));
    }
    const receipt = await aether.vibrator("emitter").emit("a", {}, { kind: "broadcast" });
    expect(receipt).toMatchObject({ outcome: "travelled", heard: 2 });
    await until(() => heard.length >= 5);
    expect(heard.map((wave) => wave.kind)).toEqual(new Array(5).fill("broadcast"));
    expect(aether.stats().delivered).toBe(5);
  });
});

describe("two aethers on one medium", () => {
  test("hear each other, and share the work of one group", async () => {
    const medium = inProcess();
    const [one, two, apart] = [await connect({ medium }), await connect({ medium }), await connect()];
    const heard: string[] = [];
    await one.vibrator("beta").resonateOn("a", () => void heard.push("one"));
    await two.vibrator("beta").resonateOn("a", () => void heard.push("two"));
    await two.vibrator("gamma").resonateOn("a", () => void heard.push("gamma"));
    await apart.vibrator("beta").resonateOn("a", () => void heard.push("apart"));
    const emitter = one.vibrator("emitter");
    for (let i = 0; i < 4; i++) {
      expect((await emitter.emit("a")).heard).toBe(2);
    }
    await until(() => heard.length >= 8);
    expect(heard.sort()).toEqual(["gamma", "gamma", "gamma", "gamma", "one", "one", "two", "two"]);
    expect(one.stats()).toMatchObject({ emitted: 4, received: 2 });
    expect(two.stats()).toMatchObject({ emitted: 0, received: 6 });
  });

  test("answer each other's queries, and send reflections back", async () => {
    const medium = inProcess();
    const [one, two] = [await connect({ medium }), await connect({ medium })];
    await two.vibrator("beta").resonateOn("double", (wave) => (wave.payload as number) * 2);
    await two.vibrator("beta").resonateOn("fail", () => {
      throw new Error("broken");
    });
    const alpha = one.vibrator("alpha");
    const codes: string[] = [];
    alpha.onReflection(({ code, by, on }) => void codes.push(`${by} ${on} ${code}`));
    expect((await alpha.query("double", 21)).payload).toBe(42);
    await alpha.emit("fail", {}, { kind: "command" });
    await until(() => codes.length === 1);
    expect(codes).toEqual(["beta fail error"]);
  });

  test("each absorb chains that are over their own hop limit", async () => {
    const medium = inProcess();
    const [far, near] = [await connect({ medium }), await connect({ medium, physics: { maxPropagation: 2 } })];
    const narrow = await near.vibrator("beta").resonateOn("three", () => {});
    const relay = far.vibrator("relay");
    await relay.resonateOn("one", (_, ctx) => void ctx.emit("two"));
    await relay.resonateOn("two", (_, ctx) => void ctx.emit("three"));
    await far.vibrator("emitter").emit("one");
    await until(() => narrow.stats().received === 1 && narrow.stats().queued === 0);
    expect(narrow.stats()).toMatchObject({ delivered: 0, absorbed: { hops: 1 } });
  });

  test("each absorb waves of sources that are not on their own allow-list", async () => {
    const medium = inProcess();
    const [open, guarded] = [await connect({ medium }), await connect({ medium, allowedSources: ["alpha"] })];
    const resonance = await guarded.vibrator("beta").resonateOn("a", () => 1);
    expect((await open.vibrator("mallory").emit("a")).heard).toBe(0);
    expect((await open.vibrator("alpha").emit("a")).heard).toBe(1);
    await expect(open.vibrator("mallory").query("a")).rejects.toMatchObject({ code: "AETHER_UNAUTHORISED" });
    await until(() => resonance.stats().delivered === 1);
    expect(resonance.stats()).toMatchObject({ received: 3, delivered: 1, absorbed: { unauthorised: 2 } });
  });
});
