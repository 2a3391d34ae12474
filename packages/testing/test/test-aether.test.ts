import { channel, inProcess, type Wave } from "@aether/core";
import { testAether, VirtualClock } from "@aether/testing";
import { afterEach, describe, expect, test, vi } from "vitest";

/** Resolves after `ms` on `clock`. */
function sleep(clock: VirtualClock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.schedule(resolve, ms));
}

describe("it feels like an aether", () => {
  test("vibrators talk, by it and by its aether", async () => {
    await using t = await testAether();
    const heard: unknown[] = [];
    await t.vibrator("beta").resonateOn("orders.*", (wave) => void heard.push(wave.payload));
    await t.aether.vibrator("alpha").emit("orders.created", { orderId: "1" });
    await t.settled();
    expect(heard).toEqual([{ orderId: "1" }]);
    expect(t.stats()).toEqual(t.aether.stats());
    expect(t.stats()).toMatchObject({ emitted: 1, received: 1, delivered: 1, queued: 0, running: 0 });
    expect(
      t
        .graph()
        .vibrators.map(({ name }) => name)
        .sort(),
    ).toEqual(["alpha", "beta"]);
  });

  test("on, use, observe and whenHeard are there", async () => {
    await using t = await testAether();
    const log: string[] = [];
    t.on("emitted", ({ channel: name }) => log.push(`emitted ${name}`));
    t.use({ emit: (draft, next) => next({ ...draft, options: { ...draft.options, amplitude: 0.9 } }) });
    await t.observe("a", (wave) => void log.push(`observed ${wave.amplitude}`));
    const heard = t.whenHeard("a", { timeoutMs: 50 });
    await t.vibrator("beta").resonateOn("a", () => undefined);
    await heard;
    await t.vibrator("alpha").emit("a");
    await t.settled();
    expect(log.sort()).toEqual(["emitted a", "observed 0.9"]);
  });

  test("close drains, and lets as much time pass as that takes", async () => {
    const t = await testAether();
    const log: string[] = [];
    await t.vibrator("beta").resonateOn("slow", async () => {
      await sleep(t.clock, 300);
      log.push("finished");
    });
    await t.vibrator("gamma").resonateOn("stuck", (_wave, ctx) => {
      ctx.signal.addEventListener("abort", () => log.push("aborted"));
      return new Promise(() => undefined);
    });
    const alpha = t.vibrator("alpha");
    await alpha.emit("slow");
    await alpha.emit("stuck");
    const startedAt = t.clock.now();
    await t.close({ deadlineMs: 5000 });
    expect(log).toEqual(["finished", "aborted"]);
    expect(t.clock.now() - startedAt).toBe(5000);
    await t.close();
    await expect(alpha.emit("slow")).rejects.toMatchObject({ code: "AETHER_CLOSED" });
  });

  test("closing an idle one lets no time pass", async () => {
    const t = await testAether();
    await t.vibrator("beta").resonateOn("a", () => undefined);
    const startedAt = t.clock.now();
    await t.close();
    expect(t.clock.now()).toBe(startedAt);
  });
});

describe("waves", () => {
  test("are all that was emitted, heard or not, oldest first", async () => {
    await using t = await testAether();
    const alpha = t.vibrator("alpha");
    await t.vibrator("beta").resonateOn("ask", () => "answer");
    await alpha.emit("orders.created", 1);
    await alpha.emit("orders.deleted", 2, { kind: "broadcast" });
    await alpha.query("ask", 3);
    await alpha.emit("nobody", 4);
    expect(t.waves(">").map(({ payload }) => payload)).toEqual([1, 2, 3, 4]);
    expect(t.waves("orders.*").map(({ channel: name }) => name)).toEqual(["orders.created", "orders.deleted"]);
    expect(t.waves().map(({ kind }) => kind)).toEqual(["event", "broadcast", "query", "event"]);
    expect(() => t.waves("no..pattern")).toThrow(expect.objectContaining({ code: "AETHER_BAD_CHANNEL" }));
  });

  test("show what a handler caused", async () => {
    await using t = await testAether();
    await t.vibrator("beta").resonateOn("a", async (_wave, ctx) => void (await ctx.emit("b")));
    await t.vibrator("alpha").emit("a");
    await t.settled();
    const [a, b] = t.waves();
    expect(b?.cause).toBe(a?.id);
    expect(b?.hops).toBe(2);
  });

  test("are those of every aether on the medium", async () => {
    const medium = inProcess();
    const clock = new VirtualClock();
    await using one = await testAether({ medium, clock });
    await using other = await testAether({ medium, clock });
    await one.vibrator("alpha").emit("a");
    await other.vibrator("alpha").emit("b");
    expect(one.waves().map(({ channel: name }) => name)).toEqual(["a", "b"]);
    expect(other.waves().map(({ channel: name }) => name)).toEqual(["a", "b"]);
    expect(new Set(one.waves().map(({ id }) => id)).size).toBe(2);
    expect(new Set(one.waves().map(({ sourceId }) => sourceId)).size).toBe(2);
  });
});

describe("settled", () => {
  test("waits for chains of handlers, and for what they do in the event loop", async () => {
    await using t = await testAether();
    let last: Wave | undefined;
    await t.vibrator("beta").resonateOn("chain", async (wave, ctx) => {
      last = wave;
      await new Promise((resolve) => setImmediate(resolve));
      await ctx.emit("chain");
    });
    await t.vibrator("alpha").emit("chain", undefined, { amplitude: 1 });
    await t.settled();
    expect(last?.hops).toBe(16);
    expect(t.stats()).toMatchObject({ delivered: 16, exhausted: 1, queued: 0, running: 0 });
  });

  test("waits for nothing that virtual time or the test must bring", async () => {
    await using t = await testAether();
    let done = false;
    await t.vibrator("beta").resonateOn("slow", async () => {
      await sleep(t.clock, 100);
      done = true;
    });
    const paused = await t.vibrator("gamma").resonateOn("slow", () => undefined);
    paused.pause();
    await t.vibrator("delta").resonateOn("slow");
    await t.vibrator("alpha").emit("slow");
    await t.settled();
    expect(done).toBe(false);
    expect(t.stats()).toMatchObject({ running: 1, queued: 2 });
    await t.advance(100);
    expect(done).toBe(true);
    paused.resume();
    await t.settled();
    expect(t.stats()).toMatchObject({ running: 0, queued: 1 });
  });

  test("waits for a full burst", async () => {
    await using t = await testAether();
    await t.vibrator("beta", { concurrency: 1 }).resonateOn("burst", async () => await Promise.resolve());
    const alpha = t.vibrator("alpha");
    await Promise.all(Array.from({ length: 2000 }, (_, i) => alpha.emit("burst", i)));
    await t.settled();
    expect(t.stats()).toMatchObject({ delivered: 2000, queued: 0, running: 0 });
    expect(t.waves("burst")).toHaveLength(2000);
  });

  test("works under the fake timers of a runner", async () => {
    vi.useFakeTimers();
    try {
      await using t = await testAether();
      await t.vibrator("beta").resonateOn("a", () => undefined);
      await t.vibrator("alpha").emit("a");
      await t.advance(10);
      expect(t.stats().delivered).toBe(1);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("advance", () => {
  test("times a query out, at its time and not before", async () => {
    await using t = await testAether();
    await t.vibrator("beta").resonateOn("ask", () => new Promise(() => undefined));
    let failure: unknown;
    t.vibrator("alpha")
      .query("ask", {}, { timeoutMs: 2000 })
      .catch((error: unknown) => {
        failure = error;
      });
    await t.advance(1999);
    expect(failure).toBeUndefined();
    await t.advance(1);
    expect(failure).toMatchObject({ code: "AETHER_TIMEOUT" });
  });

  test("gives a handler up after handlerTimeoutMs", async () => {
    await using t = await testAether();
    const failed: unknown[] = [];
    let reason: unknown;
    t.on("failed", ({ error }) => failed.push(error));
    await t.vibrator("beta").resonateOn(
      "a",
      (_wave, ctx) => {
        ctx.signal.addEventListener("abort", () => {
          reason = ctx.signal.reason;
        });
        return new Promise(() => undefined);
      },
      { handlerTimeoutMs: 500 },
    );
    await t.vibrator("alpha").emit("a");
    await t.advance(499);
    expect(failed).toEqual([]);
    expect(t.stats().running).toBe(1);
    await t.advance(1);
    expect(failed).toEqual([expect.objectContaining({ code: "AETHER_HANDLER_TIMEOUT" })]);
    expect(reason).toMatchObject({ code: "AETHER_HANDLER_TIMEOUT" });
    expect(t.stats()).toMatchObject({ running: 0, failed: 1 });
  });

  test("lets waves fade while a resonance is paused", async () => {
    await using t = await testAether();
    const heard: number[] = [];
    const resonance = await t.vibrator("beta").resonateOn("a", (wave) => void heard.push(wave.amplitudeAt()));
    resonance.pause();
    const alpha = t.vibrator("alpha");
    await alpha.emit("a", undefined, { amplitude: 0.8, halfLifeMs: 1000 });
    await alpha.emit("a", undefined, { amplitude: 0.8, halfLifeMs: 100_000 });
    await t.advance(10_000);
    expect(t.stats().queued).toBe(2);
    resonance.resume();
    await t.settled();
    expect(heard).toEqual([expect.closeTo(0.8 * 0.95 * 2 ** -0.1, 10)]);
    expect(t.stats().absorbed.expired).toBe(1);
  });

  test("retries a handler with growing delays, up to maxAttempts", async () => {
    await using t = await testAether({ seed: 7 });
    const attempts: { readonly attempt: number; readonly at: number }[] = [];
    const startedAt = t.clock.now();
    await t.vibrator("beta").resonateOn(
      "a",
      (_wave, ctx) => {
        attempts.push({ attempt: ctx.attempt, at: t.clock.now() - startedAt });
        throw new Error("always");
      },
      { maxAttempts: 4, backoffMs: { base: 1000, max: 3000 } },
    );
    await t.vibrator("alpha").emit("a");
    await t.settled();
    expect(attempts).toHaveLength(1);
    await t.advance(60_000);
    expect(attempts.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
    const delays = attempts.map(({ at }, i) => at - (attempts[i - 1]?.at ?? 0));
    expect(delays[0]).toBe(0);
    for (const [i, longest] of [1000, 2000, 3000].entries()) {
      expect(delays[i + 1]).toBeGreaterThan(0);
      expect(delays[i + 1]).toBeLessThanOrEqual(longest);
    }
    expect(t.stats()).toMatchObject({ delivered: 1, failed: 1, queued: 0, running: 0 });
  });

  test("brings a wave back after retryLater, which spends no attempt", async () => {
    await using t = await testAether();
    const seen: number[] = [];
    await t.vibrator("beta").resonateOn("a", (_wave, ctx) => {
      seen.push(ctx.attempt);
      if (seen.length < 3) {
        ctx.retryLater(1000);
      }
    });
    await t.vibrator("alpha").emit("a");
    await t.advance(999);
    expect(seen).toEqual([1]);
    await t.advance(1001);
    expect(seen).toEqual([1, 1, 1]);
    expect(t.stats()).toMatchObject({ delivered: 1, queued: 0 });
  });

  test("ends a gather and a receive", async () => {
    await using t = await testAether();
    const beta = t.vibrator("beta");
    await beta.resonateOn("health", () => "fine");
    await t.vibrator("gamma").resonateOn("health", () => new Promise(() => undefined));
    const answers: unknown[] = [];
    const gathered = (async () => {
      for await (const answer of t.vibrator("alpha").gather("health", {}, { timeoutMs: 500 })) {
        answers.push(answer.payload);
      }
      return "ended";
    })();
    const received = t.vibrator("delta").receive({ timeoutMs: 500 });
    await t.advance(500);
    expect(await gathered).toBe("ended");
    expect(answers).toEqual(["fine"]);
    expect(await received).toBeUndefined();
  });

  test("takes no real time", async () => {
    await using t = await testAether();
    await t.vibrator("beta").resonateOn("a", async () => await sleep(t.clock, 20_000));
    await t.vibrator("alpha").emit("a");
    const startedAt = performance.now();
    await t.advance(24 * 3_600_000);
    expect(performance.now() - startedAt).toBeLessThan(1000);
    expect(t.stats().running).toBe(0);
  });
});

describe("payloads that cannot travel are refused, with their path", () => {
  const circular: Record<string, unknown> = { a: 1 };
  circular["self"] = { again: circular };
  test.each<[string, unknown, string]>([
    ["a function", { items: [{ price: () => 1 }] }, "items[0].price"],
    ["a Date", { at: new Date(0) }, "at"],
    ["a bigint", { order: { total: 1n } }, "order.total"],
    ["a Map", [new Map()], "[0]"],
    ["a Set", { tags: new Set(["a"]) }, "tags"],
    ["a symbol", { kind: Symbol("kind") }, "kind"],
    ["a circle", circular, "self.again"],
    ["undefined in an array", { items: [1, undefined] }, "items[1]"],
    ["NaN", { amount: Number.NaN }, "amount"],
    ["an instance of a class", { money: new (class Money {})() }, "money"],
    ["a function by itself", () => 1, ""],
  ])("%s", async (_what, payload, path) => {
    await using t = await testAether();
    await t.vibrator("beta").resonateOn(">", () => undefined);
    const alpha = t.vibrator("alpha");
    const refusal = { code: "AETHER_BAD_PAYLOAD", details: { path } };
    await expect(alpha.emit("orders.created", payload)).rejects.toMatchObject(refusal);
    await expect(alpha.query("orders.created", payload)).rejects.toMatchObject(refusal);
    await expect(alpha.emit(channel("orders.created"), payload)).rejects.toMatchObject(refusal);
    expect(t.waves()).toEqual([]);
    expect(t.stats().emitted).toBe(0);
  });

  test.each(["event", "broadcast", "command", "query", "gather", "an emit that waits for room"])(
    "and counted as refused: %s",
    async (what) => {
      await using t = await testAether();
      const alpha = t.vibrator("alpha");
      const bad = { at: new Date(0) };
      const act = async (): Promise<unknown> => {
        switch (what) {
          case "query":
            return await alpha.query("a", bad);
          case "gather":
            return await alpha.gather("a", bad).next();
          case "event":
          case "broadcast":
          case "command":
            return await alpha.emit("a", bad, { kind: what });
          default:
            return await alpha.emit("a", bad, { whenFull: "wait" });
        }
      };
      await expect(act()).rejects.toMatchObject({ code: "AETHER_BAD_PAYLOAD" });
      expect(t.stats()).toMatchObject({ emitted: 0, refused: 1 });
    },
  );

  test("as an answer, too", async () => {
    await using t = await testAether();
    await t.vibrator("beta").resonateOn("ask", () => ({ at: new Date(0) }));
    await expect(t.vibrator("alpha").query("ask")).rejects.toMatchObject({
      code: "AETHER_HANDLER_FAILED",
      message: expect.stringContaining("`at`"),
    });
  });

  test("what can travel arrives as a copy", async () => {
    await using t = await testAether();
    const heard: unknown[] = [];
    await t.vibrator("beta").resonateOn("a", (wave) => void heard.push(wave.payload));
    const payload = { items: [{ sku: "a" }], none: null, left: undefined };
    await t.vibrator("alpha").emit("a", payload);
    await t.settled();
    expect(heard).toEqual([{ items: [{ sku: "a" }], none: null }]);
    expect(heard[0]).not.toBe(payload);
  });
});

describe("dead letters", () => {
  test("are those of the aether, and `dead` tells of them", async () => {
    await using t = await testAether();
    const dead: string[] = [];
    t.on("dead", ({ letter }) => void dead.push(letter));
    let mended = false;
    const beta = await t.vibrator("beta").resonateOn("a", () => {
      if (!mended) {
        throw new Error("broken");
      }
    });
    await t.vibrator("alpha").emit("a", { orderId: "1" });
    await t.settled();
    const [letter = ""] = dead;
    mended = true;
    await t.deadLetters.reemit(letter);
    await t.settled();
    expect(beta.stats()).toMatchObject({ delivered: 2, failed: 1 });
    expect(t.stats().deadLetters).toMatchObject({ entered: 1, kept: 0, reemitted: 1 });
  });
});

describe("chance", () => {
  afterEach(() => vi.unstubAllEnvs());

  async function idsOf(seed?: number): Promise<readonly string[]> {
    await using t = await testAether({ seed });
    const alpha = t.vibrator("alpha");
    const { id } = await alpha.emit("a");
    return [alpha.id, id];
  }

  test("follows from the seed", async () => {
    expect(await idsOf(42)).toEqual(await idsOf(42));
    expect(await idsOf(42)).not.toEqual(await idsOf(43));
    expect(await idsOf()).toEqual(await idsOf(Number(process.env["AETHER_SEED"] ?? 1)));
  });

  test("takes its seed from AETHER_SEED, and tells it", async () => {
    vi.stubEnv("AETHER_SEED", "42");
    await using t = await testAether();
    expect(t.seed).toBe(42);
    expect(await idsOf()).toEqual(await idsOf(42));
    await using other = await testAether({ seed: 5 });
    expect(other.seed).toBe(5);
  });

  test.each([0.5, Number.NaN])("refuses %d as a seed", async (seed) => {
    await expect(testAether({ seed })).rejects.toMatchObject({ code: "AETHER_BAD_OPTION" });
  });

  test("refuses what Aether.connect refuses", async () => {
    const unknown = { seed: 1, nonsense: true };
    await expect(testAether(unknown)).rejects.toMatchObject({ code: "AETHER_BAD_OPTION" });
  });
});
