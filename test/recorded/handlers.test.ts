import { channel, type Resonance, type Schema, UnrecoverableError } from "@aether/core";
import { describe, expect, test } from "vitest";
import { expectBalance } from "../../packages/core/test/aether/connect.ts";
import { turns } from "../../packages/core/test/aether/manual-clock.ts";
import { Gate, never, rejection, until } from "../../packages/core/test/aether/until.ts";
import { world } from "./world.ts";

const broken = () => {
  throw new Error("broken");
};

/** A schema for objects with a text `id`, which `change` changes. */
function idOf(change: (id: string) => string): Schema<{ id: string }, { id: string }> {
  return {
    "~standard": {
      version: 1,
      vendor: "test",
      validate(value) {
        const id: unknown = Reflect.get(Object(value), "id");
        return typeof id === "string"
          ? { value: { id: change(id) } }
          : { issues: [{ message: "no text", path: ["id"] }] };
      },
    },
  };
}

async function letters(aether: { deadLetters: { list(): AsyncIterable<unknown> } }): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const letter of aether.deadLetters.list()) {
    found.push(letter);
  }
  return found;
}

describe("a recorded wave", () => {
  test("is handled by each group, with its position", async () => {
    const { aether, pending } = await world();
    const heard: string[] = [];
    for (const name of ["beta", "gamma"]) {
      await aether.vibrator(name).resonateOn("orders.created", (wave) => {
        heard.push(`${name} ${wave.payload} ${wave.position}`);
      });
    }
    const receipt = await aether.vibrator("alpha").emit("orders.created", "a");
    expect(receipt).toEqual({ id: expect.any(String), outcome: "travelled", position: "1" });
    await turns();
    expect(heard.sort()).toEqual(["beta a 1", "gamma a 1"]);
    expect(await pending("beta")).toBe(0);
    expectBalance(aether.stats());
  });

  test("is handled by one member of a group", async () => {
    const { aether, join } = await world();
    const heard: unknown[] = [];
    for (const member of [aether, await join(), await join()]) {
      await member.vibrator("beta").resonateOn("orders.*", (wave) => void heard.push(wave.payload));
    }
    for (let i = 0; i < 30; i++) {
      await aether.vibrator("alpha").emit("orders.created", i, { kind: i % 2 === 0 ? "broadcast" : "event" });
    }
    await turns();
    expect(heard.length).toBe(30);
    expect(new Set(heard).size).toBe(30);
  });

  test("waits for a group that is away", async () => {
    const { aether, join } = await world();
    const first = await join();
    await first.vibrator("beta").resonateOn("orders.*", () => {});
    await first.close();
    await aether.vibrator("alpha").emit("orders.created", 1);
    const heard: unknown[] = [];
    await aether.vibrator("beta").resonateOn("orders.*", (wave) => void heard.push(wave.payload));
    await turns();
    expect(heard).toEqual([1]);
  });

  test("is heard by a new group from where it asks to begin", async () => {
    const { aether, clock } = await world();
    const alpha = aether.vibrator("alpha");
    await alpha.emit("orders.created", 1);
    await clock.advance(1000);
    const { position = "" } = await alpha.emit("orders.created", 2);
    const date = new Date(clock.now());
    await alpha.emit("orders.created", 3);
    const heard = new Map<string, unknown[]>();
    for (const [name, from] of Object.entries({ start: "start", fresh: "new", at: position, since: date })) {
      heard.set(name, []);
      await aether.vibrator(name).resonateOn("orders.*", (wave) => void heard.get(name)?.push(wave.payload), { from });
    }
    await alpha.emit("orders.created", 4);
    await turns();
    expect(Object.fromEntries(heard)).toEqual({ start: [1, 2, 3, 4], fresh: [4], at: [2, 3, 4], since: [2, 3, 4] });
  });

  test("neither fades nor is too quiet for any floor", async () => {
    const { aether, clock } = await world();
    const heard: unknown[] = [];
    const beta = await aether.vibrator("beta").resonateOn("orders.*", (wave) => void heard.push(wave.amplitude), {
      noiseFloor: 0.9,
    });
    beta.pause();
    const alpha = aether.vibrator("alpha");
    expect(await alpha.emit("orders.created", 1, { amplitude: 0.001 })).toMatchObject({ outcome: "travelled" });
    await alpha.emit("orders.created", 1, { amplitude: 0.02, halfLifeMs: 1 });
    await clock.advance(10 * 3_600_000);
    beta.resume();
    await turns();
    expect(heard.sort()).toEqual([0.001, 0.02]);
    expect(aether.stats()).toMatchObject({ faded: 0, delivered: 2, absorbed: { expired: 0, floor: 0 } });
  });

  test("keeps its amplitude for ever unless its emitter says otherwise", async () => {
    const { aether } = await world();
    const heard: number[] = [];
    await aether.vibrator("beta").resonateOn("orders.*", (wave) => void heard.push(wave.halfLifeMs));
    const alpha = aether.vibrator("alpha");
    await alpha.emit("orders.created");
    await alpha.emit("orders.created", 1, { halfLifeMs: 5000 });
    await alpha.emit(channel("orders.paid", { halfLifeMs: 7000 }), 1);
    await turns();
    expect(heard).toEqual([Number.POSITIVE_INFINITY, 5000, 7000]);
  });

  test("over the hop limit is refused", async () => {
    const { aether } = await world({ physics: { maxPropagation: 2 } });
    const codes: unknown[] = [];
    await aether.vibrator("beta").resonateOn("orders.*", async (_, ctx) => {
      await ctx.emit("orders.created").catch((error: { code: string }) => void codes.push(error.code));
    });
    await aether.vibrator("alpha").emit("orders.created");
    await turns();
    expect(codes).toEqual(["AETHER_EXHAUSTED"]);
    expect(aether.stats()).toMatchObject({ exhausted: 1, delivered: 2 });
  });

  test("is caused by the one that was handled, and inherits its trace", async () => {
    const { aether } = await world();
    const heard: unknown[] = [];
    const beta = aether.vibrator("beta");
    await beta.resonateOn("orders.created", async () => void (await beta.emit("orders.checked")));
    await beta.resonateOn("orders.checked", (wave) => void heard.push([wave.cause, wave.trace, wave.hops]));
    const { id } = await aether.vibrator("alpha").emit("orders.created");
    await turns();
    expect(heard).toEqual([[id, id, 2]]);
  });

  test("that is a command resolves when it is kept, whoever hears it", async () => {
    const { aether } = await world();
    const receipt = await aether.vibrator("alpha").emit("orders.place", 1, { kind: "command" });
    expect(receipt).toMatchObject({ outcome: "travelled", position: "1" });
    const heard: string[] = [];
    await aether.vibrator("beta").resonateOn("orders.*", (wave) => void heard.push(wave.kind), { from: "start" });
    await turns();
    expect(heard).toEqual(["command"]);
  });

  test("is heard live by those whose pattern only overlaps, and by observers", async () => {
    const { aether } = await world();
    const heard: string[] = [];
    await aether.observe("orders.*", () => void heard.push("observer"));
    await aether.vibrator("beta").resonateOn("*.created", () => void heard.push("overlapping"));
    await aether.vibrator("gamma").resonateOn("orders.created", () => void heard.push("recorded"));
    await aether.vibrator("alpha").emit("orders.created");
    await turns();
    expect(heard.sort()).toEqual(["observer", "overlapping", "recorded"]);
  });

  test("is tried again after it failed, and then is a dead letter", async () => {
    const { aether, clock, pending } = await world();
    const attempts: number[] = [];
    const failed: boolean[] = [];
    aether.on("failed", ({ willRetry }) => void failed.push(willRetry));
    await aether.vibrator("beta").resonateOn(
      "orders.created",
      (_, ctx) => {
        attempts.push(ctx.attempt);
        throw new Error("broken");
      },
      { maxAttempts: 3, backoffMs: { base: 10, max: 100 } },
    );
    await aether.vibrator("alpha").emit("orders.created");
    await turns();
    expect(attempts).toEqual([1]);
    expect(aether.stats()).toMatchObject({ received: 1, delivered: 0, queued: 1, failed: 0 });
    await clock.advance(10);
    expect(attempts).toEqual([1, 2]);
    await clock.advance(20);
    expect(attempts).toEqual([1, 2, 3]);
    expect(failed).toEqual([true, true, false]);
    expect(aether.stats()).toMatchObject({ received: 1, delivered: 1, queued: 0, failed: 1 });
    expect(await letters(aether)).toEqual([
      expect.objectContaining({ attempts: 3, group: "beta", name: "orders.created" }),
    ]);
    expect(await pending("beta")).toBe(0);
  });

  test("has ten attempts where nothing else is said", async () => {
    const { aether, clock } = await world();
    let attempts = 0;
    await aether.vibrator("beta").resonateOn("orders.created", () => {
      attempts++;
      throw new Error("broken");
    });
    await aether.vibrator("alpha").emit("orders.created");
    await clock.advance(600_000);
    expect(attempts).toBe(10);
    expect(await letters(aether)).toHaveLength(1);
  });

  test("is given up at once when no retry can help", async () => {
    const { aether, pending } = await world();
    await aether.vibrator("beta").resonateOn("orders.created", () => {
      throw new UnrecoverableError("never");
    });
    await aether.vibrator("alpha").emit("orders.created");
    await turns();
    expect(await letters(aether)).toEqual([expect.objectContaining({ attempts: 1 })]);
    expect(await pending("beta")).toBe(0);
  });

  test("that comes again later spends no attempt", async () => {
    const { aether, clock, pending } = await world();
    const attempts: number[] = [];
    await aether.vibrator("beta").resonateOn("orders.created", (_, ctx) => {
      attempts.push(ctx.attempt);
      if (attempts.length < 4) {
        ctx.retryLater(50);
      }
    });
    await aether.vibrator("alpha").emit("orders.created");
    await clock.advance(200);
    expect(attempts).toEqual([1, 1, 1, 1]);
    expect(await pending("beta")).toBe(0);
    expectBalance(aether.stats());
  });

  test("has failed when its handler takes too long", async () => {
    const { aether, clock } = await world();
    await aether.vibrator("beta").resonateOn("orders.created", () => never, { handlerTimeoutMs: 10, maxAttempts: 1 });
    await aether.vibrator("alpha").emit("orders.created");
    await clock.advance(10);
    expect(await letters(aether)).toEqual([
      expect.objectContaining({ error: expect.objectContaining({ code: "AETHER_HANDLER_TIMEOUT" }) }),
    ]);
  });

  test("whose payload breaks the schema is a dead letter, without an attempt", async () => {
    const { aether, pending } = await world();
    const Orders = channel("orders.created", { schema: idOf((id) => id), recorded: true });
    await aether.vibrator("beta").resonateOn(Orders, () => {});
    await aether.vibrator("alpha").emit("orders.created", { id: 5 });
    await turns();
    expect(await letters(aether)).toEqual([expect.objectContaining({ attempts: 0 })]);
    expect(aether.stats().absorbed.malformed).toBe(1);
    expect(await pending("beta")).toBe(0);
    expectBalance(aether.stats());
  });

  test("is parsed and upgraded as any other", async () => {
    const { aether } = await world();
    const heard: unknown[] = [];
    const Old = channel("orders.created", { version: 1 });
    const New = channel("orders.created", {
      schema: idOf((id) => id.toUpperCase()),
      version: 2,
      upgrade: (payload) => ({ id: payload }),
    });
    await aether.vibrator("beta").resonateOn(New, (wave) => void heard.push(wave.payload));
    await aether.vibrator("alpha").emit(Old, "a");
    await turns();
    expect(heard).toEqual([{ id: "A" }]);
  });

  test("can be emitted again from the dead letters, to the group that failed", async () => {
    const { aether, pending } = await world();
    const heard: string[] = [];
    let isBroken = true;
    await aether.vibrator("beta").resonateOn("orders.created", (wave) => {
      if (isBroken) {
        throw new UnrecoverableError("broken");
      }
      heard.push(`beta ${wave.payload}`);
    });
    await aether.vibrator("gamma").resonateOn("orders.created", (wave) => void heard.push(`gamma ${wave.payload}`));
    await aether.vibrator("alpha").emit("orders.created", 1);
    await turns();
    isBroken = false;
    const [letter] = (await letters(aether)) as { readonly id: string }[];
    expect(await aether.deadLetters.reemit(letter?.id ?? "")).toMatchObject({ outcome: "travelled", position: "2" });
    await turns();
    expect(heard).toEqual(["gamma 1", "beta 1"]);
    expect([await letters(aether), await pending("beta"), await pending("gamma")]).toEqual([[], 0, 0]);
    expectBalance(aether.stats());
  });

  test("that was handled is known again when its record has lost track", async () => {
    const { aether, clock } = await world();
    const heard: unknown[] = [];
    await aether.vibrator("beta").resonateOn("orders.created", (wave) => void heard.push(wave.payload));
    const alpha = aether.vibrator("alpha");
    const receipts = [
      await alpha.emit("orders.created", 1, { id: "a" }),
      await alpha.emit("orders.created", 1, { id: "a" }),
    ];
    await clock.advance(10);
    expect(heard).toEqual([1]);
    expect(new Set(receipts.map(({ position }) => position)).size).toBe(1);
  });
});

describe("a recorded resonance", () => {
  test("has twice as many waves in hand as it may handle, and no more", async () => {
    const { aether, join } = await world();
    const gate = new Gate();
    const beta = await aether.vibrator("beta").resonateOn("orders.*", () => gate.passed, { concurrency: 3 });
    const alpha = (await join()).vibrator("alpha");
    for (let i = 0; i < 50; i++) {
      await alpha.emit("orders.created", i);
    }
    await turns();
    expect(beta.stats()).toMatchObject({ received: 6, running: 3, queued: 3 });
    gate.open();
    await until(() => beta.stats().delivered === 50);
    expectBalance(beta.stats());
  });

  test("has no more in hand than its inbox has room for", async () => {
    const { aether } = await world();
    const beta = await aether.vibrator("beta").resonateOn("orders.*", () => never, { inbox: { capacity: 4 } });
    for (let i = 0; i < 50; i++) {
      await aether.vibrator("alpha").emit("orders.created", i);
    }
    await turns();
    expect(beta.stats().received).toBe(4);
  });

  test("goes on with others while waves wait for their next attempt", async () => {
    const { aether, clock } = await world();
    let handled = 0;
    const beta = await aether.vibrator("beta").resonateOn(
      "orders.*",
      (wave) => {
        if (wave.payload === "bad") {
          throw new Error("broken");
        }
        handled++;
      },
      { concurrency: 2, backoffMs: { base: 1000, max: 1000 } },
    );
    for (let i = 0; i < 20; i++) {
      await aether.vibrator("alpha").emit("orders.created", "bad");
    }
    for (let i = 0; i < 20; i++) {
      await aether.vibrator("alpha").emit("orders.created", "good");
    }
    await turns(8);
    expect(handled).toBe(20);
    expect(beta.stats()).toMatchObject({ queued: 20, received: 40 });
    await clock.advance(20_000);
    expect(beta.stats()).toMatchObject({ queued: 0, failed: 20 });
  });

  test("gives waves back once a thousand wait, and counts their attempts on", async () => {
    const { aether, clock } = await world();
    const attempts = new Map<string, number[]>();
    const beta = await aether.vibrator("beta").resonateOn(
      "orders.*",
      (wave, ctx) => {
        attempts.set(wave.id, [...(attempts.get(wave.id) ?? []), ctx.attempt]);
        throw new Error("broken");
      },
      { maxAttempts: 3, backoffMs: { base: 1000, max: 1000 } },
    );
    const alpha = aether.vibrator("alpha");
    await Promise.all(Array.from({ length: 1300 }, (_, i) => alpha.emit("orders.created", i)));
    await until(() => attempts.size === 1300);
    expect(beta.stats()).toMatchObject({ queued: 1000, received: 1300, delivered: 300 });
    await clock.advance(10_000);
    expect(new Set([...attempts.values()].map((list) => list.join())).size).toBe(1);
    expect([...attempts.values()][0]).toEqual([1, 2, 3]);
    expect(beta.stats()).toMatchObject({ queued: 0, failed: 1300 });
    expectBalance(beta.stats());
  });

  test("with order: key holds up the key of a wave that failed, and no other", async () => {
    const { aether, clock } = await world();
    const heard: string[] = [];
    let isBroken = true;
    await aether.vibrator("beta").resonateOn(
      "orders.*",
      (wave) => {
        if (wave.key === "a" && isBroken) {
          throw new Error("broken");
        }
        heard.push(`${wave.key}${wave.payload}`);
      },
      { order: "key", concurrency: 2, backoffMs: { base: 1000, max: 1000 } },
    );
    const alpha = aether.vibrator("alpha");
    for (let i = 0; i < 10; i++) {
      await alpha.emit("orders.created", i, { key: "a" });
    }
    for (let i = 0; i < 3; i++) {
      await alpha.emit("orders.created", i, { key: "b" });
    }
    await turns(8);
    expect(heard).toEqual(["b0", "b1", "b2"]);
    isBroken = false;
    await clock.advance(1000);
    expect(heard.slice(3)).toEqual(Array.from({ length: 10 }, (_, i) => `a${i}`));
    expectBalance(aether.stats());
  });

  test("that is paused takes nothing more, and leaves it to others", async () => {
    const { aether, join } = await world();
    const heard: string[] = [];
    const handle = (name: string) => (): void => void heard.push(name);
    const one = await aether.vibrator("beta").resonateOn("orders.*", handle("one"));
    await (await join()).vibrator("beta").resonateOn("orders.*", handle("two"));
    one.pause();
    for (let i = 0; i < 10; i++) {
      await aether.vibrator("alpha").emit("orders.created", i);
    }
    await turns();
    expect(heard).toEqual(Array.from({ length: 10 }, () => "two"));
    one.resume();
    for (let i = 0; i < 10; i++) {
      await aether.vibrator("alpha").emit("orders.created", i);
    }
    await turns();
    expect(heard).toHaveLength(20);
    expect(heard).toContain("one");
  });

  test("that closes gives back what has not started, and finishes what runs", async () => {
    const { aether, join, pending } = await world();
    const gate = new Gate();
    const beta = await aether.vibrator("beta").resonateOn("orders.*", () => gate.passed, { concurrency: 2 });
    for (let i = 0; i < 10; i++) {
      await aether.vibrator("alpha").emit("orders.created", i);
    }
    await turns();
    const heard: unknown[] = [];
    await (await join()).vibrator("beta").resonateOn("orders.*", (wave) => void heard.push(wave.payload));
    const closing = beta.close();
    await turns();
    expect(heard.sort()).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
    expect(beta.stats()).toMatchObject({ running: 2, delivered: 2, queued: 0, absorbed: { closed: 2 } });
    gate.open();
    await closing;
    expect(await pending("beta")).toBe(0);
    expectBalance(beta.stats());
  });

  test("that closes gives back what still runs at the deadline, and no dead letter comes of that", async () => {
    const { aether, clock, join, pending } = await world();
    const gate = new Gate();
    const reasons: unknown[] = [];
    const beta = await aether.vibrator("beta").resonateOn("orders.*", async (_, ctx) => {
      ctx.signal.addEventListener("abort", () => void reasons.push(ctx.signal.reason));
      await gate.passed;
      throw new Error("broken");
    });
    await aether.vibrator("alpha").emit("orders.created", 1);
    await turns();
    const closing = beta.close({ deadlineMs: 100 });
    await clock.advance(100);
    await closing;
    expect(reasons).toEqual([expect.objectContaining({ code: "AETHER_DRAINING" })]);
    expect(await pending("beta")).toBe(1);
    gate.open();
    await turns();
    expect(await letters(aether)).toEqual([]);
    expect(aether.stats().failed).toBe(0);
    const heard: unknown[] = [];
    await (await join()).vibrator("beta").resonateOn("orders.*", (wave) => void heard.push(wave.payload));
    await turns();
    expect(heard).toEqual([1]);
    expectBalance(aether.stats());
  });

  test("that closes gives back what waits for another attempt, and what fails meanwhile", async () => {
    const { aether, pending, join } = await world();
    const gate = new Gate();
    const beta = await aether.vibrator("beta").resonateOn("orders.*", async (wave) => {
      if (wave.payload === "slow") {
        await gate.passed;
      }
      throw new Error("broken");
    });
    await aether.vibrator("alpha").emit("orders.created", "quick");
    await aether.vibrator("alpha").emit("orders.created", "slow");
    await turns();
    const closing = beta.close();
    await turns();
    gate.open();
    await closing;
    expect(await pending("beta")).toBe(2);
    expect(beta.stats()).toMatchObject({ delivered: 1, queued: 0, failed: 0, absorbed: { closed: 1 } });
    expectBalance(beta.stats());
    const heard: unknown[] = [];
    await (await join()).vibrator("beta").resonateOn("orders.*", (wave) => void heard.push(wave.payload));
    await turns();
    expect(heard).toEqual(["quick"]); // The other comes after its back-off.
  });

  test("may be closed by its own handler", async () => {
    const { aether, pending } = await world();
    let beta: Resonance | undefined;
    beta = await aether.vibrator("beta").resonateOn("orders.*", async () => void (await beta?.close()));
    await aether.vibrator("alpha").emit("orders.created");
    await turns();
    expect(await pending("beta")).toBe(0);
  });

  test("answers queries, which nobody records", async () => {
    const { aether, medium, pending } = await world();
    await aether.vibrator("beta").resonateOn("orders.*", (wave) => `${wave.kind} ${wave.position}`);
    const answer = await aether.vibrator("alpha").query("orders.find");
    expect(answer.payload).toBe("query undefined");
    expect(await pending("beta")).toBe(0);
    expect(medium.traits.durable).toBe(true);
  });

  test("is known to those who ask who listens", async () => {
    const { aether, join } = await world();
    const heard = (await join()).whenHeard("orders.created");
    await aether.vibrator("beta").resonateOn("orders.*", () => {});
    await expect(heard).resolves.toBeUndefined();
  });

  test("does not hear its own service where it does not want to", async () => {
    const { aether, pending } = await world();
    const beta = aether.vibrator("beta");
    const heard: unknown[] = [];
    const resonance = await beta.resonateOn("orders.*", (wave) => void heard.push(wave.payload), { echo: false });
    await beta.emit("orders.created", 1);
    await turns();
    expect([heard, await pending("beta")]).toEqual([[], 0]);
    expect(resonance.stats().absorbed.echo).toBe(1);
  });

  test("is declared by the contract of its channel", async () => {
    const { aether } = await world();
    const Paid = channel("payments.made", { recorded: true });
    expect(await aether.vibrator("alpha").emit("payments.made")).not.toHaveProperty("position");
    expect(await aether.vibrator("alpha").emit(Paid, 1)).toHaveProperty("position", "1");
    const heard: unknown[] = [];
    await aether.vibrator("beta").resonateOn(Paid, (wave) => void heard.push(wave.payload), { from: "start" });
    await turns();
    expect(heard).toEqual([1]);
    expect(await aether.vibrator("alpha").emit("payments.made", 2)).toHaveProperty("position", "2");
  });

  test.each([
    ["no group", { group: false }],
    ["a beginning, where nothing is recorded", { from: "start" }],
  ] as const)("is refused with %s", async (_, options) => {
    const { aether } = await world();
    const name = "from" in options ? "live.orders" : "orders.*";
    expect(await rejection(aether.vibrator("beta").resonateOn(name, broken, options))).toMatchObject({
      code: "AETHER_UNSUPPORTED",
    });
  });

  test.each(["", 5, new Date(Number.NaN)])("is refused with a beginning that is none: %s", async (from) => {
    const { aether } = await world();
    const options = { from: from as string };
    expect(await rejection(aether.vibrator("beta").resonateOn("orders.*", broken, options))).toMatchObject({
      code: "AETHER_BAD_OPTION",
    });
  });
});
