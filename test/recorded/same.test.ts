/** Recorded channels behave the same in one process, over a journal and on JetStream: one script, three media. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Aether, type AetherOptions, inProcess, type Medium } from "@aether/core";
import { type Journal, openJournal } from "@aether/journal";
import { natsMedium } from "@aether/nats";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { expectBalance } from "../../packages/core/test/aether/connect.ts";
import { Gate, until } from "../../packages/core/test/aether/until.ts";
import { NatsServer } from "../../packages/nats/test/nats-server.ts";
import { remembering } from "../../packages/testing/test/lawful/remembering.ts";

let server: NatsServer;
let count = 0;

const journals: Promise<Journal>[] = [];
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "aether-same-"));
  server = await NatsServer.start({ version: "2.10", jetstream: true });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await Promise.all(journals.map(async (journal) => (await journal).close()));
  await rm(directory, { recursive: true, force: true });
});

const media: readonly [string, () => () => Medium][] = [
  [
    "in one process",
    () => {
      const medium = remembering();
      return () => medium;
    },
  ],
  [
    "over a journal",
    () => {
      // One journal for all aethers of a test; its directory goes when the last test is over.
      const journal = openJournal(`${directory}/${count++}`);
      journals.push(journal);
      const medium = journal.then((open) => open.over(inProcess()));
      return () => ({
        name: "in-process+journal",
        traits: { ...inProcess().traits, durable: true },
        open: async (events) => (await medium).open(events),
      });
    },
  ],
  [
    "on JetStream",
    () => {
      const namespace = `same${count++}`;
      return () => natsMedium({ servers: server.url, namespace, stream: { ackWaitMs: 2000 } });
    },
  ],
];

describe.each(media)("recorded channels %s", (_, create) => {
  function world(): (options?: AetherOptions) => Promise<Aether> {
    const medium = create();
    return async (options = {}) => {
      const aether = await Aether.connect({ medium: medium(), recorded: ["orders.>"], ...options });
      onTestFinished(() => aether.close({ deadlineMs: 0 }));
      return aether;
    };
  }

  test("hand each wave to each group, by one of its members, with its position", async () => {
    const join = world();
    const [one, two] = [await join(), await join()];
    const heard: string[] = [];
    for (const aether of [one, two]) {
      await aether
        .vibrator("beta")
        .resonateOn("orders.*", ({ id, position }) => void heard.push(`beta ${id} ${position}`));
    }
    await two
      .vibrator("gamma")
      .resonateOn("orders.created", ({ id, position }) => void heard.push(`gamma ${id} ${position}`));
    const expected: string[] = [];
    for (let i = 0; i < 20; i++) {
      const { id, outcome, position } = await one.vibrator("alpha").emit("orders.created", i);
      expect(outcome).toBe("travelled");
      expected.push(`beta ${id} ${position}`, `gamma ${id} ${position}`);
    }
    await until(() => heard.length >= expected.length);
    expect(heard.sort()).toEqual(expected.sort());
    expectBalance(one.stats());
    expectBalance(two.stats());
  });

  test("keep what a group misses, and let a new one begin at the start", async () => {
    const join = world();
    const [aether, away] = [await join(), await join()];
    await away.vibrator("beta").resonateOn("orders.*", () => {});
    await away.close();
    await aether.vibrator("alpha").emit("orders.created", 1);
    const heard: string[] = [];
    await aether.vibrator("beta").resonateOn("orders.*", ({ payload }) => void heard.push(`beta ${payload}`));
    await aether
      .vibrator("gamma")
      .resonateOn("orders.*", ({ payload }) => void heard.push(`gamma ${payload}`), { from: "start" });
    await until(() => heard.length === 2);
    expect(heard.sort()).toEqual(["beta 1", "gamma 1"]);
  });

  test("try what failed again, and bury it in the end", async () => {
    const aether = await world()();
    const attempts: number[] = [];
    const dead: unknown[] = [];
    aether.on("dead", ({ attempts: after }) => void dead.push(after));
    await aether.vibrator("beta").resonateOn(
      "orders.*",
      (_wave, ctx) => {
        attempts.push(ctx.attempt);
        throw new Error("broken");
      },
      { maxAttempts: 3, backoffMs: { base: 5, max: 10 } },
    );
    await aether.vibrator("alpha").emit("orders.created", 1);
    await until(() => dead.length > 0);
    expect([attempts, dead]).toEqual([[1, 2, 3], [3]]);
    expectBalance(aether.stats());
  });

  test("give back what a resonance leaves, and what an iteration breaks off", async () => {
    const join = world();
    const [one, two] = [await join(), await join()];
    const gate = new Gate();
    const first = await one.vibrator("beta").resonateOn("orders.*", () => gate.passed, { concurrency: 2 });
    for (let i = 0; i < 6; i++) {
      await one.vibrator("alpha").emit("orders.created", i);
    }
    await until(() => first.stats().running === 2);
    const heard: unknown[] = [];
    const second = await two.vibrator("beta").resonateOn("orders.*");
    const closing = first.close();
    for await (const { payload } of second) {
      heard.push(payload);
      if (heard.length === 4) {
        break;
      }
    }
    gate.open();
    await closing;
    expectBalance(first.stats());
    expectBalance(second.stats());
    await second.close();
    const rest: unknown[] = [];
    await two.vibrator("beta").resonateOn("orders.*", ({ payload }) => void rest.push(payload));
    await until(() => rest.length === 1);
    expect(rest).toEqual(heard.slice(3));
    expect(new Set(heard).size).toBe(4);
  });

  test("answer queries, and are heard live where patterns only overlap", async () => {
    const aether = await world()();
    await aether.vibrator("beta").resonateOn("orders.*", ({ kind }) => kind);
    const live: unknown[] = [];
    await aether.vibrator("gamma").resonateOn("*.created", ({ payload }) => void live.push(payload));
    const { payload } = await aether.vibrator("alpha").query("orders.find");
    expect(payload).toBe("query");
    await aether.vibrator("alpha").emit("orders.created", 7);
    await until(() => live.length === 1);
    expect(live).toEqual([7]);
  });
});
