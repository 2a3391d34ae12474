import { UnrecoverableError } from "@aether/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { connect, expectBalance } from "./connect.ts";
import { ManualClock, turns } from "./manual-clock.ts";
import { seeded } from "./seed.ts";
import { never, until } from "./until.ts";

describe("a handler that fails", () => {
  const ways: [string, () => unknown][] = [
    [
      "throws",
      () => {
        throw new Error("broken");
      },
    ],
    ["rejects", () => Promise.reject(new Error("broken"))],
    ["throws after a while", () => turns(1).then(() => Promise.reject(new Error("broken")))],
    ["rejects with what is no error", () => Promise.reject(undefined)],
    [
      "returns a promise of its own making that throws when it is asked",
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: a broken thenable is what this is about.
        then(): void {
          throw new Error("broken");
        },
      }),
    ],
    [
      "returns what throws when it is looked at",
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: a broken thenable is what this is about.
        get then(): never {
          throw new Error("broken");
        },
      }),
    ],
    [
      "settles twice",
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: a broken thenable is what this is about.
        then(resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
          reject(new Error("broken"));
          resolve(1);
          reject(new Error("again"));
        },
      }),
    ],
  ];

  test.each(ways)("harms nobody else when it %s, and is seen", async (_, fail) => {
    const aether = await connect();
    const failures: unknown[] = [];
    aether.on("failed", ({ channel, vibrator, attempt, willRetry }) => {
      failures.push({ channel, vibrator, attempt, willRetry });
    });
    const heard: unknown[] = [];
    await aether.vibrator("before").resonateOn("a", (wave) => void heard.push(wave.payload));
    const beta = await aether.vibrator("beta").resonateOn(
      "a",
      (wave) => {
        heard.push(wave.payload);
        return wave.payload === 1 ? (fail() as Promise<void>) : undefined;
      },
      { concurrency: 1 },
    );
    await aether.vibrator("behind").resonateOn("a", (wave) => void heard.push(wave.payload));
    const emitter = aether.vibrator("emitter");
    const receipts = await Promise.all([0, 1, 2, 3].map((n) => emitter.emit("a", n)));
    expect(receipts.map(({ heard }) => heard)).toEqual([3, 3, 3, 3]);
    await until(() => heard.length >= 12 && beta.stats().running === 0);
    await turns();
    expect(heard.length).toBe(12);
    expect(beta.stats()).toMatchObject({ delivered: 4, failed: 1, running: 0, queued: 0 });
    expectBalance(aether.stats());
    expect(failures).toEqual([{ channel: "a", vibrator: "beta", attempt: 1, willRetry: false }]);
  });

  test("on an event does not reflect", async () => {
    const aether = await connect();
    const beta = await aether.vibrator("beta").resonateOn("a", () => {
      throw new Error("broken");
    });
    const emitter = aether.vibrator("emitter");
    const back: unknown[] = [];
    emitter.onReflection((reflection) => void back.push(reflection));
    await emitter.emit("a");
    await emitter.emit("a", {}, { kind: "broadcast" });
    await until(() => beta.stats().failed === 2);
    await turns();
    expect(back).toEqual([]);
  });

  test("ten thousand times at random leaves no stray rejection and no count wrong", async () => {
    const random = seeded("handler failures");
    const stray: unknown[] = [];
    const note = (error: unknown): void => void stray.push(error);
    process.on("unhandledRejection", note);
    onTestFinished(() => void process.off("unhandledRejection", note));
    const aether = await connect({ random });
    let failed = 0;
    const fail = (): never => {
      failed++;
      throw new Error("broken");
    };
    const beta = await aether.vibrator("beta").resonateOn(
      ">",
      (_, ctx) => {
        const chance = random();
        if (chance < 0.25) {
          fail();
        }
        if (chance < 0.5) {
          return turns(1).then(fail);
        }
        if (chance < 0.6) {
          void ctx.signal;
          return Promise.reject(new Error("broken")).finally(() => failed++);
        }
        if (chance < 0.8) {
          return Promise.resolve(chance);
        }
        return chance;
      },
      { concurrency: 50 },
    );
    const emitter = aether.vibrator("emitter");
    let answered = 0;
    let refused = 0;
    for (let i = 0; i < 10_000; i++) {
      if (i % 3 === 0) {
        emitter.query("query", i).then(
          () => answered++,
          () => refused++,
        );
      } else {
        void emitter.emit("event", i, { kind: i % 3 === 1 ? "event" : "command" });
      }
      if (i % 50 === 0) {
        await turns(1);
      }
    }
    await until(() => beta.stats().delivered === 10_000 && beta.stats().running === 0);
    await until(() => answered + refused === 3334);
    await turns(10);
    expect(stray).toEqual([]);
    expect(beta.stats()).toMatchObject({ received: 10_000, delivered: 10_000, failed });
    expect(failed).toBeGreaterThan(4000);
  });
});

describe("a handler that does not settle", () => {
  test("is given up after handlerTimeoutMs: its signal aborts, its slot is free, it counts as failed", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const failures: unknown[] = [];
    aether.on("failed", ({ error }) => void failures.push((error as { code?: string }).code));
    const reasons: unknown[] = [];
    const heard: unknown[] = [];
    const beta = await aether.vibrator("beta").resonateOn(
      "a",
      (wave, ctx) => {
        heard.push(wave.payload);
        ctx.signal.addEventListener("abort", () => void reasons.push((ctx.signal.reason as { code?: string }).code));
        return wave.payload === "hangs" ? never : undefined;
      },
      { concurrency: 1, handlerTimeoutMs: 500 },
    );
    const emitter = aether.vibrator("emitter");
    await emitter.emit("a", "hangs");
    await emitter.emit("a", "next");
    await clock.advance(499);
    expect(heard).toEqual(["hangs"]);
    expect(beta.stats()).toMatchObject({ running: 1, queued: 1, failed: 0 });
    await clock.advance(1);
    expect(heard).toEqual(["hangs", "next"]);
    expect(reasons).toEqual(["AETHER_HANDLER_TIMEOUT"]);
    expect(failures).toEqual(["AETHER_HANDLER_TIMEOUT"]);
    expect(beta.stats()).toMatchObject({ running: 0, queued: 0, delivered: 2, failed: 1 });
  });

  test("has 30 s by default", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const beta = await aether.vibrator("beta").resonateOn("a", () => never);
    await aether.vibrator("emitter").emit("a");
    await clock.advance(29_999);
    expect(beta.stats().failed).toBe(0);
    await clock.advance(1);
    expect(beta.stats()).toMatchObject({ failed: 1, running: 0 });
  });

  test("changes nothing when it settles after it was given up", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const settle: (() => void)[] = [];
    const beta = await aether.vibrator("beta").resonateOn(
      "a",
      (wave) =>
        new Promise<void>((resolve, reject) => {
          settle.push(wave.payload === "late" ? resolve : () => reject(new Error("late")));
        }),
      { handlerTimeoutMs: 10 },
    );
    const emitter = aether.vibrator("emitter");
    await emitter.emit("a", "late");
    await emitter.emit("a", "late failure");
    await clock.advance(10);
    const before = beta.stats();
    expect(before).toMatchObject({ delivered: 2, failed: 2, running: 0 });
    for (const late of settle) {
      late();
    }
    await turns();
    expect(beta.stats()).toEqual(before);
  });

  test("reflects a command, with a retryable code", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    await aether.vibrator("beta").resonateOn("a", () => never, { handlerTimeoutMs: 10 });
    const alpha = aether.vibrator("alpha");
    const back: unknown[] = [];
    alpha.onReflection(({ code, retryable }) => void back.push({ code, retryable }));
    await alpha.emit("a", {}, { kind: "command" });
    await clock.advance(10);
    expect(back).toEqual([{ code: "error", retryable: true }]);
  });

  test("does not keep the signal of a handler that settled in time from staying quiet", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const signals: AbortSignal[] = [];
    await aether
      .vibrator("beta")
      .resonateOn("a", async (_, ctx) => void signals.push(ctx.signal), { handlerTimeoutMs: 10 });
    await aether.vibrator("emitter").emit("a");
    await clock.advance(1000);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
  });
});

describe("retries", () => {
  async function run(
    fail: (attempt: number) => void,
    options: object,
    random = 1,
  ): Promise<[number[], unknown[], unknown]> {
    const clock = new ManualClock();
    const aether = await connect({ clock, random: () => random });
    const startedAt = clock.monotonic();
    const times: number[] = [];
    const events: unknown[] = [];
    aether.on("failed", ({ attempt, willRetry }) => void events.push([attempt, willRetry]));
    const beta = await aether.vibrator("beta").resonateOn(
      "a",
      (_, ctx) => {
        expect(ctx.attempt).toBe(times.length + 1);
        times.push(clock.monotonic() - startedAt);
        fail(ctx.attempt);
      },
      options,
    );
    await aether.vibrator("emitter").emit("a", {}, { halfLifeMs: Number.POSITIVE_INFINITY });
    await clock.advance(600_000);
    expectBalance(beta.stats());
    return [times, events, beta.stats()];
  }

  const always = (): never => {
    throw new Error("broken");
  };

  test("do not happen unless they are asked for", async () => {
    const [times, events, stats] = await run(always, {});
    expect(times).toEqual([0]);
    expect(events).toEqual([[1, false]]);
    expect(stats).toMatchObject({ delivered: 1, failed: 1, queued: 0 });
  });

  test("double their delay up to the maximum, with full jitter", async () => {
    const options = { maxAttempts: 6, backoffMs: { base: 100, max: 500 } };
    const [times, events, stats] = await run(always, options, 0.5);
    expect(times).toEqual([0, 50, 150, 350, 600, 850]);
    expect(events).toEqual([
      [1, true],
      [2, true],
      [3, true],
      [4, true],
      [5, true],
      [6, false],
    ]);
    expect(stats).toMatchObject({ received: 1, delivered: 1, failed: 1, queued: 0 });
  });

  test("end when the handler succeeds", async () => {
    const failTwice = (attempt: number): void => {
      if (attempt < 3) {
        always();
      }
    };
    const [times, , stats] = await run(failTwice, { maxAttempts: 10, backoffMs: { base: 100, max: 500 } }, 0.5);
    expect(times.length).toBe(3);
    expect(stats).toMatchObject({ delivered: 1, failed: 0, queued: 0 });
  });

  test("are stopped by UnrecoverableError", async () => {
    const [times, events, stats] = await run(
      () => {
        throw new UnrecoverableError("no such customer");
      },
      { maxAttempts: 10 },
    );
    expect(times.length).toBe(1);
    expect(events).toEqual([[1, false]]);
    expect(stats).toMatchObject({ failed: 1 });
  });

  test("wait as queued, and count as delivered once", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock, random: () => 0.5 });
    const beta = await aether.vibrator("beta").resonateOn("a", always, { maxAttempts: 2 });
    await aether.vibrator("emitter").emit("a");
    await clock.advance(1);
    expect(beta.stats()).toMatchObject({ received: 1, delivered: 0, queued: 1, failed: 0, running: 0 });
    await clock.advance(250);
    expect(beta.stats()).toMatchObject({ received: 1, delivered: 1, queued: 0, failed: 1, running: 0 });
  });

  test("asked for by retryLater spend no attempt", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const startedAt = clock.monotonic();
    const runs: unknown[] = [];
    const beta = await aether.vibrator("beta").resonateOn("a", async (_, ctx) => {
      runs.push([clock.monotonic() - startedAt, ctx.attempt]);
      if (runs.length < 4) {
        ctx.retryLater(1000);
      }
    });
    await aether.vibrator("emitter").emit("a");
    await clock.advance(10_000);
    expect(runs).toEqual([
      [0, 1],
      [1000, 1],
      [2000, 1],
      [3000, 1],
    ]);
    expect(beta.stats()).toMatchObject({ received: 1, delivered: 1, failed: 0, queued: 0 });
  });

  test("answer the query that they were for, within its deadline", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock, random: () => 0.5 });
    await aether.vibrator("beta").resonateOn("a", (_, ctx) => (ctx.attempt < 3 ? always() : "third time"), {
      maxAttempts: 3,
      backoffMs: { base: 100, max: 100 },
    });
    const asking = aether.vibrator("alpha").query("a");
    await clock.advance(100);
    expect((await asking).payload).toBe("third time");
  });

  test.each([0, -1, Number.NaN])("after %d ms are refused", async (delayMs) => {
    const aether = await connect();
    const errors: unknown[] = [];
    await aether.vibrator("beta").resonateOn("a", (_, ctx) => {
      try {
        ctx.retryLater(delayMs);
      } catch (error) {
        errors.push((error as { code?: string }).code);
      }
    });
    await aether.vibrator("emitter").emit("a");
    await until(() => errors.length === 1);
    expect(errors).toEqual(["AETHER_BAD_OPTION"]);
  });
});

describe("a failing handler of one service", () => {
  test("does not keep a member of the same group from its own work", async () => {
    const aether = await connect();
    let handled = 0;
    await aether.vibrator("beta").resonateOn("a", () => {
      throw new Error("broken");
    });
    await aether.vibrator("beta").resonateOn("a", () => void handled++);
    const emitter = aether.vibrator("emitter");
    await Promise.all(Array.from({ length: 10 }, (_, i) => emitter.emit("a", i)));
    await until(() => aether.stats().delivered === 10);
    expect(handled).toBe(5);
    expect(aether.stats().failed).toBe(5);
  });
});
