import { getEventListeners } from "node:events";
import { channel, inProcess } from "@aether/core";
import { describe, expect, test } from "vitest";
import { connect } from "./connect.ts";
import { ManualClock, turns } from "./manual-clock.ts";
import { rejection } from "./until.ts";

describe("graph", () => {
  test("is empty at first", async () => {
    const aether = await connect();
    expect(aether.graph()).toEqual({ vibrators: [], edges: [] });
  });

  test("tells who resonates with whom", async () => {
    const aether = await connect();
    const alpha = aether.vibrator("alpha");
    const [one, two] = [aether.vibrator("beta"), aether.vibrator("beta")];
    await one.resonateOn("orders.*", () => {});
    await two.resonateOn("orders.*", () => {});
    await one.resonateOn("audit.>", () => {});
    await alpha.emit("orders.created");
    await alpha.emit("orders.created");
    await alpha.emit("nobody.hears");
    await one.emit("audit.x.y");
    const { vibrators, edges } = aether.graph();
    const node = (name: string) => vibrators.find((vibrator) => vibrator.name === name);
    expect(vibrators.length).toBe(2);
    expect(node("alpha")).toEqual({
      name: "alpha",
      instances: [alpha.id],
      resonates: [],
      emits: ["orders.created", "nobody.hears"],
    });
    expect(node("beta")?.instances.toSorted()).toEqual([one.id, two.id].sort());
    expect(node("beta")?.resonates).toEqual(["orders.*", "audit.>"]);
    expect(edges.toSorted((one, other) => one.from.localeCompare(other.from))).toEqual([
      { from: "alpha", to: "beta", channel: "orders.created", waves: 2 },
      { from: "beta", to: "beta", channel: "audit.x.y", waves: 1 },
    ]);
  });

  test("counts a channel by its name, whether a contract was used or not", async () => {
    const aether = await connect();
    const alpha = aether.vibrator("alpha");
    await aether.vibrator("beta").resonateOn("a", () => {});
    await alpha.emit("a");
    await alpha.emit(channel("a"), {});
    expect(aether.graph().edges).toEqual([{ from: "alpha", to: "beta", channel: "a", waves: 2 }]);
  });

  test("sees the other aethers of its medium", async () => {
    const medium = inProcess();
    const [one, two] = [await connect({ medium }), await connect({ medium })];
    await two.vibrator("beta").resonateOn("a", () => {});
    await one.vibrator("alpha").emit("a");
    expect(one.graph().edges).toEqual([{ from: "alpha", to: "beta", channel: "a", waves: 1 }]);
  });

  test("forgets what was closed", async () => {
    const aether = await connect();
    const beta = aether.vibrator("beta");
    const resonance = await beta.resonateOn("a", () => {});
    await beta.resonateOn("b", () => {});
    await resonance.close();
    expect(aether.graph().vibrators[0]?.resonates).toEqual(["b"]);
    await beta.close();
    expect(aether.graph()).toEqual({ vibrators: [], edges: [] });
  });
});

describe("whenHeard", () => {
  test("resolves at once when somebody resonates", async () => {
    const aether = await connect();
    await aether.vibrator("beta").resonateOn("a.*", () => {});
    await aether.whenHeard("a.b");
    await aether.whenHeard(channel("a.c"));
  });

  test("resolves when somebody begins to resonate, and then a command is taken", async () => {
    const aether = await connect();
    let heard = false;
    const waiting = aether.whenHeard("a.b").then(() => {
      heard = true;
    });
    await aether.vibrator("other").resonateOn("b", () => {});
    await turns();
    expect(heard).toBe(false);
    await aether.vibrator("beta").resonateOn("a.>", () => {});
    await waiting;
    expect((await aether.vibrator("alpha").emit("a.b", {}, { kind: "command" })).heard).toBe(1);
  });

  test("does not take an observer for a resonator", async () => {
    const aether = await connect();
    await aether.observe(">", () => {});
    let heard = false;
    void aether.whenHeard("a").then(() => {
      heard = true;
    });
    await turns();
    expect(heard).toBe(false);
    await aether.vibrator("beta").resonateOn("a", () => {});
    await turns();
    expect(heard).toBe(true);
  });

  test("waits again after the last one has closed", async () => {
    const aether = await connect();
    const resonance = await aether.vibrator("beta").resonateOn("a", () => {});
    await resonance.close();
    const clock = rejection(aether.whenHeard("a", { timeoutMs: 1 }));
    expect(await clock).toMatchObject({ code: "AETHER_TIMEOUT" });
  });

  test("hears of other aethers of its medium", async () => {
    const medium = inProcess();
    const [one, two] = [await connect({ medium }), await connect({ medium })];
    const waiting = one.whenHeard("a");
    await two.vibrator("beta").resonateOn("a", () => {});
    await waiting;
  });

  test("rejects with AETHER_TIMEOUT after its time", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const waiting = rejection(aether.whenHeard("a", { timeoutMs: 100 }));
    await clock.advance(100);
    expect(await waiting).toMatchObject({ code: "AETHER_TIMEOUT", retryable: true });
  });

  test("rejects with the reason of its signal, and leaves no listener behind", async () => {
    const aether = await connect();
    const reason = new Error("enough");
    const controller = new AbortController();
    const waiting = rejection(aether.whenHeard("a", { signal: controller.signal }));
    await turns();
    controller.abort(reason);
    expect(await waiting).toBe(reason);
    expect(await rejection(aether.whenHeard("a", { signal: controller.signal }))).toBe(reason);
    const { signal } = new AbortController();
    const heard = aether.whenHeard("a", { signal, timeoutMs: 10_000 });
    await aether.vibrator("beta").resonateOn("a", () => {});
    await heard;
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  test("rejects with AETHER_CLOSED when the aether closes or is closed", async () => {
    const aether = await connect();
    const waiting = rejection(aether.whenHeard("a"));
    await turns();
    await aether.close();
    expect(await waiting).toMatchObject({ code: "AETHER_CLOSED" });
    expect(await rejection(aether.whenHeard("a"))).toMatchObject({ code: "AETHER_CLOSED" });
  });

  test.each(["", "a.*", "a b"])("is refused on %j", async (name) => {
    const aether = await connect();
    expect(await rejection(aether.whenHeard(name))).toMatchObject({ code: "AETHER_BAD_CHANNEL" });
  });
});
