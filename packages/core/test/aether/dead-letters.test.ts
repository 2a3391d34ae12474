import { type Aether, AetherError, channel, type DeadLetter, inProcess, UnrecoverableError } from "@aether/core";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { connect } from "./connect.ts";
import { ManualClock, turns } from "./manual-clock.ts";
import { rejection, until } from "./until.ts";

const broken = (): never => {
  throw new Error("broken");
};

async function lettersOf(aether: Aether, query = {}): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = [];
  for await (const letter of aether.deadLetters.list(query)) {
    letters.push(letter);
  }
  return letters;
}

/** The one letter there is. */
async function theLetter(aether: Aether): Promise<DeadLetter> {
  const [letter, ...others] = await lettersOf(aether);
  if (letter === undefined || others.length > 0) {
    throw new Error(`Expected one dead letter, got ${others.length + (letter === undefined ? 0 : 1)}`);
  }
  return letter;
}

describe("what enters", () => {
  test.each(["event", "broadcast", "command"] as const)("a failed %s, with all that is known of it", async (kind) => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const alpha = aether.vibrator("alpha");
    const beta = aether.vibrator("beta");
    await beta.resonateOn("orders.*", broken, { name: "bill", group: "billing" });
    const { id } = await alpha.emit("orders.created", { orderId: "1" }, { kind, key: "k", headers: { tenant: "a" } });
    await turns();
    const letter = await theLetter(aether);
    expect(letter).toMatchObject({
      wave: { id, channel: "orders.created", kind, payload: { orderId: "1" }, key: "k", headers: { tenant: "a" } },
      error: { code: "AETHER_HANDLER_FAILED", message: "broken" },
      attempts: 1,
      group: "billing",
      name: "bill",
      instance: beta.id,
      origin: { source: "alpha", sourceId: alpha.id },
      at: clock.now(),
    });
    expect(letter.error.stack).toContain("broken");
    expect(letter.id).not.toBe(id);
    expect(letter.wave.exchange).toBeUndefined();
  });

  test("a wave once all its attempts have failed, with their number", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock, random: () => 0.5 });
    const options = { maxAttempts: 3, backoffMs: { base: 100, max: 100 } };
    await aether.vibrator("beta").resonateOn("a", broken, options);
    await aether.vibrator("alpha").emit("a");
    await clock.advance(99);
    expect(await lettersOf(aether)).toEqual([]);
    await clock.advance(1);
    expect(await theLetter(aether)).toMatchObject({ attempts: 3 });
  });

  test("a wave at once whose failure no attempt can mend", async () => {
    const aether = await connect();
    const fail = (): never => {
      throw new UnrecoverableError("no such order");
    };
    await aether.vibrator("beta").resonateOn("a", fail, { maxAttempts: 3 });
    await aether.vibrator("alpha").emit("a");
    await turns();
    expect(await theLetter(aether)).toMatchObject({ attempts: 1, error: { message: "no such order" } });
  });

  test("a wave whose handler was late, by that code", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    await aether.vibrator("beta").resonateOn("a", () => new Promise(() => {}), { handlerTimeoutMs: 50 });
    await aether.vibrator("alpha").emit("a");
    await clock.advance(50);
    expect(await theLetter(aether)).toMatchObject({ error: { code: "AETHER_HANDLER_TIMEOUT" } });
  });

  test.each(["pushed", "pulled"])("a wave whose payload broke the schema of a %s resonance", async (how) => {
    const aether = await connect();
    const strict = channel("a", { schema: z.object({ orderId: z.string() }) });
    const beta = aether.vibrator("beta");
    const resonance = await (how === "pushed" ? beta.resonateOn(strict, () => {}) : beta.resonateOn(strict));
    await aether.vibrator("alpha").emit("a", { orderId: 1 });
    if (how === "pulled") {
      expect(await beta.receive({ timeoutMs: 0 })).toBeUndefined();
    }
    await until(() => resonance.stats().absorbed.malformed === 1);
    expect(await theLetter(aether)).toMatchObject({
      attempts: 0,
      error: { code: "AETHER_BAD_PAYLOAD" },
      wave: { payload: { orderId: 1 } },
    });
  });

  test("one letter for each resonance that failed", async () => {
    const aether = await connect();
    await aether.vibrator("beta").resonateOn("a", broken);
    await aether.vibrator("gamma").resonateOn("*", broken, { group: false });
    await aether.vibrator("delta").resonateOn("a", () => {});
    await aether.vibrator("alpha").emit("a");
    await turns();
    const letters = await lettersOf(aether);
    expect(letters.map(({ group, name }) => `${group} ${name}`).sort()).toEqual(["beta a", "false *"]);
  });

  test("no query, nothing that an observer's handler throws, nothing that was absorbed", async () => {
    const aether = await connect();
    const alpha = aether.vibrator("alpha");
    await aether.observe(">", broken);
    await aether.vibrator("beta").resonateOn("a", broken);
    await aether.vibrator("gamma").resonateOn("b", () => {}, { noiseFloor: 0.9 });
    expect(await rejection(alpha.query("a"))).toMatchObject({ code: "AETHER_HANDLER_FAILED" });
    await alpha.emit("b");
    await turns();
    expect(await lettersOf(aether)).toEqual([]);
  });

  test("whatever a handler throws, as far as it can be told", async () => {
    const aether = await connect();
    const thrown: readonly unknown[] = [
      undefined,
      "text",
      new AetherError("AETHER_SHED", "busy"),
      new Proxy(new Error("trap"), { getPrototypeOf: broken, get: broken }),
      Object.assign(new Error("x".repeat(10_000)), { stack: 5 }),
    ];
    await aether.vibrator("beta").resonateOn("a", ({ payload }) => {
      throw thrown[Number(payload)];
    });
    for (const i of thrown.keys()) {
      await aether.vibrator("alpha").emit("a", i);
    }
    await turns();
    const errors = (await lettersOf(aether)).map(({ error }) => error);
    expect(errors.map(({ code }) => code)).toEqual([
      "AETHER_HANDLER_FAILED",
      "AETHER_HANDLER_FAILED",
      "AETHER_SHED",
      "AETHER_HANDLER_FAILED",
      "AETHER_HANDLER_FAILED",
    ]);
    expect(errors.map(({ message }) => message.length <= 4096)).not.toContain(false);
    expect(errors[4]?.stack).toBeUndefined();
  });

  test("is told as `dead` with the letter's id, after `failed`", async () => {
    const aether = await connect();
    const told: unknown[] = [];
    aether.on("failed", ({ id }) => void told.push(["failed", id]));
    aether.on("dead", ({ id, channel: on, vibrator, group, name, attempts, letter, error }) => {
      told.push(["dead", id, on, vibrator, group, name, attempts, letter, (error as Error).message]);
    });
    await aether.vibrator("beta").resonateOn("*", broken);
    await aether.vibrator("alpha").emit("a", {}, { id: "w1" });
    await turns();
    const { id } = await theLetter(aether);
    expect(told).toEqual([
      ["failed", "w1"],
      ["dead", "w1", "a", "beta", "beta", "*", 1, id, "broken"],
    ]);
  });
});

describe("reemit", () => {
  test("sends the wave again to the group that failed, and removes the letter", async () => {
    const aether = await connect();
    const alpha = aether.vibrator("alpha");
    const heard: unknown[] = [];
    let mended = false;
    const beta = aether.vibrator("beta");
    await beta.resonateOn(
      "orders.*",
      (wave) => {
        if (!mended) {
          broken();
        }
        const { id, cause, trace, hops, key, headers, amplitude, source, sourceId, payload } = wave;
        heard.push({ id, cause, trace, hops, key, headers, amplitude, source, sourceId, payload });
      },
      { name: "bill" },
    );
    const others = [
      await beta.resonateOn("orders.*", () => {}, { name: "ship" }),
      await aether.vibrator("gamma").resonateOn("orders.*", () => {}, { name: "bill" }),
      await aether.vibrator("delta").resonateOn("orders.created", () => {}, { group: false }),
    ];
    await beta.resonateOn("start", async (_, ctx) => {
      await ctx.emit("orders.created", { orderId: "1" }, { key: "k", headers: { tenant: "a" }, amplitude: 0.8 });
    });
    await alpha.emit("start");
    await turns();
    const { id, wave } = await theLetter(aether);
    expect(wave.hops).toBe(2);
    mended = true;
    const receipt = await aether.deadLetters.reemit(id);
    expect(receipt).toEqual({ id: expect.any(String), outcome: "travelled", heard: 1 });
    expect(receipt.id).not.toBe(wave.id);
    await turns();
    expect(heard).toEqual([
      {
        id: receipt.id,
        cause: wave.id,
        trace: wave.trace,
        hops: 2,
        key: "k",
        headers: { tenant: "a" },
        amplitude: 0.8,
        source: "beta",
        sourceId: beta.id,
        payload: { orderId: "1" },
      },
    ]);
    expect(others.map((resonance) => resonance.stats().received)).toEqual([1, 1, 1]);
    expect(await lettersOf(aether)).toEqual([]);
    expect(aether.stats().deadLetters).toEqual({ entered: 1, kept: 0, evicted: 0, reemitted: 1, purged: 0 });
  });

  test("sends it to everybody when it is asked to", async () => {
    const aether = await connect();
    await aether.vibrator("beta").resonateOn("a", broken);
    const gamma = await aether.vibrator("gamma").resonateOn("a", () => {});
    await aether.vibrator("alpha").emit("a");
    await turns();
    const { id } = await theLetter(aether);
    expect((await aether.deadLetters.reemit(id, { to: "all" })).heard).toBe(2);
    await turns();
    expect(gamma.stats().received).toBe(2);
  });

  test.each([
    ["that has no group", "event", false],
    ["of a group that heard a broadcast", "broadcast", "workers"],
  ] as const)("sends it to the one instance %s", async (_, kind, group) => {
    const aether = await connect();
    const failing = aether.vibrator("beta");
    let mended = false;
    const failed = await failing.resonateOn("a", () => (mended ? undefined : broken()), { group });
    const twin = await aether.vibrator("beta").resonateOn("a", () => {}, { group });
    await aether.vibrator("alpha").emit("a", {}, { kind });
    await turns();
    const { id, instance } = await theLetter(aether);
    expect(instance).toBe(failing.id);
    mended = true;
    expect((await aether.deadLetters.reemit(id)).heard).toBe(1);
    await turns();
    expect([failed.stats().received, twin.stats().received]).toEqual([2, 1]);
  });

  test("takes another payload, channel and amplitude", async () => {
    const aether = await connect();
    const heard: unknown[] = [];
    await aether.vibrator("beta").resonateOn(
      "orders.*",
      ({ channel: on, payload, amplitude }) => {
        if (on === "orders.created") {
          broken();
        }
        heard.push([on, payload, amplitude]);
      },
      { name: "bill" },
    );
    await aether.vibrator("alpha").emit("orders.created", { orderId: "1" });
    await turns();
    const { id } = await theLetter(aether);
    await aether.deadLetters.reemit(id, { payload: { orderId: "2" }, channel: "orders.mended", amplitude: "critical" });
    await turns();
    expect(heard).toEqual([["orders.mended", { orderId: "2" }, 0.95]]);
  });

  test("takes `undefined` as a payload of its own", async () => {
    const aether = await connect();
    const heard: unknown[] = [];
    await aether.vibrator("beta").resonateOn("a", ({ payload }) => {
      heard.push(payload);
      broken();
    });
    await aether.vibrator("alpha").emit("a", "first");
    await turns();
    await aether.deadLetters.reemit((await theLetter(aether)).id, { payload: undefined });
    await turns();
    expect(heard).toEqual(["first", undefined]);
  });

  test("checks a new payload by the contract of the channel, where one is known", async () => {
    const aether = await connect();
    const heard: unknown[] = [];
    const schema = z.object({ orderId: z.string(), gift: z.boolean().default(false) });
    const OrderCreated = channel("orders.created", { schema, version: 3 });
    await aether
      .vibrator("beta")
      .resonateOn(OrderCreated, ({ payload, version }) => void heard.push([payload, version]));
    await aether.vibrator("alpha").emit("orders.created", { orderId: 1 });
    await turns();
    const { id } = await theLetter(aether);
    const { deadLetters } = aether;
    expect(await rejection(deadLetters.reemit(id, { payload: { orderId: 2 } }))).toMatchObject({
      code: "AETHER_BAD_PAYLOAD",
    });
    expect((await theLetter(aether)).id).toBe(id);
    await deadLetters.reemit(id, { payload: { orderId: "2" } });
    await turns();
    expect(heard).toEqual([[{ orderId: "2", gift: false }, 3]]);
    expect(aether.stats()).toMatchObject({ emitted: 2, refused: 1 });
  });

  test("waits for a schema that takes its time, and checks by a contract that is given", async () => {
    const aether = await connect();
    const schema = z.string().refine(async (text) => text === "good");
    await aether.vibrator("beta").resonateOn("a.*", ({ channel: on }) => (on === "a.b" ? broken() : undefined));
    await aether.vibrator("alpha").emit("a.b", "bad");
    await turns();
    const { id } = await theLetter(aether);
    const slow = channel("a.c", { schema });
    const refused = await rejection(aether.deadLetters.reemit(id, { channel: slow }));
    expect(refused).toMatchObject({ code: "AETHER_BAD_PAYLOAD" });
    expect((await aether.deadLetters.reemit(id, { channel: slow, payload: "good" })).heard).toBe(1);
  });

  test("that fails again makes a new letter: attempts anew, and the chain of causes kept", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock, random: () => 0.5 });
    const options = { maxAttempts: 2, backoffMs: { base: 100, max: 100 } };
    await aether.vibrator("beta").resonateOn("a", broken, options);
    const { id } = await aether.vibrator("alpha").emit("a");
    await clock.advance(50);
    let before = id;
    for (let round = 0; round < 20; round++) {
      const letter = await theLetter(aether);
      expect(letter.attempts).toBe(2);
      const receipt = await aether.deadLetters.reemit(letter.id);
      expect(receipt.outcome).toBe("travelled");
      await clock.advance(50);
      const next = await theLetter(aether);
      expect(next.wave).toMatchObject({ id: receipt.id, cause: before, trace: id, hops: 1 });
      before = receipt.id;
    }
  });

  test("of a command resolves when it was taken, and tells the first emitter when it fails again", async () => {
    const aether = await connect();
    const alpha = aether.vibrator("alpha");
    const back: string[] = [];
    alpha.onReflection(({ of }) => void back.push(of));
    const beta = await aether.vibrator("beta").resonateOn("a", broken);
    const { id: first } = await alpha.emit("a", {}, { kind: "command" });
    await turns();
    const receipt = await aether.deadLetters.reemit((await theLetter(aether)).id);
    expect(receipt).toMatchObject({ outcome: "travelled", heard: 1 });
    await turns();
    expect(back).toEqual([first, receipt.id]);
    const letter = await theLetter(aether);
    await beta.close();
    expect(await rejection(aether.deadLetters.reemit(letter.id))).toMatchObject({ code: "AETHER_NO_RESONATOR" });
    expect((await theLetter(aether)).id).toBe(letter.id);
  });

  test("keeps the letter when the wave does not get across, or reaches nobody", async () => {
    const aether = await connect();
    const beta = await aether.vibrator("beta").resonateOn("a", broken);
    await aether.vibrator("alpha").emit("a");
    await turns();
    const { id } = await theLetter(aether);
    expect(await aether.deadLetters.reemit(id, { amplitude: 0.001 })).toMatchObject({ outcome: "faded" });
    await beta.close();
    expect(await aether.deadLetters.reemit(id)).toMatchObject({ outcome: "travelled", heard: 0 });
    expect((await theLetter(aether)).id).toBe(id);
    expect(aether.stats()).toMatchObject({ emitted: 3, faded: 1, deadLetters: { kept: 1, reemitted: 0 } });
  });

  test("of one letter twice at once sends it once", async () => {
    const aether = await connect();
    const beta = await aether.vibrator("beta").resonateOn("a", broken);
    await aether.vibrator("alpha").emit("a");
    await turns();
    const { id } = await theLetter(aether);
    const both = await Promise.allSettled([aether.deadLetters.reemit(id), aether.deadLetters.reemit(id)]);
    expect(both.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    await turns();
    expect(beta.stats().received).toBe(2);
  });

  test("reaches the group in another aether of the medium, and nobody else there", async () => {
    const medium = inProcess();
    const aether = await connect({ medium });
    const other = await connect({ medium });
    const beta = aether.vibrator("beta");
    const failed = await beta.resonateOn("a", broken);
    await aether.vibrator("alpha").emit("a");
    await turns();
    const { id } = await theLetter(aether);
    await failed.close();
    const member = await other.vibrator("beta").resonateOn("a", () => {});
    const stranger = await other.vibrator("gamma").resonateOn("a", () => {});
    expect((await aether.deadLetters.reemit(id)).heard).toBe(1);
    await until(() => member.stats().delivered === 1);
    expect(stranger.stats().received).toBe(0);
  });

  test("is told to those who look on, and counts as emitted", async () => {
    const aether = await connect();
    await aether.vibrator("beta").resonateOn("a", broken);
    await aether.vibrator("alpha").emit("a");
    await turns();
    const { id } = await theLetter(aether);
    const emitted: unknown[] = [];
    const seen: string[] = [];
    aether.on("emitted", (event) => void emitted.push([event.id, event.channel, event.outcome, event.heard]));
    await aether.observe(">", (wave) => void seen.push(wave.id));
    const receipt = await aether.deadLetters.reemit(id);
    await turns();
    expect(emitted).toEqual([[receipt.id, "a", "travelled", 1]]);
    expect(seen).toEqual([receipt.id]);
    expect(aether.stats().emitted).toBe(2);
  });

  test("refuses an unknown id, and whatever is wrong with its options", async () => {
    const aether = await connect();
    await aether.vibrator("beta").resonateOn("a", broken);
    await aether.vibrator("alpha").emit("a");
    await turns();
    const { deadLetters } = aether;
    const { id, wave } = await theLetter(aether);
    for (const unknown of ["nonsense", wave.id, ""]) {
      expect(await rejection(deadLetters.reemit(unknown))).toMatchObject({
        code: "AETHER_UNKNOWN_LETTER",
        retryable: false,
        details: { id: unknown },
      });
    }
    const bad: readonly [unknown, unknown, string][] = [
      [5, {}, "AETHER_BAD_OPTION"],
      [id, { nonsense: 1 }, "AETHER_BAD_OPTION"],
      [id, { to: "nobody" }, "AETHER_BAD_OPTION"],
      [id, { amplitude: 2 }, "AETHER_BAD_OPTION"],
      [id, { channel: 5 }, "AETHER_BAD_OPTION"],
      [id, { channel: "a.*" }, "AETHER_BAD_CHANNEL"],
      [id, { payload: "x".repeat(2 ** 20 + 1) }, "AETHER_TOO_LARGE"],
    ];
    for (const [which, options, code] of bad) {
      expect(await rejection(Reflect.apply(deadLetters.reemit, deadLetters, [which, options]))).toMatchObject({ code });
    }
    await aether.close();
    expect(await rejection(deadLetters.reemit(id))).toMatchObject({ code: "AETHER_CLOSED" });
    expect((await theLetter(aether)).id).toBe(id);
  });
});

describe("list and purge", () => {
  test("take a pattern, a limit, an id, a moment", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    await aether.vibrator("beta").resonateOn(">", broken);
    const alpha = aether.vibrator("alpha");
    for (const name of ["a.1", "a.2", "b.1", "b.2"]) {
      await alpha.emit(name);
      await clock.advance(1000);
    }
    const channels = async (query = {}): Promise<string[]> =>
      (await lettersOf(aether, query)).map(({ wave }) => wave.channel);
    expect(await channels()).toEqual(["a.1", "a.2", "b.1", "b.2"]);
    expect(await channels({ pattern: "a.*" })).toEqual(["a.1", "a.2"]);
    expect(await channels({ limit: 3 })).toEqual(["a.1", "a.2", "b.1"]);
    const [, second] = await lettersOf(aether);
    expect(await aether.deadLetters.purge({ id: second?.id ?? "" })).toBe(1);
    expect(await aether.deadLetters.purge({ pattern: "b.*", before: new Date(clock.now() - 1000) })).toBe(1);
    expect(await channels()).toEqual(["a.1", "b.2"]);
    expect(await aether.deadLetters.purge()).toBe(2);
    expect(aether.stats().deadLetters).toEqual({ entered: 4, kept: 0, evicted: 0, reemitted: 0, purged: 4 });
  });

  test("refuse what they do not know", async () => {
    const { deadLetters } = await connect();
    const refused = (code: string): unknown => expect.objectContaining({ code });
    for (const [query, code] of [
      [{ nonsense: 1 }, "AETHER_BAD_OPTION"],
      [{ limit: 0 }, "AETHER_BAD_OPTION"],
      [{ pattern: "a..b" }, "AETHER_BAD_CHANNEL"],
    ] as const) {
      expect(() => Reflect.apply(deadLetters.list, deadLetters, [query])).toThrow(refused(code));
    }
    for (const [which, code] of [
      [{ nonsense: 1 }, "AETHER_BAD_OPTION"],
      [{ id: 1 }, "AETHER_BAD_OPTION"],
      [{ before: Number.NaN }, "AETHER_BAD_OPTION"],
      [{ before: new Date(Number.NaN) }, "AETHER_BAD_OPTION"],
      [{ pattern: "a..b" }, "AETHER_BAD_CHANNEL"],
    ] as const) {
      expect(await rejection(Reflect.apply(deadLetters.purge, deadLetters, [which]))).toMatchObject({ code });
    }
  });
});

describe("the bounds", () => {
  test("let the quietest, oldest give way, and count it", async () => {
    const aether = await connect({ deadLetters: { capacity: 2 } });
    await aether.vibrator("beta").resonateOn("a", broken);
    const alpha = aether.vibrator("alpha");
    for (const [payload, amplitude] of [
      [1, 0.9],
      [2, 0.3],
      [3, 0.3],
      [4, 0.1],
      [5, 0.9],
    ] as const) {
      await alpha.emit("a", payload, { amplitude });
      await turns();
    }
    expect((await lettersOf(aether)).map(({ wave }) => wave.payload)).toEqual([1, 5]);
    expect(aether.stats().deadLetters).toEqual({ entered: 5, kept: 2, evicted: 3, reemitted: 0, purged: 0 });
  });

  test("are kept by a wave that is emitted again and fails again: its letter takes the place of the old one", async () => {
    const aether = await connect({ deadLetters: { capacity: 3 } });
    await aether.vibrator("beta").resonateOn("a", broken);
    for (const payload of [1, 2, 3]) {
      await aether.vibrator("alpha").emit("a", payload);
    }
    await turns();
    const [, second] = await lettersOf(aether);
    await aether.deadLetters.reemit(second?.id ?? "");
    await turns();
    expect((await lettersOf(aether)).map(({ wave }) => wave.payload)).toEqual([1, 3, 2]);
    expect(aether.stats().deadLetters).toEqual({ entered: 4, kept: 3, evicted: 0, reemitted: 1, purged: 0 });
  });

  test("keep 1000 letters by default", async () => {
    const aether = await connect();
    const beta = await aether.vibrator("beta").resonateOn("a", broken);
    const alpha = aether.vibrator("alpha");
    for (let i = 0; i < 1100; i++) {
      void alpha.emit("a", i);
    }
    await until(() => beta.stats().failed === 1100);
    expect(aether.stats().deadLetters).toMatchObject({ entered: 1100, kept: 1000, evicted: 100 });
  });

  test("let nothing in that is below the least amplitude", async () => {
    const aether = await connect({ deadLetters: { minAmplitude: "bulk" } });
    await aether.vibrator("beta").resonateOn("a", broken);
    const told: unknown[] = [];
    aether.on("dead", ({ wave }) => void told.push(wave.amplitude));
    for (const amplitude of [0.19, 0.2, 0.21]) {
      await aether.vibrator("alpha").emit("a", {}, { amplitude });
    }
    await turns();
    expect((await lettersOf(aether)).map(({ wave }) => wave.amplitude).sort()).toEqual([0.2, 0.21]);
    expect(told.sort()).toEqual([0.2, 0.21]);
  });

  test("keep nothing at all when they are off", async () => {
    const aether = await connect({ deadLetters: false });
    const beta = await aether.vibrator("beta").resonateOn("a", broken);
    aether.on("dead", broken);
    await aether.vibrator("alpha").emit("a");
    await until(() => beta.stats().failed === 1);
    expect(await lettersOf(aether)).toEqual([]);
    expect(await aether.deadLetters.purge()).toBe(0);
    expect(await rejection(aether.deadLetters.reemit("x"))).toMatchObject({ code: "AETHER_UNKNOWN_LETTER" });
    expect(aether.stats().deadLetters).toEqual({ entered: 0, kept: 0, evicted: 0, reemitted: 0, purged: 0 });
  });

  test.each([{ capacity: 0 }, { capacity: 1.5 }, { minAmplitude: 2 }, { nonsense: 1 }, true, null])(
    "are refused when they are %j",
    async (deadLetters) => {
      const { Aether } = await import("@aether/core");
      expect(await rejection(Reflect.apply(Aether.connect, Aether, [{ deadLetters }]))).toMatchObject({
        code: "AETHER_BAD_OPTION",
      });
    },
  );
});
