/** Dead letters of recorded waves outlive whoever failed: one script, two media; and what happens when they cannot be kept. */

import { Aether, type AetherOptions, channel, type Medium, type Schema, UnrecoverableError } from "@aether/core";
import { natsMedium } from "@aether/nats";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { connect, expectBalance } from "../../packages/core/test/aether/connect.ts";
import { ManualClock, turns } from "../../packages/core/test/aether/manual-clock.ts";
import { Gate, rejection, until } from "../../packages/core/test/aether/until.ts";
import { NatsServer, VERSIONS } from "../../packages/nats/test/nats-server.ts";
import { remembering } from "../../packages/testing/test/lawful/remembering.ts";
import { lettersOf, withLetters } from "./letters.ts";
import { recorderOf } from "./world.ts";

const servers: NatsServer[] = [];
let count = 0;

beforeAll(async () => {
  servers.push(...(await Promise.all(VERSIONS.map((version) => NatsServer.start({ version, jetstream: true })))));
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
});

const media: readonly [string, () => () => Medium][] = [
  [
    "in one process",
    () => {
      const medium = remembering();
      return () => medium;
    },
  ],
  ...VERSIONS.map((version, at): [string, () => () => Medium] => [
    `on JetStream ${version}`,
    () => {
      const namespace = `letters${count++}`;
      return () => natsMedium({ servers: servers[at]?.url ?? "", namespace, stream: { ackWaitMs: 1000 } });
    },
  ]),
];

function broken(): never {
  throw new UnrecoverableError("broken");
}

describe.each(media)("a dead letter of a recorded wave %s", (_, create) => {
  function world(): (options?: AetherOptions) => Promise<Aether> {
    const medium = create();
    return async (options = {}) => {
      const aether = await Aether.connect({ medium: medium(), recorded: ["orders.>"], ...options });
      onTestFinished(() => aether.close({ deadlineMs: 0 }));
      return aether;
    };
  }

  /** Waits until `aether` sees `many` letters. */
  async function letters(aether: Aether, many: number) {
    const found = async (): Promise<number> => (await lettersOf(aether)).length;
    await expect.poll(found, { timeout: 5000, interval: 5 }).toBe(many);
    return await lettersOf(aether);
  }

  test("is there when everybody who failed is gone, is edited and emitted again to the group that failed", async () => {
    const join = world();
    const first = await join();
    const beta = first.vibrator("beta");
    await beta.resonateOn("orders.*", broken, { name: "bill" });
    const told: unknown[] = [];
    first.on("dead", ({ letter, attempts }) => void told.push([letter, attempts]));
    const options = { key: "k", headers: { tenant: "a" }, amplitude: 0.8 };
    const { id, position } = await first.vibrator("alpha").emit("orders.created", { orderId: 1 }, options);
    await until(() => told.length === 1);
    await first.close();

    const second = await join();
    const [letter] = await letters(second, 1);
    expect(letter).toMatchObject({
      wave: { id, channel: "orders.created", payload: { orderId: 1 }, position, ...options },
      error: { code: "AETHER_HANDLER_FAILED", message: "broken", stack: expect.stringContaining("broken") },
      ...{ attempts: 1, group: "beta", name: "bill", instance: beta.id, at: expect.any(Number) },
      origin: { source: "alpha", sourceId: letter?.wave.sourceId },
    });
    expect(told).toEqual([[letter?.id, 1]]);
    const heard: unknown[] = [];
    const others: unknown[] = [];
    await second.vibrator("beta").resonateOn(
      "orders.*",
      ({ payload, cause, key, headers, trace }) => {
        heard.push([payload, cause, key, headers["tenant"], trace]);
      },
      { name: "bill" },
    );
    await second.vibrator("gamma").resonateOn("orders.*", (wave) => void others.push(wave.payload));
    const receipt = await second.deadLetters.reemit(letter?.id ?? "", { payload: { orderId: "1" } });
    expect(receipt).toMatchObject({ outcome: "travelled", position: expect.any(String) });
    expect(receipt.id).not.toBe(id);
    await until(() => heard.length === 1);
    await second.vibrator("alpha").emit("orders.created", "last");
    await until(() => heard.length === 2 && others.length === 1);
    expect(heard[0]).toEqual([{ orderId: "1" }, id, "k", "a", id]);
    expect(others).toEqual(["last"]);
    expect(await lettersOf(second)).toEqual([]);
    expectBalance(second.stats());
  });

  test("is emitted once, whoever emits it again at the same time", async () => {
    const join = world();
    const aethers = [await join(), await join(), await join()];
    const [one] = aethers;
    let isBroken = true;
    const heard: unknown[] = [];
    await one
      ?.vibrator("beta")
      .resonateOn("orders.*", ({ payload }) => (isBroken ? broken() : void heard.push(payload)));
    for (let i = 0; i < 5; i++) {
      await one?.vibrator("alpha").emit("orders.created", i);
    }
    const found = await letters(aethers[2] ?? broken(), 5);
    isBroken = false;
    for (const { id } of found) {
      const outcomes = await Promise.allSettled(aethers.map(({ deadLetters }) => deadLetters.reemit(id)));
      const codes = outcomes.map((outcome) => (outcome.status === "fulfilled" ? "sent" : outcome.reason.code));
      expect(codes.sort()).toEqual(["AETHER_UNKNOWN_LETTER", "AETHER_UNKNOWN_LETTER", "sent"]);
    }
    await until(() => heard.length >= 5);
    await one?.vibrator("alpha").emit("orders.created", "last");
    await until(() => heard.includes("last"));
    expect(heard.map(String).sort()).toEqual(["0", "1", "2", "3", "4", "last"]);
    expect(await one?.deadLetters.stats()).toEqual({ entered: 5, kept: 0, evicted: 0, reemitted: 5, purged: 0 });
  });

  test("is still there when its wave could not be emitted, and can be purged by anybody", async () => {
    const join = world();
    const [one, two] = [await join(), await join({ limits: { maxPayloadBytes: 100 } })];
    await one.vibrator("beta").resonateOn("orders.*", broken);
    await one.vibrator("alpha").emit("orders.created", 1);
    await one.vibrator("alpha").emit("orders.paid", 2);
    const [first] = await letters(two, 2);
    const { id = "" } = first ?? {};
    const tooLarge = two.deadLetters.reemit(id, { payload: "x".repeat(200) });
    expect(await rejection(tooLarge)).toMatchObject({ code: "AETHER_TOO_LARGE" });
    expect(await rejection(two.deadLetters.reemit(id, { channel: "a b" }))).toMatchObject({
      code: "AETHER_BAD_CHANNEL",
    });
    expect((await lettersOf(one)).map((letter) => letter.id)).toContain(id);
    expect(await two.deadLetters.purge({ pattern: "orders.paid" })).toBe(1);
    expect(await two.deadLetters.purge({ id })).toBe(1);
    expect(await rejection(one.deadLetters.reemit(id))).toMatchObject({ code: "AETHER_UNKNOWN_LETTER" });
    expect(await one.deadLetters.stats()).toEqual({ entered: 2, kept: 0, evicted: 0, reemitted: 0, purged: 2 });
  });

  test("stands in one list with those of ephemeral waves, which others do not see", async () => {
    const join = world();
    const [one, two] = [await join(), await join()];
    await one.vibrator("beta").resonateOn("orders.*", broken);
    await one.vibrator("beta").resonateOn("live.*", broken);
    const alpha = one.vibrator("alpha");
    const channels = ["orders.a", "live.b", "orders.c", "live.d"];
    for (const [i, on] of channels.entries()) {
      await alpha.emit(on, i);
      await letters(one, i + 1);
      await new Promise((resolve) => setTimeout(resolve, 2)); // So that their times differ.
    }
    const seen = async (aether: Aether, query = {}) => (await lettersOf(aether, query)).map(({ wave }) => wave.channel);
    expect(await seen(one)).toEqual(channels);
    expect(await seen(one, { limit: 2 })).toEqual(["orders.a", "live.b"]);
    expect(await seen(one, { pattern: "live.*", limit: 1 })).toEqual(["live.b"]);
    expect(await seen(two)).toEqual(["orders.a", "orders.c"]);
    expect(await one.deadLetters.stats()).toMatchObject({ entered: 4, kept: 4 });
    expect(await one.deadLetters.purge()).toBe(4);
    expect(one.stats().deadLetters.entered).toBe(4);
  });
});

/** A schema that nothing fits. */
const never: Schema = {
  "~standard": { version: 1, vendor: "test", validate: () => ({ issues: [{ message: "no" }] }) },
};

describe("a recorded wave whose dead letter", () => {
  /** A medium of which every link keeps letters as `alter` says, an aether on it, and what its group has not handled. */
  async function world(alter: Parameters<typeof withLetters>[1], options: AetherOptions = {}) {
    const clock = new ManualClock();
    const inner = remembering(clock);
    const medium = withLetters(inner, alter);
    const aether = await connect({ medium, clock, random: () => 0.999_999, recorded: ["orders.>"], ...options });
    const recorder = await recorderOf(inner);
    const pending = async () => (await recorder.groups()).reduce((sum, place) => sum + place.pending, 0);
    return { aether, clock, pending, recorder };
  }

  test("is being stored is not done with before it is stored", async () => {
    const gate = new Gate();
    const { aether, pending } = await world((store) => ({
      async add(letter) {
        await gate.passed;
        return await store.add(letter);
      },
    }));
    const dead: unknown[] = [];
    aether.on("dead", ({ id }) => void dead.push(id));
    await aether.vibrator("beta").resonateOn("orders.*", broken);
    await aether.vibrator("alpha").emit("orders.created");
    await turns();
    expect([await pending(), dead.length, (await lettersOf(aether)).length]).toEqual([1, 0, 0]);
    gate.open();
    await turns();
    expect([await pending(), dead.length, (await lettersOf(aether)).length]).toEqual([0, 1, 1]);
    expectBalance(aether.stats());
  });

  test("cannot be stored goes back and comes again, until it can", async () => {
    let refusals = 3;
    const { aether, clock, pending } = await world((store) => ({
      async add(letter) {
        if (refusals-- > 0) {
          throw new Error("no room");
        }
        return await store.add(letter);
      },
    }));
    const attempts: number[] = [];
    await aether.vibrator("beta").resonateOn(
      "orders.*",
      (_wave, ctx) => {
        attempts.push(ctx.attempt);
        throw new Error("broken");
      },
      { maxAttempts: 2, backoffMs: { base: 10, max: 10 } },
    );
    await aether.vibrator("alpha").emit("orders.created");
    await clock.advance(10);
    expect([attempts, await pending()]).toEqual([[1, 2], 1]);
    await clock.advance(2500);
    expect([attempts, await pending()]).toEqual([[1, 2, 2, 2], 1]);
    await clock.advance(1000);
    expect([attempts, await pending()]).toEqual([[1, 2, 2, 2, 2], 0]);
    expect(await lettersOf(aether)).toEqual([expect.objectContaining({ attempts: 2 })]);
    expectBalance(aether.stats());
  });

  test("is being stored holds up the next of its key", async () => {
    const gate = new Gate();
    const { aether } = await world((store) => ({
      async add(letter) {
        await gate.passed;
        return await store.add(letter);
      },
    }));
    const started: unknown[] = [];
    const handler = ({ payload }: { payload: unknown }) => {
      started.push(payload);
      return payload === 1 ? broken() : undefined;
    };
    await aether.vibrator("beta").resonateOn("orders.*", handler, { order: "key", concurrency: 4 });
    for (const i of [1, 2]) {
      await aether.vibrator("alpha").emit("orders.created", i, { key: "k" });
    }
    await aether.vibrator("alpha").emit("orders.created", 3, { key: "other" });
    await turns();
    expect(started).toEqual([1, 3]);
    gate.open();
    await turns();
    expect(started).toEqual([1, 3, 2]);
  });

  test.each([
    ["is waited for", 1000, 0],
    ["goes back at the deadline", 5, 1],
  ])("is being stored while its resonance drains %s", async (_, deadlineMs, left) => {
    const gate = new Gate();
    const { aether, clock, pending } = await world((store) => ({
      async add(letter) {
        await gate.passed;
        return await store.add(letter);
      },
    }));
    const resonance = await aether.vibrator("beta").resonateOn("orders.*", broken);
    await aether.vibrator("alpha").emit("orders.created");
    await turns();
    let closed = false;
    const closing = resonance.close({ deadlineMs }).then(() => {
      closed = true;
    });
    await clock.advance(4);
    expect(closed).toBe(false);
    if (left === 0) {
      gate.open();
    }
    await clock.advance(10);
    await closing;
    gate.open();
    await turns();
    expect(await pending()).toBe(left);
    expectBalance(aether.stats());
  });

  test("is of a payload that breaks the schema is stored before it is done with, pushed or pulled", async () => {
    const gate = new Gate();
    const { aether, pending } = await world((store) => ({
      async add(letter) {
        await gate.passed;
        return await store.add(letter);
      },
    }));
    const Orders = channel("orders.created", { schema: never });
    await aether.vibrator("beta").resonateOn(Orders, () => {});
    const pulled = await aether.vibrator("gamma").resonateOn(Orders);
    const pulling = pulled[Symbol.asyncIterator]().next();
    await aether.vibrator("alpha").emit("orders.created", 5);
    await turns();
    expect(await pending()).toBe(2);
    gate.open();
    await turns();
    expect(await pending()).toBe(0);
    expect(await lettersOf(aether)).toHaveLength(2);
    await pulled.close();
    await pulling;
  });

  test("is being stored keeps a pulled resonance from ending, and nothing else does", async () => {
    const gate = new Gate();
    const { aether, pending } = await world((store) => ({
      async add(letter) {
        await gate.passed;
        return await store.add(letter);
      },
    }));
    const Orders = channel("orders.created", { schema: never });
    const pulled = await aether.vibrator("gamma").resonateOn(Orders);
    void pulled[Symbol.asyncIterator]().next();
    await aether.vibrator("alpha").emit("orders.created", 5);
    await turns();
    let closed = false;
    const closing = pulled.close({ deadlineMs: 10_000 }).then(() => {
      closed = true;
    });
    await turns();
    expect([closed, await pending()]).toEqual([false, 1]);
    gate.open();
    await closing; // The clock stands still: no deadline ends it.
    expect([await pending(), (await lettersOf(aether)).length]).toEqual([0, 1]);
  });

  test("nobody keeps is in memory where the recorder keeps none, and nowhere where none are wanted", async () => {
    for (const [deadLetters, kept] of [
      [{}, 1],
      [{ minAmplitude: 0.9 }, 0],
      [false, 0],
    ] as const) {
      const { aether, pending, recorder } = await world(() => undefined, { deadLetters });
      await aether.vibrator("beta").resonateOn("orders.*", broken);
      await aether.vibrator("alpha").emit("orders.created");
      await turns();
      expect([await pending(), (await lettersOf(aether)).length]).toEqual([0, kept]);
      expect(await recorder.deadLetters?.stats()).toMatchObject({ entered: 0 });
      expect(aether.stats().deadLetters.entered).toBe(kept);
    }
  });
});
