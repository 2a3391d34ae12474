import { channel } from "@aether/core";
import { describe, expect, test } from "vitest";
import { connect } from "./connect.ts";
import { turns } from "./manual-clock.ts";
import { rejection, until } from "./until.ts";

/** Bytes of the heap that are in use after everything that nobody needs has been collected. */
async function heapUsed(): Promise<number> {
  const { gc } = globalThis;
  if (gc === undefined) {
    throw new Error("Expected node to run with --expose-gc");
  }
  for (let i = 0; i < 3; i++) {
    await turns(2);
    gc();
  }
  return process.memoryUsage().heapUsed;
}

const MIB = 1024 * 1024;

/** The growth of the heap over `work`, in MiB, after a first round has made what is made once. */
async function growth(work: () => Promise<void>): Promise<number> {
  await work();
  const before = await heapUsed();
  await work();
  return ((await heapUsed()) - before) / MIB;
}

describe("memory", () => {
  test("of an idle subscription is at most 1 KiB, of 100,000", { timeout: 60_000 }, async () => {
    const aether = await connect();
    const beta = aether.vibrator("beta");
    await beta.resonateOn("warm.up", () => {});
    const count = 100_000;
    const before = await heapUsed();
    const all = await Promise.all(Array.from({ length: count }, (_, i) => beta.resonateOn(`idle.${i}`, () => {})));
    const each = ((await heapUsed()) - before) / count;
    expect(all.length).toBe(count);
    process.stdout.write(`an idle subscription: ${Math.round(each)} bytes\n`);
    expect(each).toBeLessThanOrEqual(1024);
  });

  test("stays flat over five million waves", { timeout: 60_000 }, async () => {
    const aether = await connect({ causality: "explicit" });
    let handled = 0;
    const beta = aether.vibrator("beta");
    await beta.resonateOn("a.*", () => void handled++);
    const emitter = aether.vibrator("emitter");
    const work = async (): Promise<void> => {
      const goal = handled + 2_500_000;
      for (let i = 0; i < 2_500_000; i++) {
        const emitted = emitter.emit("a.b", i);
        if (i % 256 === 0) {
          await emitted;
        }
      }
      await until(() => handled === goal);
    };
    expect(await growth(work)).toBeLessThan(4);
    expect(aether.stats()).toMatchObject({ emitted: 5_000_000, delivered: 5_000_000 });
  });

  test("stays flat over queries, commands, retries, failures, keys and timeouts", { timeout: 60_000 }, async () => {
    const aether = await connect();
    const beta = aether.vibrator("beta", { maxAttempts: 2, backoffMs: { base: 0.1, max: 0.1 } });
    await beta.resonateOn("answer", async (wave) => wave.payload);
    await beta.resonateOn("fail", (_, ctx) => {
      void ctx.signal;
      throw new Error("broken");
    });
    await beta.resonateOn("keyed", () => turns(1), { order: "key" });
    await beta.resonateOn("shed", () => turns(1), { concurrency: 1, inbox: { capacity: 5 } });
    const alpha = aether.vibrator("alpha");
    const { signal } = new AbortController();
    const work = async (): Promise<void> => {
      for (let i = 0; i < 10_000; i++) {
        void alpha.emit("fail", i);
        void alpha.emit("keyed", i, { key: `key-${i}` });
        void alpha.emit("shed", i, { key: `key-${i}` });
        await Promise.all([
          alpha.query("answer", i, { signal }),
          alpha.emit("answer", i, { kind: "command", signal }),
          rejection(alpha.query("nobody", i)),
          alpha.emit("answer", i, { whenFull: "wait", signal }),
        ]);
      }
      await until(() => aether.stats().queued === 0 && aether.stats().running === 0);
    };
    expect(await growth(work)).toBeLessThan(4);
  });

  test("stays flat over retries that an overloaded inbox gives up", { timeout: 60_000 }, async () => {
    const aether = await connect();
    const options = { maxAttempts: 3, backoffMs: { base: 0.1, max: 0.1 }, inbox: { capacity: 5 }, concurrency: 5 };
    const beta = await aether.vibrator("beta").resonateOn(
      "a",
      async () => {
        await undefined;
        throw new Error("broken");
      },
      options,
    );
    const alpha = aether.vibrator("alpha");
    const work = async (): Promise<void> => {
      for (let i = 0; i < 2000; i++) {
        for (let burst = 0; burst < 10; burst++) {
          void alpha.emit("a", new Array(200).fill(i));
        }
        await turns(1);
      }
      await until(() => beta.stats().queued === 0 && beta.stats().running === 0);
    };
    expect(await growth(work)).toBeLessThan(4);
    expect(beta.stats().absorbed.evicted).toBeGreaterThan(1000);
  });

  test("stays flat over waves that fail for good, some of which are emitted again", { timeout: 60_000 }, async () => {
    const aether = await connect({ deadLetters: { capacity: 100 } });
    const beta = aether.vibrator("beta");
    await beta.resonateOn("a", () => {
      throw new Error("broken");
    });
    const alpha = aether.vibrator("alpha");
    const work = async (): Promise<void> => {
      for (let i = 0; i < 200; i++) {
        for (let burst = 0; burst < 40; burst++) {
          const kind = burst % 3 === 0 ? "command" : "event";
          void alpha.emit("a", new Array(200).fill(i), { kind, reflect: true });
        }
        await turns(1);
        for await (const { id } of aether.deadLetters.list({ limit: 20 })) {
          await aether.deadLetters.reemit(id);
        }
      }
      await until(() => aether.stats().queued === 0 && aether.stats().running === 0);
    };
    expect(await growth(work)).toBeLessThan(4);
    const { entered, kept, evicted, reemitted, purged } = aether.stats().deadLetters;
    expect(reemitted).toBeGreaterThan(1000);
    expect(entered).toBe(kept + evicted + reemitted + purged);
  });

  test("stays flat over channels, resonances and vibrators that come and go", { timeout: 60_000 }, async () => {
    const aether = await connect();
    const alpha = aether.vibrator("alpha");
    await aether.vibrator("beta").resonateOn("orders.>", () => {});
    let round = 0;
    const work = async (): Promise<void> => {
      round++;
      for (let i = 0; i < 10_000; i++) {
        await alpha.emit(`orders.${round}.${i}`);
        await alpha.emit(channel(`orders.${round}.${i}`), {});
      }
      for (let i = 0; i < 1000; i++) {
        await using passing = aether.vibrator("passing");
        await using resonance = await passing.resonateOn(`passing.${round}.${i}`, () => {});
        await alpha.emit(`passing.${round}.${i}`);
        expect(resonance.stats().received).toBe(1);
      }
    };
    await work();
    expect(await growth(work)).toBeLessThan(4);
  });
});
