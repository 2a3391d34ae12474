import { getEventListeners } from "node:events";
import type { Resonance, ResonanceOptions, Wave } from "@aether/core";
import { describe, expect, test } from "vitest";
import { connect, expectBalance } from "./connect.ts";
import { turns } from "./manual-clock.ts";
import { Gate, rejection, until } from "./until.ts";

const refused = (code: string) => expect.objectContaining({ name: "AetherError", code });

describe("a resonance with a handler", () => {
  test("hears every wave that is emitted after it was confirmed, and none from before", async () => {
    const aether = await connect();
    const emitter = aether.vibrator("emitter");
    void emitter.emit("a", "before");
    const heard: unknown[] = [];
    await aether.vibrator("beta").resonateOn("a", (wave) => void heard.push(wave.payload));
    void emitter.emit("a", "after");
    await until(() => heard.length > 0);
    await turns();
    expect(heard).toEqual(["after"]);
  });

  test("hears what its pattern covers and nothing else", async () => {
    const aether = await connect();
    const heard: string[] = [];
    const beta = aether.vibrator("beta");
    for (const pattern of ["a.b", "a.*", "a.>", "*.b", ">"]) {
      await beta.resonateOn(pattern, (wave) => void heard.push(`${pattern} ${wave.channel}`));
    }
    const emitter = aether.vibrator("emitter");
    for (const name of ["a", "a.b", "a.b.c", "b.b"]) {
      await emitter.emit(name);
    }
    await until(() => aether.stats().queued === 0 && aether.stats().delivered >= 10);
    expect(heard.sort()).toEqual([
      "*.b a.b",
      "*.b b.b",
      "> a",
      "> a.b",
      "> a.b.c",
      "> b.b",
      "a.* a.b",
      "a.> a.b",
      "a.> a.b.c",
      "a.b a.b",
    ]);
  });

  test.each([1, 3, 100])("runs at most %i handlers at a time, and as many as that", async (concurrency) => {
    const aether = await connect();
    const gate = new Gate();
    let running = 0;
    let most = 0;
    const resonance = await aether.vibrator("beta").resonateOn(
      "a",
      async () => {
        most = Math.max(most, ++running);
        await gate.passed;
        running--;
      },
      { concurrency },
    );
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 300; i++) {
      await emitter.emit("a", i, { amplitude: i % 2 === 0 ? 0.5 : 0.9 });
    }
    await until(() => running === concurrency);
    expect(resonance.stats()).toMatchObject({
      running: concurrency,
      delivered: concurrency,
      queued: 300 - concurrency,
    });
    gate.open();
    await until(() => resonance.stats().delivered === 300 && running === 0);
    expect(most).toBe(concurrency);
  });

  test("bounds handlers that are silent about their end by throwing, too", async () => {
    const aether = await connect();
    let running = 0;
    let most = 0;
    const resonance = await aether.vibrator("beta").resonateOn(
      "a",
      async (wave) => {
        most = Math.max(most, ++running);
        await turns(1);
        running--;
        if ((wave.payload as number) % 2 === 0) {
          throw new Error("even");
        }
      },
      { concurrency: 5 },
    );
    const emitter = aether.vibrator("emitter");
    await Promise.all(Array.from({ length: 100 }, (_, i) => emitter.emit("a", i)));
    await until(() => resonance.stats().delivered === 100 && resonance.stats().running === 0);
    expect(most).toBe(5);
    expect(resonance.stats().failed).toBe(50);
  });

  test("starts no handler while it is paused, goes on hearing, and goes on when it is resumed", async () => {
    const aether = await connect();
    const heard: unknown[] = [];
    const resonance = await aether.vibrator("beta").resonateOn("a", (wave) => void heard.push(wave.payload));
    const emitter = aether.vibrator("emitter");
    resonance.pause();
    for (let i = 0; i < 10; i++) {
      await emitter.emit("a", i);
    }
    await turns();
    expect(heard).toEqual([]);
    expect(resonance.stats()).toMatchObject({ received: 10, queued: 10, delivered: 0 });
    resonance.resume();
    await until(() => heard.length === 10);
    expect(heard).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("may be paused by its own handler", async () => {
    const aether = await connect();
    let handled = 0;
    const resonance = await aether.vibrator("beta").resonateOn("a", () => {
      handled++;
      resonance.pause();
    });
    const emitter = aether.vibrator("emitter");
    await Promise.all(Array.from({ length: 10 }, (_, i) => emitter.emit("a", i)));
    await turns();
    expect(handled).toBe(1);
    resonance.resume();
    await until(() => handled === 2);
    await turns();
    expect(handled).toBe(2);
    expect(resonance.stats().queued).toBe(8);
  });

  test("does not listen below its noise floor", async () => {
    const aether = await connect();
    const heard: number[] = [];
    const beta = aether.vibrator("beta", { noiseFloor: 0.3 });
    const resonance = await beta.resonateOn("a", (wave) => void heard.push(wave.amplitude));
    const emitter = aether.vibrator("emitter");
    for (const amplitude of [0.1, 0.31, 0.316, 0.5, 1]) {
      const receipt = await emitter.emit("a", {}, { amplitude });
      expect(receipt.heard).toBe(amplitude * 0.95 >= 0.3 ? 1 : 0);
    }
    await until(() => heard.length === 3);
    expect(heard.sort()).toEqual([0.316, 0.5, 1]);
    expect(resonance.stats()).toMatchObject({ received: 5, absorbed: { floor: 2 } });
  });

  test("takes the options of its vibrator where it has none of its own", async () => {
    const aether = await connect();
    const beta = aether.vibrator("beta", { noiseFloor: 0.9, group: "workers", inbox: { capacity: 5 } });
    const inherited = await beta.resonateOn("a");
    const own = await beta.resonateOn("b", { noiseFloor: 0, group: "others", inbox: { bytes: 10_000 } });
    expect([inherited.group, own.group]).toEqual(["workers", "others"]);
    const emitter = aether.vibrator("emitter");
    expect((await emitter.emit("a")).heard).toBe(0);
    for (let i = 0; i < 9; i++) {
      await emitter.emit("b");
    }
    expect(own.stats(), "the capacity of the vibrator still holds").toMatchObject({
      queued: 5,
      absorbed: { evicted: 4 },
    });
  });

  test("with echo false does not hear the events of its own service, whichever instance emits them", async () => {
    const aether = await connect();
    const [one, two] = [aether.vibrator("beta"), aether.vibrator("beta")];
    const heard: string[] = [];
    const resonances: Resonance[] = [];
    for (const vibrator of [one, two]) {
      resonances.push(
        await vibrator.resonateOn("a", (wave) => void heard.push(wave.source), { echo: false, group: false }),
      );
    }
    await one.emit("a");
    await two.emit("a", {}, { kind: "broadcast" });
    await aether.vibrator("gamma").emit("a");
    await until(() => heard.length === 2);
    expect(heard).toEqual(["gamma", "gamma"]);
    for (const resonance of resonances) {
      expect(resonance.stats()).toMatchObject({ received: 3, delivered: 1, absorbed: { echo: 2 } });
    }
  });

  test("hears the events of its own service by default", async () => {
    const aether = await connect();
    const beta = aether.vibrator("beta");
    let heard = 0;
    await beta.resonateOn("a", () => void heard++);
    await beta.emit("a");
    await until(() => heard === 1);
  });

  test("is refused when it would share its identity with another of the same vibrator", async () => {
    const aether = await connect();
    const beta = aether.vibrator("beta");
    const first = await beta.resonateOn("a", () => {});
    expect(await rejection(beta.resonateOn("a", () => {}))).toEqual(refused("AETHER_AMBIGUOUS"));
    expect(await rejection(beta.resonateOn("a"))).toEqual(refused("AETHER_AMBIGUOUS"));
    expect(await rejection(beta.resonateOn("b", () => {}, { name: "a" }))).toEqual(refused("AETHER_AMBIGUOUS"));
    await beta.resonateOn("a", () => {}, { name: "second" });
    await beta.resonateOn("a", () => {}, { group: "other" });
    await aether.vibrator("beta").resonateOn("a", () => {});
    await first.close();
    await beta.resonateOn("a", () => {});
    expect((await aether.vibrator("emitter").emit("a")).heard).toBe(3);
  });

  test("is refused once even when two are asked for at the same time", async () => {
    const aether = await connect();
    const beta = aether.vibrator("beta");
    const both = await Promise.allSettled([beta.resonateOn("a", () => {}), beta.resonateOn("a", () => {})]);
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  });

  test("has its pattern for a name, and its vibrator's name for a group", async () => {
    const aether = await connect();
    const beta = aether.vibrator("beta");
    expect(await beta.resonateOn("orders.*")).toMatchObject({ pattern: "orders.*", name: "orders.*", group: "beta" });
    const own = await beta.resonateOn("orders.>", { name: "audit", group: false });
    expect(own).toMatchObject({ pattern: "orders.>", name: "audit", group: false });
  });

  const bad: [string, ResonanceOptions][] = [
    ["an unknown option", { concurency: 1 } as ResonanceOptions],
    ["a concurrency of 0", { concurrency: 0 }],
    ["a concurrency of 1.5", { concurrency: 1.5 }],
    ["a capacity of 0", { inbox: { capacity: 0 } }],
    ["an unknown option of the inbox", { inbox: { size: 1 } } as ResonanceOptions],
    ["a noise floor above 1", { noiseFloor: 1.5 }],
    ["a noise floor that is no number", { noiseFloor: Number.NaN }],
    ["an unknown order", { order: "lifo" } as unknown as ResonanceOptions],
    ["a handler timeout of 0", { handlerTimeoutMs: 0 }],
    ["no attempt", { maxAttempts: 0 }],
    ["an empty name", { name: "" }],
    ["a name with a space", { name: "a b" }],
    ["a group with a line break", { group: "a\nb" }],
    ["an echo that is no truth value", { echo: "no" } as unknown as ResonanceOptions],
  ];
  test.each(bad)("is refused with %s", async (_, options) => {
    const aether = await connect();
    expect(await rejection(aether.vibrator("beta").resonateOn("a", () => {}, options))).toEqual(
      refused("AETHER_BAD_OPTION"),
    );
    expect((await aether.vibrator("emitter").emit("a")).heard).toBe(0);
  });

  test.each([[{ inbox: { fairBy: "tenant" } }], [{ from: "start" }]])(
    "is refused with %j, which is not built",
    async (options) => {
      const aether = await connect();
      const asked = aether.vibrator("beta").resonateOn("a", () => {}, options as ResonanceOptions);
      expect(await rejection(asked)).toEqual(refused("AETHER_UNSUPPORTED"));
    },
  );

  test.each(["", "a..b", "a.>.b", "a*", "a b", "x".repeat(129)])("is refused on the pattern %j", async (pattern) => {
    const aether = await connect();
    expect(await rejection(aether.vibrator("beta").resonateOn(pattern, () => {}))).toEqual(
      refused("AETHER_BAD_CHANNEL"),
    );
  });

  test("is refused with a handler that is no function", async () => {
    const aether = await connect();
    const asked = aether.vibrator("beta").resonateOn("a", "handler" as unknown as () => void);
    expect(await rejection(asked)).toEqual(refused("AETHER_BAD_OPTION"));
  });

  test("is refused by a closed vibrator", async () => {
    const aether = await connect();
    const beta = aether.vibrator("beta");
    await beta.close();
    expect(await rejection(beta.resonateOn("a", () => {}))).toEqual(refused("AETHER_CLOSED"));
  });

  test("that is asked for while its vibrator closes does not stay", async () => {
    const aether = await connect();
    const beta = aether.vibrator("beta");
    const asked = rejection(beta.resonateOn("a", () => {}));
    await beta.close();
    expect(await asked).toEqual(refused("AETHER_CLOSED"));
    expect((await aether.vibrator("emitter").emit("a")).heard).toBe(0);
  });

  test("hears nothing after it was closed, and closes twice", async () => {
    const aether = await connect();
    let heard = 0;
    const resonance = await aether.vibrator("beta").resonateOn("a", () => void heard++);
    const emitter = aether.vibrator("emitter");
    await emitter.emit("a");
    await Promise.all([resonance.close(), resonance.close()]);
    await resonance.close();
    expect(heard).toBe(1);
    expect((await emitter.emit("a")).heard).toBe(0);
    await turns();
    expect(heard).toBe(1);
  });

  test("is closed by its signal", async () => {
    const aether = await connect();
    const controller = new AbortController();
    await aether.vibrator("beta").resonateOn("a", () => {}, { signal: controller.signal });
    const emitter = aether.vibrator("emitter");
    expect((await emitter.emit("a")).heard).toBe(1);
    controller.abort();
    await turns();
    expect((await emitter.emit("a")).heard).toBe(0);
  });

  test("is closed by a signal that aborts while it is being confirmed", async () => {
    const aether = await connect();
    const controller = new AbortController();
    const asked = aether.vibrator("beta").resonateOn("a", () => {}, { signal: controller.signal });
    controller.abort();
    await asked.catch(() => undefined);
    await turns();
    expect((await aether.vibrator("emitter").emit("a")).heard).toBe(0);
  });

  test("is refused by a signal that has aborted, with its reason", async () => {
    const aether = await connect();
    const reason = new Error("no more");
    const asked = aether.vibrator("beta").resonateOn("a", () => {}, { signal: AbortSignal.abort(reason) });
    expect(await rejection(asked)).toBe(reason);
    expect((await aether.vibrator("emitter").emit("a")).heard).toBe(0);
  });

  test("that was closed leaves no listener on its signal behind", async () => {
    const aether = await connect();
    const { signal } = new AbortController();
    const resonance = await aether.vibrator("beta").resonateOn("a", () => {}, { signal });
    await resonance.close();
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  test("is closed by `await using`", async () => {
    const aether = await connect();
    const emitter = aether.vibrator("emitter");
    {
      await using beta = aether.vibrator("beta");
      await using resonance = await beta.resonateOn("a", () => {});
      expect(resonance.pattern).toBe("a");
      expect((await emitter.emit("a")).heard).toBe(1);
    }
    expect((await emitter.emit("a")).heard).toBe(0);
  });

  test("is not to be iterated", async () => {
    const aether = await connect();
    const resonance = await aether.vibrator("beta").resonateOn("a", () => {});
    expect(() => resonance[Symbol.asyncIterator]()).toThrow(expect.objectContaining({ code: "AETHER_BAD_OPTION" }));
    expect(() => resonance.batches()).toThrow(expect.objectContaining({ code: "AETHER_BAD_OPTION" }));
  });

  test("keeps counting what becomes of its waves", async () => {
    const aether = await connect();
    const gate = new Gate();
    const resonance = await aether.vibrator("beta").resonateOn("a", () => gate.passed, {
      concurrency: 2,
      inbox: { capacity: 3 },
    });
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 10; i++) {
      await emitter.emit("a", i);
    }
    await until(() => resonance.stats().running === 2);
    const stats = resonance.stats();
    expectBalance(stats);
    expect(stats).toMatchObject({ received: 10, delivered: 2, queued: 3, running: 2, absorbed: { evicted: 5 } });
    gate.open();
    await until(() => resonance.stats().delivered === 5 && resonance.stats().running === 0);
    expectBalance(resonance.stats());
  });

  test("shares one immutable wave with the others", async () => {
    const aether = await connect();
    const waves = new Set<Wave>();
    for (let i = 0; i < 3; i++) {
      await aether.vibrator(`beta-${i}`).resonateOn("a", (wave) => void waves.add(wave));
    }
    await aether.vibrator("emitter").emit("a");
    await until(() => aether.stats().delivered === 3);
    expect(waves.size).toBe(1);
  });
});
