/** Breakers: what only fails is left alone for a while, and then tried once. */

import { Aether, inProcess } from "@aether/core";
import { VirtualClock } from "@aether/testing";
import { describe, expect, test } from "vitest";
import { breaker } from "../../src/index.ts";
import { CircuitBreaker } from "../../src/resilience/circuit-breaker.ts";
import { failing, sleep, worldOf } from "./world.ts";

describe("the state", () => {
  const settings = { threshold: 3, openMs: 100, successes: 2 };

  test("opens after failures in a row, lets one probe through at a time, and closes after successes", () => {
    const state = new CircuitBreaker();
    for (let i = 0; i < 2; i++) {
      expect(state.failed("pass", 0, settings)).toBe(false);
    }
    state.succeeded("pass", settings);
    expect([1, 2, 3].map(() => state.failed("pass", 0, settings))).toEqual([false, false, true]);
    expect(state.permit(40, settings)).toEqual({ afterMs: 60 });
    expect(state.permit(100, settings)).toBe("probe");
    expect(state.permit(100, settings)).toEqual({ afterMs: 50 });
    expect(state.failed("probe", 110, settings)).toBe(true);
    expect(state.permit(200, settings)).toEqual({ afterMs: 10 });
    for (let i = 0; i < 2; i++) {
      expect(state.permit(210, settings)).toBe("probe");
      state.succeeded("probe", settings);
    }
    expect(state.permit(210, settings)).toBe("pass");
  });
});

describe("queries", () => {
  test("a dead backend is left alone, but for one probe an interval, and is asked again when it is back", async () => {
    let isDead = true;
    let at = 0;
    const changes: boolean[] = [];
    const policy = breaker(
      { failureThreshold: 3, openMs: 60, halfOpenSuccesses: 1 },
      { now: () => at, onChange: (_, isOpen) => changes.push(isOpen) },
    );
    await using world = await worldOf(() => (isDead ? failing() : "back"), policy);
    for (; at < 320; at++) {
      await world.ask().catch((error) => expect(error.code).toMatch(/HANDLER_FAILED|CIRCUIT_OPEN/));
    }
    // Three that open it at 2 ms, and a probe at 62, 122, 182, 242 and 302 ms.
    expect(world.seen).toHaveLength(8);
    isDead = false;
    at = 361;
    await expect(world.ask()).rejects.toMatchObject({ code: "AETHER_CIRCUIT_OPEN", details: { retryAfterMs: 1 } });
    at = 362;
    expect(await world.ask()).toBe("back");
    // The circuit of who asks, and that of the handler.
    expect(changes).toEqual([true, true, false, false]);
  });

  test("who gives up waiting says nothing about the backend", async () => {
    const policy = breaker({ failureThreshold: 1, openMs: 60_000 });
    let isSlow = true;
    await using world = await worldOf(() => (isSlow ? new Promise(() => {}) : "here"), policy);
    for (let i = 0; i < 3; i++) {
      const giveUp = new AbortController();
      setImmediate(() => giveUp.abort(new Error("not interested")));
      await expect(world.ask({ signal: giveUp.signal })).rejects.toThrow("not interested");
    }
    isSlow = false;
    expect(await world.ask()).toBe("here");
  });

  test("control: without one it is asked every time", async () => {
    await using world = await worldOf(failing);
    for (let i = 0; i < 50; i++) {
      await world.ask().catch(() => undefined);
    }
    expect(world.seen).toHaveLength(50);
  });
});

describe("handlers", () => {
  const options = { failureThreshold: 3, openMs: 150, halfOpenSuccesses: 1 };

  test("a resonance that only fails is paused; what comes meanwhile waits, and is handled when a probe succeeds", async () => {
    await using aether = await Aether.connect();
    aether.use(breaker(options, { aether }));
    let isDead = true;
    let runs = 0;
    let handled = 0;
    const resonance = await aether.vibrator("beta").resonateOn(
      "work",
      async () => {
        runs++;
        await sleep(1);
        return isDead ? failing() : void handled++;
      },
      { concurrency: 1 },
    );
    let started = 0;
    aether.on("delivered", () => started++);
    const alpha = aether.vibrator("alpha");
    for (let i = 0; i < 20; i++) {
      await alpha.emit("work", {});
    }
    await sleep(60);
    expect([runs, started]).toEqual([3, 3]);
    expect(resonance.stats().queued).toBe(17);
    isDead = false;
    await expect.poll(() => handled, { timeout: 15_000 }).toBe(17);
    expect(resonance.stats().queued).toBe(0);
  });

  test("other members of the group take over meanwhile", async () => {
    const medium = inProcess();
    await using one = await Aether.connect({ medium });
    await using two = await Aether.connect({ medium });
    one.use(breaker({ ...options, openMs: 60_000 }, { aether: one }));
    let bad = 0;
    let good = 0;
    await one.vibrator("beta").resonateOn("work", () => {
      bad++;
      failing();
    });
    await two.vibrator("beta").resonateOn("work", () => void good++);
    const alpha = two.vibrator("alpha");
    for (let i = 0; i < 200; i++) {
      await alpha.emit("work", {});
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(bad).toBe(3);
    await expect.poll(() => good + bad).toBe(200);
  });

  test("queries are refused at once, for somebody waits", async () => {
    await using world = await worldOf(failing);
    const { around } = breaker(options, { aether: world.aether });
    world.aether.use({ ...(around && { around }) });
    for (let i = 0; i < 3; i++) {
      await world.ask().catch(() => undefined);
    }
    await expect(world.ask()).rejects.toThrow(/only failures lately/);
    expect(world.seen).toHaveLength(3);
  });
});

describe("a handler that hangs", () => {
  const options = { failureThreshold: 2, openMs: 1000, halfOpenSuccesses: 1 };

  test("fails by its timeout, and so opens the breaker; a probe that hangs ends, and another is let through", async () => {
    const clock = new VirtualClock();
    await using aether = await Aether.connect({ clock });
    const changes: boolean[] = [];
    const source = {
      aether,
      now: () => clock.monotonic(),
      onChange: (_: string, isOpen: boolean) => changes.push(isOpen),
    };
    aether.use(breaker(options, source));
    let runs = 0;
    let hangs = true;
    await aether.vibrator("beta").resonateOn(
      "work",
      () => {
        runs++;
        return hangs ? new Promise<void>(() => {}) : undefined;
      },
      {
        handlerTimeoutMs: 100,
        concurrency: 1,
      },
    );
    const alpha = aether.vibrator("alpha");
    const asks = async (): Promise<string> => {
      const asked = alpha.emit("work", {}, { kind: "command" }).then(
        () => "taken",
        ({ code }) => code,
      );
      await clock.advance(200);
      return await asked;
    };
    for (let i = 0; i < 4; i++) {
      await asks();
    }
    expect([runs, changes]).toEqual([2, [true]]);
    await clock.advance(1000);
    await asks(); // the probe, which hangs for 100 ms
    expect([runs, changes]).toEqual([3, [true]]);
    hangs = false;
    await asks();
    expect(runs).toBe(3);
    await clock.advance(1000);
    await asks();
    await asks();
    expect([runs, changes]).toEqual([5, [true, false]]);
  });

  test("control: a breaker that is not told of timeouts goes on", async () => {
    const clock = new VirtualClock();
    await using aether = await Aether.connect({ clock });
    const { around } = breaker(options, { aether, now: () => clock.monotonic() });
    aether.use({
      around: (handle, receiver) => {
        // What the handler gave is kept from the breaker.
        let given: unknown;
        const guarded = around?.((wave, ctx) => {
          given = handle(wave, ctx);
        }, receiver);
        return (wave, ctx) => {
          guarded?.(wave, ctx);
          return given;
        };
      },
    });
    let runs = 0;
    await aether.vibrator("beta").resonateOn(
      "work",
      () => {
        runs++;
        return new Promise<void>(() => {});
      },
      {
        handlerTimeoutMs: 100,
        concurrency: 1,
      },
    );
    for (let i = 0; i < 6; i++) {
      await aether.vibrator("alpha").emit("work", {});
      await clock.advance(200);
    }
    expect(runs).toBe(6);
  });

  test("is in trouble when who asked has waited in vain; not when nobody wants the answer any more", async () => {
    const clock = new VirtualClock();
    await using aether = await Aether.connect({ clock });
    const changes: boolean[] = [];
    const { around } = breaker(options, {
      aether,
      now: () => clock.monotonic(),
      onChange: (_, isOpen) => changes.push(isOpen),
    });
    aether.use({ ...(around && { around }) });
    await aether.vibrator("beta").resonateOn("work", () => new Promise(() => {}));
    const alpha = aether.vibrator("alpha");
    for (let i = 0; i < 5; i++) {
      const giveUp = new AbortController();
      const asked = alpha.query("work", {}, { signal: giveUp.signal }).catch(() => undefined);
      await clock.advance(10);
      giveUp.abort();
      await asked;
      await clock.advance(1);
    }
    expect(changes).toEqual([]);
    for (let i = 0; i < 2; i++) {
      const asked = alpha.query("work", {}, { timeoutMs: 10 }).catch(() => undefined);
      await clock.advance(10);
      await asked;
    }
    expect(changes).toEqual([true]);
  });
});

test("work of one's own", async () => {
  const policy = breaker({ failureThreshold: 1, openMs: 10_000 });
  await expect(policy.execute(failing)).rejects.toThrow("the backend fails");
  await expect(policy.execute(async () => 1)).rejects.toMatchObject({ code: "AETHER_CIRCUIT_OPEN" });
  expect(await policy.execute(async () => 1, { key: "another" })).toBe(1);
});
