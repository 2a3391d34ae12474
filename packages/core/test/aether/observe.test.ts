import type { Wave } from "@aether/core";
import { describe, expect, test } from "vitest";
import { connect, expectBalance } from "./connect.ts";
import { ManualClock, turns } from "./manual-clock.ts";
import { never, rejection, until } from "./until.ts";

describe("observe", () => {
  test("sees events, broadcasts, commands and queries, and takes them from nobody", async () => {
    const aether = await connect();
    const seen: string[] = [];
    let handled = 0;
    await aether.observe("a.*", (wave) => void seen.push(wave.kind));
    await aether.vibrator("beta").resonateOn("a.b", () => {
      handled++;
      return 1;
    });
    const alpha = aether.vibrator("alpha");
    await alpha.emit("a.b");
    await alpha.emit("a.b", {}, { kind: "broadcast" });
    await alpha.emit("a.b", {}, { kind: "command" });
    await alpha.query("a.b");
    await alpha.emit("b");
    await until(() => seen.length === 4 && handled === 4);
    await turns();
    expect(seen.sort()).toEqual(["broadcast", "command", "event", "query"]);
  });

  test("joins no group: it counts in no receipt, no graph and no stats", async () => {
    const aether = await connect();
    const observed = await aether.observe(">");
    const alpha = aether.vibrator("alpha");
    expect((await alpha.emit("a")).heard).toBe(0);
    expect(aether.graph().vibrators.flatMap(({ resonates }) => resonates)).toEqual([]);
    expect(aether.stats().received).toBe(0);
    expect(observed.stats().received).toBe(1);
  });

  test("is one of many: each observer sees every wave", async () => {
    const aether = await connect();
    let seen = 0;
    for (let i = 0; i < 3; i++) {
      await aether.observe(">", () => void seen++);
    }
    await aether.vibrator("alpha").emit("a");
    await until(() => seen === 3);
  });

  test("does not satisfy a command: AETHER_NO_RESONATOR remains", async () => {
    const aether = await connect();
    await aether.observe(">", () => {});
    const error = await rejection(aether.vibrator("alpha").emit("a", {}, { kind: "command" }));
    expect(error).toMatchObject({ code: "AETHER_NO_RESONATOR" });
  });

  test("does not satisfy a query, and never answers one", async () => {
    const aether = await connect();
    await aether.observe(">", () => "from the observer");
    const alpha = aether.vibrator("alpha");
    expect(await rejection(alpha.query("a"))).toMatchObject({ code: "AETHER_NO_RESONATOR" });
    await aether.vibrator("beta").resonateOn("a", () => turns(2).then(() => "from beta"));
    expect((await alpha.query("a")).payload).toBe("from beta");
  });

  test("does not end a query by its silence, its failure or its slowness", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const beta = aether.vibrator("beta");
    await beta.resonateOn("a", () => turns(3).then(() => "answer"));
    const alpha = aether.vibrator("alpha");
    for (const observer of [
      () => {},
      () => {
        throw new Error("broken observer");
      },
      () => never,
    ]) {
      const observed = await aether.observe("a", observer);
      const back: unknown[] = [];
      const undo = alpha.onReflection((reflection) => void back.push(reflection));
      expect((await alpha.query("a")).payload).toBe("answer");
      expect(back).toEqual([]);
      undo();
      const closing = observed.close({ deadlineMs: 1 });
      await clock.advance(1);
      await closing;
    }
  });

  test("does not make a command come back by its failure", async () => {
    const aether = await connect();
    const observed = await aether.observe("a", () => {
      throw new Error("broken observer");
    });
    await aether.vibrator("beta").resonateOn("a", () => {});
    const alpha = aether.vibrator("alpha");
    const back: unknown[] = [];
    alpha.onReflection((reflection) => void back.push(reflection));
    await alpha.emit("a", {}, { kind: "command" });
    await until(() => observed.stats().failed === 1);
    await turns();
    expect(back).toEqual([]);
  });

  test("does not make a command that only sheds resonators refuse succeed", async () => {
    const aether = await connect();
    await aether.observe(">", () => {});
    await aether.vibrator("beta").resonateOn("a", () => {}, { noiseFloor: 0.9 });
    const error = await rejection(aether.vibrator("alpha").emit("a", {}, { kind: "command" }));
    expect(error).toMatchObject({ code: "AETHER_SHED" });
  });

  test("can slow nobody: when it does not keep up, its own inbox sheds", async () => {
    const aether = await connect();
    const observed = await aether.observe("a", () => never, { concurrency: 1, inbox: { capacity: 10 } });
    let handled = 0;
    await aether.vibrator("beta").resonateOn("a", () => void handled++);
    const alpha = aether.vibrator("alpha");
    let turned = 0;
    setImmediate(() => {
      turned++;
    });
    for (let i = 0; i < 20; i++) {
      await alpha.emit("a", i);
    }
    expect(turned, "the emitter did not have to yield").toBe(0);
    for (let i = 20; i < 100; i++) {
      await alpha.emit("a", i, { whenFull: "wait" });
    }
    await until(() => handled === 100);
    expect(observed.stats()).toMatchObject({ received: 100, queued: 10, delivered: 1, absorbed: { evicted: 89 } });
    expectBalance(observed.stats());
  });

  test("hears waves too quiet for anybody's floor", async () => {
    const aether = await connect();
    const seen: number[] = [];
    await aether.observe("a", (wave) => void seen.push(wave.amplitude));
    await aether.vibrator("beta").resonateOn("a", () => {}, { noiseFloor: 0.5 });
    await aether.vibrator("alpha").emit("a", {}, { amplitude: 0.02 });
    await until(() => seen.length === 1);
  });

  test("may be iterated, and ends when it is closed", async () => {
    const aether = await connect();
    const observed = await aether.observe("a");
    const alpha = aether.vibrator("alpha");
    await alpha.emit("a", 1);
    const iterator = observed[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toMatchObject({ payload: 1 });
    await observed.close();
    await alpha.emit("a", 2);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  test("does not hear what goes back to one instance", async () => {
    const aether = await connect();
    const seen: Wave[] = [];
    await aether.observe(">", (wave) => void seen.push(wave));
    await aether.vibrator("beta").resonateOn("a", () => {
      throw new Error("broken");
    });
    await aether.vibrator("gamma").resonateOn("b", () => 1);
    const alpha = aether.vibrator("alpha");
    await rejection(alpha.query("a"));
    await alpha.query("b");
    await turns();
    expect(seen.map(({ kind }) => kind)).toEqual(["query", "query"]);
  });

  test("is refused on a bad pattern, and after the aether was closed", async () => {
    const aether = await connect();
    expect(await rejection(aether.observe("a..b"))).toMatchObject({ code: "AETHER_BAD_CHANNEL" });
    await aether.close();
    expect(await rejection(aether.observe("a"))).toMatchObject({ code: "AETHER_CLOSED" });
  });
});
