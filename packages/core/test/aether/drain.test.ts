import { inProcess } from "@aether/core";
import { describe, expect, test } from "vitest";
import { connect, expectBalance } from "./connect.ts";
import { ManualClock, turns } from "./manual-clock.ts";
import { Gate, never, rejection, until } from "./until.ts";

describe("closing an aether", () => {
  test("lets running handlers finish and queued events run", async () => {
    const aether = await connect();
    const handled: unknown[] = [];
    await aether.vibrator("beta").resonateOn(
      "a",
      async (wave) => {
        await turns(1);
        handled.push(wave.payload);
      },
      { concurrency: 2 },
    );
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 20; i++) {
      await emitter.emit("a", i);
    }
    await aether.close();
    expect(handled).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(aether.stats()).toMatchObject({ delivered: 20, queued: 0, running: 0, absorbed: { closed: 0 } });
  });

  test("stops hearing first", async () => {
    const medium = inProcess();
    const [aether, other] = [await connect({ medium }), await connect({ medium })];
    const gate = new Gate();
    await aether.vibrator("beta").resonateOn("a", () => gate.passed);
    const emitter = other.vibrator("emitter");
    await emitter.emit("a");
    await until(() => aether.stats().running === 1);
    const closing = aether.close();
    await turns();
    expect((await emitter.emit("a")).heard).toBe(0);
    gate.open();
    await closing;
    expect(aether.stats()).toMatchObject({ received: 1, delivered: 1 });
  });

  test("lets handlers that finish emit what they have to emit", async () => {
    const medium = inProcess();
    const [aether, other] = [await connect({ medium }), await connect({ medium })];
    const gate = new Gate();
    const heard: unknown[] = [];
    const receipts: unknown[] = [];
    await other.vibrator("sink").resonateOn("done", (wave) => void heard.push(wave.payload));
    const quiet = aether.vibrator("a vibrator without resonances".replaceAll(" ", "-"));
    await aether.vibrator("beta").resonateOn("a", async (_, ctx) => {
      await gate.passed;
      receipts.push((await ctx.emit("done", "ctx")).outcome);
      receipts.push((await quiet.emit("done", "by another vibrator")).outcome);
    });
    await other.vibrator("emitter").emit("a");
    await until(() => aether.stats().running === 1);
    const closing = aether.close();
    await turns();
    gate.open();
    await closing;
    expect(receipts).toEqual(["travelled", "travelled"]);
    await until(() => heard.length === 2);
  });

  test("lets a query that is being handled be answered before the deadline", async () => {
    const aether = await connect();
    const gate = new Gate();
    const aborted: boolean[] = [];
    await aether.vibrator("beta").resonateOn("a", async (_, ctx) => {
      await gate.passed;
      aborted.push(ctx.signal.aborted);
      return "answer";
    });
    const asking = aether
      .vibrator("alpha")
      .query("a")
      .catch((error: { readonly code: string }) => ({ payload: error.code }));
    await until(() => aether.stats().running === 1);
    const closing = aether.close();
    await turns();
    gate.open();
    await closing;
    expect(aborted).toEqual([false]);
    expect((await asking).payload).toBe("answer");
  });

  test("reflects queued commands and queries as AETHER_DRAINING, at once", async () => {
    const medium = inProcess();
    const [aether, other] = [await connect({ medium }), await connect({ medium })];
    const gate = new Gate();
    const beta = await aether.vibrator("beta").resonateOn("a", () => gate.passed, { concurrency: 1 });
    const alpha = other.vibrator("alpha");
    const back: unknown[] = [];
    alpha.onReflection(({ retryable, on, message }) => void back.push([on, retryable, message]));
    await alpha.emit("a");
    await until(() => beta.stats().running === 1);
    await alpha.emit("a", {}, { kind: "command" });
    await alpha.emit("a", "event");
    const asking = rejection(alpha.query("a"));
    const closing = aether.close();
    expect(await asking).toMatchObject({ code: "AETHER_DRAINING", retryable: true });
    expect(back).toEqual([
      ["a", true, expect.stringContaining("AETHER_DRAINING")],
      ["a", true, expect.stringContaining("AETHER_DRAINING")],
    ]);
    expect(beta.stats()).toMatchObject({ running: 1, queued: 1, absorbed: { closed: 2 } });
    gate.open();
    await closing;
    expect(beta.stats()).toMatchObject({ delivered: 2, queued: 0, running: 0 });
  });

  test("reflects queued commands and queries at once also when they wait for their key", async () => {
    const medium = inProcess();
    const [aether, other] = [await connect({ medium }), await connect({ medium })];
    const gate = new Gate();
    let handled = 0;
    const beta = await aether.vibrator("beta").resonateOn(
      "a",
      () => {
        handled++;
        return gate.passed.then(() => "answer");
      },
      { order: "key" },
    );
    const alpha = other.vibrator("alpha");
    await alpha.emit("a", {}, { key: "k" });
    await until(() => beta.stats().running === 1);
    const asking = rejection(alpha.query("a", {}, { key: "k" }));
    await turns();
    const closing = aether.close();
    await turns();
    gate.open();
    expect(await asking).toMatchObject({ code: "AETHER_DRAINING" });
    await closing;
    expect(handled).toBe(1);
  });

  test("at the deadline absorbs what is queued as closed and aborts what runs", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const reasons: unknown[] = [];
    const beta = await aether.vibrator("beta").resonateOn(
      "a",
      (_, ctx) => {
        ctx.signal.addEventListener("abort", () => void reasons.push(ctx.signal.reason));
        return never;
      },
      { concurrency: 1 },
    );
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 5; i++) {
      await emitter.emit("a", i);
    }
    let closed = false;
    const closing = aether.close({ deadlineMs: 500 }).then(() => {
      closed = true;
    });
    await clock.advance(499);
    expect(closed).toBe(false);
    expect(reasons).toEqual([]);
    await clock.advance(1);
    await closing;
    expect(reasons).toEqual([expect.objectContaining({ code: "AETHER_DRAINING" })]);
    expect(beta.stats()).toMatchObject({ received: 5, delivered: 1, queued: 0, absorbed: { closed: 4 } });
    expectBalance(aether.stats());
  });

  test("at the deadline absorbs what waits for its key behind a handler that hangs", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const beta = await aether.vibrator("beta").resonateOn("a", () => never, { order: "key" });
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 4; i++) {
      await emitter.emit("a", i, { key: "k" });
    }
    const closing = aether.close({ deadlineMs: 500 });
    await clock.advance(500);
    await closing;
    expect(beta.stats()).toMatchObject({ received: 4, delivered: 1, queued: 0, absorbed: { closed: 3 } });
  });

  test("has a deadline of 10 s by default", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    await aether.vibrator("beta").resonateOn("a", () => never);
    await aether.vibrator("emitter").emit("a");
    await turns();
    let closed = false;
    const closing = aether.close().then(() => {
      closed = true;
    });
    await clock.advance(9999);
    expect(closed).toBe(false);
    await clock.advance(1);
    await closing;
  });

  test("twice is closing once, and both wait for the end", async () => {
    const aether = await connect();
    const gate = new Gate();
    await aether.vibrator("beta").resonateOn("a", () => gate.passed);
    await aether.vibrator("emitter").emit("a");
    await until(() => aether.stats().running === 1);
    const ends: number[] = [];
    const both = Promise.all([
      aether.close().then(() => ends.push(1)),
      aether.close({ deadlineMs: 1 }).then(() => ends.push(2)),
    ]);
    await turns();
    expect(ends).toEqual([]);
    gate.open();
    await both;
    await aether.close();
    await aether[Symbol.asyncDispose]();
    expect(ends).toEqual([1, 2]);
  });

  test("makes everything refuse with AETHER_CLOSED", async () => {
    const aether = await connect();
    const alpha = aether.vibrator("alpha");
    await alpha.resonateOn("a", () => 1);
    await aether.close();
    const closed = expect.objectContaining({ code: "AETHER_CLOSED", retryable: false });
    expect(await rejection(alpha.emit("a"))).toEqual(closed);
    expect(await rejection(alpha.emit("a", {}, { kind: "command" }))).toEqual(closed);
    expect(await rejection(alpha.query("a"))).toEqual(closed);
    expect(await rejection(alpha.gather("a").next())).toEqual(closed);
    expect(await rejection(alpha.receive())).toEqual(closed);
    expect(await rejection(alpha.resonateOn("b", () => {}))).toEqual(closed);
    expect(await rejection(aether.observe("b"))).toEqual(closed);
    expect(await rejection(aether.whenHeard("b"))).toEqual(closed);
    expect(() => aether.vibrator("beta")).toThrow(closed);
    expect(aether.stats()).toMatchObject({ queued: 0, running: 0 });
  });

  test("leaves no timer behind that would keep the process alive", async () => {
    const aether = await connect();
    await aether.vibrator("beta").resonateOn("a", () => never);
    const alpha = aether.vibrator("alpha");
    const asking = rejection(alpha.query("a", {}, { timeoutMs: 60_000 }));
    await until(() => aether.stats().running === 1);
    await aether.close({ deadlineMs: 1 });
    await asking;
    const timers = process.getActiveResourcesInfo().filter((name) => name === "Timeout");
    const other = await connect();
    await other.close();
    expect(process.getActiveResourcesInfo().filter((name) => name === "Timeout").length).toBeLessThanOrEqual(
      timers.length,
    );
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])("is refused with a deadline of %d ms", async (deadlineMs) => {
    const aether = await connect();
    const closing = (async () => aether.close({ deadlineMs }))();
    expect(await rejection(closing)).toMatchObject({ code: "AETHER_BAD_OPTION" });
    expect((await aether.vibrator("alpha").emit("a")).outcome).toBe("travelled");
  });

  test("does not touch another aether of the same medium", async () => {
    const medium = inProcess();
    const [one, two] = [await connect({ medium }), await connect({ medium })];
    let handled = 0;
    await one.vibrator("beta").resonateOn("a", () => void handled++);
    await two.vibrator("beta").resonateOn("a", () => void handled++);
    await one.close();
    const emitter = two.vibrator("emitter");
    for (let i = 0; i < 4; i++) {
      expect((await emitter.emit("a")).heard).toBe(1);
    }
    await until(() => handled === 4);
  });
});

describe("closing a resonance or a vibrator", () => {
  test("runs a wave that waits for its retry before it ends", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock, random: () => 0.5 });
    const runs: number[] = [];
    const beta = await aether.vibrator("beta").resonateOn(
      "a",
      (_, ctx) => {
        runs.push(ctx.attempt);
        if (ctx.attempt === 1) {
          throw new Error("again");
        }
      },
      { maxAttempts: 2, backoffMs: { base: 1000, max: 1000 } },
    );
    await aether.vibrator("emitter").emit("a");
    await turns();
    const closing = beta.close();
    await clock.advance(500);
    await closing;
    expect(runs).toEqual([1, 2]);
    expect(beta.stats()).toMatchObject({ delivered: 1, failed: 0, queued: 0 });
  });

  test("absorbs a wave whose retry would come after the deadline as closed", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock, random: () => 0.5 });
    const beta = await aether.vibrator("beta").resonateOn(
      "a",
      () => {
        throw new Error("again");
      },
      { maxAttempts: 2, backoffMs: { base: 10_000, max: 10_000 } },
    );
    await aether.vibrator("emitter").emit("a");
    await turns();
    const closing = beta.close({ deadlineMs: 100 });
    await clock.advance(100);
    await closing;
    expect(beta.stats()).toMatchObject({ received: 1, delivered: 0, queued: 0, absorbed: { closed: 1 } });
    expectBalance(beta.stats());
  });

  test("does not retry what fails after the deadline: it is absorbed, or has failed", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock, random: () => 0.5 });
    const gate = new Gate();
    let runs = 0;
    const beta = await aether.vibrator("beta").resonateOn(
      "a",
      async () => {
        runs++;
        await gate.passed;
        throw new Error("late");
      },
      { maxAttempts: 5, backoffMs: { base: 100, max: 100 } },
    );
    await aether.vibrator("emitter").emit("a");
    await turns();
    const closing = beta.close({ deadlineMs: 100 });
    await clock.advance(100);
    await closing;
    gate.open();
    await clock.advance(100_000);
    expect(runs).toBe(1);
    expect(beta.stats()).toMatchObject({ queued: 0, running: 0 });
    expectBalance(beta.stats());
    expectBalance(aether.stats());
  });

  test("absorbs at once what a paused resonance has queued", async () => {
    const aether = await connect({ clock: new ManualClock() });
    const beta = await aether.vibrator("beta").resonateOn("a", () => {});
    beta.pause();
    const emitter = aether.vibrator("emitter");
    await emitter.emit("a");
    const asking = rejection(emitter.query("a"));
    await beta.close();
    expect(await asking).toMatchObject({ code: "AETHER_DRAINING" });
    expect(beta.stats()).toMatchObject({ received: 2, delivered: 0, queued: 0, absorbed: { closed: 2 } });
  });

  test("with a deadline of 0 waits for nobody", async () => {
    const aether = await connect();
    const beta = await aether.vibrator("beta").resonateOn("a", () => never, { concurrency: 1 });
    const emitter = aether.vibrator("emitter");
    await emitter.emit("a");
    await emitter.emit("a");
    await until(() => beta.stats().running === 1);
    await beta.close({ deadlineMs: 0 });
    expect(beta.stats()).toMatchObject({ queued: 0, absorbed: { closed: 1 } });
  });

  test("of a vibrator closes its resonances and leaves those of others", async () => {
    const aether = await connect();
    const beta = aether.vibrator("beta");
    await beta.resonateOn("a", () => {});
    await beta.resonateOn("b", () => {});
    await aether.vibrator("gamma").resonateOn("a", () => {});
    await beta.close();
    const emitter = aether.vibrator("emitter");
    expect((await emitter.emit("a")).heard).toBe(1);
    expect((await emitter.emit("b")).heard).toBe(0);
  });

  test("while waves come in loses none without counting it", async () => {
    const aether = await connect();
    const beta = aether.vibrator("beta");
    let handled = 0;
    const resonance = await beta.resonateOn("a", () => void handled++);
    const emitter = aether.vibrator("emitter");
    let heard = 0;
    for (let i = 0; i < 100; i++) {
      const emitted = emitter.emit("a", i);
      if (i === 50) {
        void resonance.close();
      }
      heard += (await emitted).heard ?? 0;
    }
    await resonance.close();
    const stats = resonance.stats();
    expectBalance(stats);
    expect(heard).toBe(stats.received);
    expect(handled).toBe(stats.delivered);
    expect(stats.delivered).toBeGreaterThan(49);
  });
});
