import { Aether, type Wave } from "@aether/core";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { natsMedium } from "../../src/index.ts";
import { decodeControl, type Told } from "../../src/wire/control.ts";
import { NatsServer } from "../nats-server.ts";
import { until } from "../until.ts";

let server: NatsServer;
let plain: NatsConnection;
let namespaces = 0;

beforeAll(async () => {
  server = await NatsServer.start();
  plain = await connect({ servers: server.url });
});
afterAll(async () => {
  await plain.close();
  await server[Symbol.asyncDispose]();
});

/** Two sides, and what one tells the other: the entries of each message. */
async function overheard() {
  const namespace = `told${++namespaces}`;
  const open = (): Promise<Aether> => Aether.connect({ medium: natsMedium({ servers: server.url, namespace }) });
  const near = await open();
  const far = await open();
  const alpha = near.vibrator("alpha");
  const messages: (readonly Told[])[] = [];
  plain.subscribe(`${namespace}.c.i.${alpha.id}.m`, {
    callback: (_, message) => void messages.push(decodeControl(message.data) ?? []),
  });
  await plain.flush();
  return {
    ...{ alpha, beta: far.vibrator("beta"), gamma: far.vibrator("gamma"), messages },
    async [Symbol.asyncDispose](): Promise<void> {
      await Promise.all([near.close({ deadlineMs: 0 }), far.close({ deadlineMs: 0 })]);
    },
  };
}

const typesOf = (messages: readonly (readonly Told[])[]): string[][] =>
  messages.map((told) => told.map((one) => ("admits" in one && one.admits ? `${one.type}, admits` : one.type)));

describe("what a hearer tells", () => {
  test("of a query that it answers at once is one entry", async () => {
    await using sides = await overheard();
    await sides.beta.resonateOn("ask", (wave) => wave.payload);
    expect((await sides.alpha.query("ask", 7)).payload).toBe(7);
    await until(() => sides.messages.length === 1);
    expect(typesOf(sides.messages)).toEqual([["answered, admits"]]);
  });

  test("of a command that it has handled at once is one entry, and the command resolves by it", async () => {
    await using sides = await overheard();
    await sides.beta.resonateOn("work", () => {});
    expect(await sides.alpha.emit("work", 7, { kind: "command" })).toMatchObject({ outcome: "travelled" });
    await until(() => sides.messages.length === 1);
    expect(typesOf(sides.messages)).toEqual([["silent, admits"]]);
  });

  test("of a query that takes its time is that it was admitted, and later the answer", async () => {
    await using sides = await overheard();
    let answer: (value: number) => void = () => {};
    await sides.beta.resonateOn("ask", () => {
      return new Promise<number>((resolve) => {
        answer = resolve;
      });
    });
    const asked = sides.alpha.query("ask", 7);
    await until(() => sides.messages.length === 1);
    expect(typesOf(sides.messages)).toEqual([["admitted"]]);
    answer(8);
    expect((await asked).payload).toBe(8);
    await until(() => sides.messages.length === 2);
    expect(typesOf(sides.messages)).toEqual([["admitted"], ["answered"]]);
  });

  test("of a query whose handler throws at once is both, in this order", async () => {
    await using sides = await overheard();
    await sides.beta.resonateOn("ask", () => {
      throw new Error("no");
    });
    await expect(sides.alpha.query("ask", 7)).rejects.toMatchObject({ code: "AETHER_HANDLER_FAILED" });
    await until(() => sides.messages.length === 1);
    expect(typesOf(sides.messages)).toEqual([["admitted", "reflected"]]);
  });

  test("of many queries at once is packed, 64 entries at the most, and each gets its own answer", async () => {
    await using sides = await overheard();
    await sides.beta.resonateOn("ask", (wave) => (Number(wave.payload) % 3 === 0 ? undefined : wave.payload));
    await sides.gamma.resonateOn("ask", async (wave) => {
      await null;
      return wave.payload;
    });
    const numbers = Array.from({ length: 300 }, (_, number) => number);
    const answers = await Promise.all(numbers.map((number) => sides.alpha.query("ask", number)));
    expect(answers.map((wave: Wave) => wave.payload)).toEqual(numbers);
    // Whoever has not said with the answer that it was admitted has said it before.
    const admissions = (): Told[] =>
      sides.messages.flat().filter((told) => told.type === "admitted" || ("admits" in told && told.admits));
    await until(() => admissions().length === 600);
    expect(Math.max(...sides.messages.map((told) => told.length))).toBeLessThanOrEqual(64);
    expect(sides.messages.length).toBeLessThan(300);
  });
});
