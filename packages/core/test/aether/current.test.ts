import { describe, expect, test } from "vitest";
import { connect } from "./connect.ts";
import { until } from "./until.ts";

describe("aether.current", () => {
  test("is the wave that is being handled, across awaits, and nothing elsewhere", async () => {
    const aether = await connect();
    const seen: (string | undefined)[] = [];
    let later: string | undefined = "not asked";
    await aether.vibrator("beta").resonateOn("orders.*", async ({ channel }) => {
      seen.push(aether.current?.channel);
      await Promise.resolve();
      seen.push(aether.current?.channel);
      if (channel === "orders.last") {
        setImmediate(() => {
          later = aether.current?.channel;
        });
      }
    });
    const alpha = aether.vibrator("alpha");
    await Promise.all([alpha.emit("orders.first"), alpha.emit("orders.last")]);
    await until(() => seen.length === 4 && later !== "not asked");
    expect(seen.toSorted()).toEqual(["orders.first", "orders.first", "orders.last", "orders.last"]);
    expect(later).toBeUndefined();
    expect(aether.current).toBeUndefined();
  });

  test("is nothing with explicit causality", async () => {
    const aether = await connect({ causality: "explicit" });
    const seen: unknown[] = [];
    await aether.vibrator("beta").resonateOn("orders.*", () => {
      seen.push(aether.current);
    });
    await aether.vibrator("alpha").emit("orders.first");
    await until(() => seen.length === 1);
    expect(seen).toEqual([undefined]);
  });
});

describe("aether.resonances()", () => {
  test("are those that are open, each with whose it is; observers are none", async () => {
    const aether = await connect();
    const beta = aether.vibrator("beta");
    await aether.observe(">", () => {});
    const first = await beta.resonateOn("orders.*", () => {});
    await beta.resonateOn("stock.*", () => {});
    const patterns = () => Array.from(aether.resonances(), ({ vibrator, resonance }) => [vibrator, resonance.pattern]);
    expect(patterns()).toEqual([
      ["beta", "orders.*"],
      ["beta", "stock.*"],
    ]);
    await first.close();
    expect(patterns()).toEqual([["beta", "stock.*"]]);
    expect([...aether.resonances()][0]?.instance).toBe(beta.id);
  });
});
