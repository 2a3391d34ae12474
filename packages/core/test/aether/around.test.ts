/** What stands around handlers without a promise for each wave, and what it hears of them. */

import { type Aether, AetherError, channel, type Handle, type Interceptor, type Wave } from "@aether/core";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { connect } from "./connect.ts";
import { ManualClock, turns } from "./manual-clock.ts";
import { never, rejection, until } from "./until.ts";

/** Notes when a handling begins and how it ends, and whether that was at once. */
function noting(notes: string[], name = ""): Interceptor {
  const note = (text: string): void => void notes.push(`${name}${text}`);
  return {
    around: (handle) => (wave, ctx) => {
      note(`begins ${wave.channel}`);
      let result: unknown;
      try {
        result = handle(wave, ctx);
      } catch (error) {
        note(`throws ${error}`);
        throw error;
      }
      if (!(result instanceof Promise)) {
        note(`gives ${result}`);
        return result;
      }
      return result.then(
        (value) => {
          note(`resolves to ${value}`);
          return value;
        },
        (error) => {
          note(`rejects with ${error instanceof AetherError ? error.code : error}`);
          throw error;
        },
      );
    },
  };
}

async function emitted(aether: Aether, ...channels: string[]): Promise<void> {
  for (const name of channels) {
    await aether.vibrator("alpha").emit(name);
    await turns();
  }
}

describe("what stands around handlers", () => {
  test("hears at once what a handler does at once, and later what takes its time", async () => {
    const aether = await connect();
    const notes: string[] = [];
    aether.use(noting(notes));
    const beta = aether.vibrator("beta");
    await beta.resonateOn("now", () => 1);
    await beta.resonateOn("wrong", () => {
      throw new Error("no");
    });
    await beta.resonateOn("later", async () => 2);
    await beta.resonateOn("wrong.later", async () => {
      throw new Error("no");
    });
    await emitted(aether, "now", "wrong", "later", "wrong.later");
    expect(notes).toEqual([
      "begins now",
      "gives 1",
      "begins wrong",
      "throws Error: no",
      "begins later",
      "resolves to 2",
      "begins wrong.later",
      "rejects with Error: no",
    ]);
    expect(aether.stats()).toMatchObject({ delivered: 4, failed: 2, running: 0 });
  });

  test("a wave that is handled at once is over before the next one begins", async () => {
    const aether = await connect();
    const beta = await aether.vibrator("beta").resonateOn("a", () => {}, { concurrency: 1 });
    const running: number[] = [];
    aether.use({
      around: (handle) => (wave, ctx) => {
        running.push(beta.stats().running);
        return handle(wave, ctx);
      },
    });
    const alpha = aether.vibrator("alpha");
    await Promise.all([alpha.emit("a"), alpha.emit("a"), alpha.emit("a")]);
    await turns();
    expect(running).toEqual([1, 1, 1]);
    expect(beta.stats()).toMatchObject({ delivered: 3, queued: 0, running: 0 });
  });

  test("stands in the order of registration, mixed with interceptors that await", async () => {
    const aether = await connect();
    const notes: string[] = [];
    aether.use(noting(notes, "outer "));
    aether.use({
      handle: async (wave, _, next) => {
        notes.push("middle before");
        const result = await next(wave);
        notes.push("middle after");
        return result;
      },
    });
    aether.use(noting(notes, "inner "));
    await aether.vibrator("beta").resonateOn("a", () => 1);
    expect((await aether.vibrator("alpha").query("a")).payload).toBe(1);
    expect(notes).toEqual([
      "outer begins a",
      "middle before",
      "inner begins a",
      "inner gives 1",
      "middle after",
      "outer resolves to 1",
    ]);
  });

  test("is made once for a resonance, and anew only when what stands around handlers changes", async () => {
    const aether = await connect();
    const made: string[] = [];
    const around = (handle: Handle, { pattern }: { readonly pattern: string }): Handle => {
      made.push(pattern);
      return handle;
    };
    aether.use({ around });
    await aether.vibrator("beta").resonateOn("a", () => {});
    await emitted(aether, "a", "a");
    const undoEmits = aether.use({ emit: (draft, next) => next(draft) });
    await emitted(aether, "a");
    expect(made).toEqual(["a"]);
    const undo = aether.use({ around });
    await emitted(aether, "a");
    expect(made).toEqual(["a", "a", "a"]);
    undo();
    undoEmits();
    await emitted(aether, "a", "a");
    expect(made).toHaveLength(4);
  });

  test("may change the wave, which is parsed again, and what comes of it", async () => {
    const aether = await connect();
    const Count = channel("count", { schema: z.object({ n: z.coerce.number() }) });
    await aether.vibrator("beta").resonateOn(Count, (wave) => wave.payload.n + 1);
    aether.use({
      around: (handle) => (wave, ctx) => {
        const { n } = wave.payload as { n: number };
        return (handle(wave.withPayload({ n: String(n * 10) }), ctx) as number) * 2;
      },
    });
    expect((await aether.vibrator("alpha").query("count", { n: "2" })).payload).toBe(42);
  });

  test("gives a payload that was parsed to the handler as it is", async () => {
    const aether = await connect();
    const Count = channel("count", { schema: z.object({ n: z.string().transform(Number) }) });
    const seen: unknown[] = [];
    await aether.vibrator("beta").resonateOn(Count, ({ payload }) => void seen.push(payload));
    aether.use(noting([]));
    await aether.vibrator("alpha").emit(Count, { n: "2" });
    await until(() => seen.length === 1);
    expect(seen).toEqual([{ n: 2 }]);
  });

  test("must pass on the context that it was given", async () => {
    const aether = await connect();
    const beta = await aether.vibrator("beta").resonateOn("a", () => 1);
    aether.use({ around: (handle) => (wave, ctx) => handle(wave, { ...ctx }) });
    const error = await rejection(aether.vibrator("alpha").query("a"));
    expect(error).toMatchObject({ message: expect.stringContaining("Expected `ctx` to be what") });
    expect(beta.stats()).toMatchObject({ failed: 1 });
  });

  test("is refused beside `handle`, for one of the two would be around the other", async () => {
    const aether = await connect();
    const both: object = { handle: () => undefined, around: (handle: Handle) => handle };
    expect(() => aether.use(both)).toThrow(/one of `handle` and `around`/);
  });

  test("causes what is emitted by the wave that it sees, whatever the schema made of it", async () => {
    const aether = await connect();
    const In = channel("in", { schema: z.object({ n: z.coerce.number() }) });
    const seen: unknown[] = [];
    const causes: unknown[] = [];
    aether.use({
      around: (handle) => (wave, ctx) => {
        seen.push(wave);
        return handle(wave, ctx);
      },
      emit: (draft, next) => {
        causes.push(draft.cause);
        return next(draft);
      },
    });
    await aether.vibrator("beta").resonateOn(In, (_, ctx) => void ctx.emit("out"));
    await aether.vibrator("alpha").emit(In, { n: "1" });
    await until(() => causes.length === 2);
    expect(causes[1]).toBe(seen[0]);
  });
});

describe("a handler that is given up", () => {
  test.each(["around", "handle"] as const)("is told to what stands around it: by timeout, for `%s`", async (kind) => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const notes: string[] = [];
    const told = (error: unknown): never => {
      notes.push((error as AetherError).code);
      throw error;
    };
    aether.use(
      kind === "around"
        ? { around: (handle) => (wave, ctx) => (handle(wave, ctx) as Promise<unknown>).catch(told) }
        : { handle: (wave, _, next) => next(wave).catch(told) },
    );
    const beta = await aether.vibrator("beta").resonateOn("a", () => never, { handlerTimeoutMs: 100 });
    const failures: unknown[] = [];
    aether.on("failed", ({ error }) => failures.push((error as AetherError).code));
    await aether.vibrator("alpha").emit("a");
    await clock.advance(99);
    expect(notes).toEqual([]);
    await clock.advance(1);
    expect(notes).toEqual(["AETHER_HANDLER_TIMEOUT"]);
    expect(failures).toEqual(["AETHER_HANDLER_TIMEOUT"]);
    expect(beta.stats()).toMatchObject({ delivered: 1, failed: 1, running: 0 });
  });

  test("is told by the deadline of who asked, and its slot is free", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const notes: string[] = [];
    aether.use(noting(notes));
    const beta = await aether.vibrator("beta").resonateOn("a", () => never);
    const asked = rejection(aether.vibrator("alpha").query("a", {}, { timeoutMs: 50 }));
    await clock.advance(50);
    expect(await asked).toMatchObject({ code: "AETHER_TIMEOUT" });
    expect(notes).toEqual(["begins a", "rejects with AETHER_TIMEOUT"]);
    expect(beta.stats()).toMatchObject({ running: 0, failed: 1 });
  });

  test("is told for every call of it", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const notes: unknown[] = [];
    aether.use({
      around: (handle) => (wave, ctx) =>
        Promise.allSettled([handle(wave, ctx), handle(wave, ctx)]).then((results) => void notes.push(...results)),
    });
    await aether.vibrator("beta").resonateOn("a", () => never, { handlerTimeoutMs: 100 });
    await aether.vibrator("alpha").emit("a");
    await clock.advance(100);
    expect(notes).toMatchObject([{ reason: { code: "AETHER_HANDLER_TIMEOUT" } }, { status: "rejected" }]);
    expect(aether.stats()).toMatchObject({ failed: 0, running: 0 });
  });

  test("frees its slot even when what stands around it hangs then: it has as long again", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    aether.use({ handle: (wave, _, next) => next(wave).catch(() => never) });
    const beta = await aether.vibrator("beta").resonateOn("a", () => never, { handlerTimeoutMs: 100 });
    await aether.vibrator("alpha").emit("a");
    await clock.advance(100);
    expect(beta.stats()).toMatchObject({ running: 1, failed: 0 });
    await clock.advance(100);
    expect(beta.stats()).toMatchObject({ running: 0, failed: 1 });
  });
});

describe("a wave that is put off", () => {
  /** Emits one wave of `amplitude` to a handler that puts it off `times`, each time keeping `keeps`. */
  async function putOff(times: number, keeps: number | undefined, amplitude = 0.8) {
    const clock = new ManualClock();
    const aether = await connect({ clock, physics: { halfLifeMs: Number.POSITIVE_INFINITY } });
    const seen: Wave[] = [];
    const caused: Wave[] = [];
    const postponed: number[] = [];
    await aether.vibrator("sink").resonateOn("caused", (wave) => void caused.push(wave));
    const beta = await aether.vibrator("beta").resonateOn("a", (wave, ctx) => {
      seen.push(wave);
      postponed.push(ctx.postponed);
      void ctx.emit("caused");
      if (seen.length <= times) {
        ctx.retryLater(10, { keeps });
      }
    });
    await aether.vibrator("alpha").emit("a", {}, { amplitude });
    await clock.advance(10 * times + 1);
    return { seen, caused, postponed, stats: beta.stats() };
  }

  test("loses what it does not keep, each time: for its handler, and for what that emits", async () => {
    const { seen, caused, postponed, stats } = await putOff(3, 0.5);
    expect(seen.map(({ amplitude }) => amplitude)).toEqual([0.8, 0.4, 0.2, 0.1]);
    expect(caused.map(({ amplitude }) => Number(amplitude.toFixed(4)))).toEqual([0.76, 0.38, 0.19, 0.095]);
    expect(postponed).toEqual([0, 1, 2, 3]);
    expect(new Set(seen.map(({ id }) => id)).size).toBe(1);
    expect(stats).toMatchObject({ received: 1, delivered: 1, failed: 0, queued: 0 });
  });

  test("keeps it all unless it is told otherwise", async () => {
    const { seen } = await putOff(2, undefined);
    expect(seen.map(({ amplitude }) => amplitude)).toEqual([0.8, 0.8, 0.8]);
  });

  test("does not come again once nothing audible is left of it", async () => {
    const { seen, stats } = await putOff(10, 0.1);
    // 0.8, 0.08, and 0.008 is below the least amplitude that anybody hears.
    expect(seen).toHaveLength(2);
    expect(stats).toMatchObject({ received: 1, delivered: 0, queued: 0, absorbed: { expired: 1 } });
  });

  test("spends no attempt, unless it is told to", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const runs: unknown[] = [];
    await aether.vibrator("beta").resonateOn("a", (_, ctx) => {
      runs.push([ctx.attempt, ctx.postponed]);
      if (runs.length < 4) {
        ctx.retryLater(10, { spendsAttempt: runs.length !== 2 });
      }
    });
    await aether.vibrator("alpha").emit("a");
    await clock.advance(100);
    expect(runs).toEqual([
      [1, 0],
      [2, 1],
      [2, 2],
      [3, 3],
    ]);
  });

  test.each([0, -1, 1.1, Number.NaN])("cannot keep %d of it", async (keeps) => {
    const aether = await connect();
    await aether.vibrator("beta").resonateOn("a", (_, ctx) => ctx.retryLater(1, { keeps }));
    const error = await rejection(aether.vibrator("alpha").query("a"));
    expect(error).toMatchObject({ message: expect.stringContaining("Expected `keeps` to be") });
  });
});
