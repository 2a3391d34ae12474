/** What the compiler knows from a channel. tsc checks these; running them only shows that the values are there. */

import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { Aether, type Channel, channel, type HandlerContext, type Wave } from "../../src/index.ts";

const Order = z.object({ id: z.string(), total: z.string().transform(Number), note: z.string().default("") });
type OrderIn = { id: string; total: string; note?: string | undefined };
type OrderOut = { id: string; total: number; note: string };

const OrderCreated = channel("orders.created", { schema: Order });
const Check = channel("inventory.check", {
  schema: z.object({ sku: z.string() }),
  reply: z.object({ left: z.string().transform(Number) }),
});
const Plain = channel("plain");

type Vibrator = ReturnType<Aether["vibrator"]>;

describe("the types of a channel", () => {
  test("hold the schema's input and output, and those of the reply", () => {
    expectTypeOf(OrderCreated).toEqualTypeOf<Channel<OrderIn, OrderOut, unknown, unknown>>();
    expectTypeOf(Check).toEqualTypeOf<Channel<{ sku: string }, { sku: string }, { left: string }, { left: number }>>();
    expectTypeOf(Plain).toEqualTypeOf<Channel<unknown, unknown, unknown, unknown>>();
    expectTypeOf(Plain.child("x", { schema: z.number() })).toEqualTypeOf<Channel<number, number, unknown, unknown>>();
    expect([OrderCreated.name, Check.name, Plain.name]).toEqual(["orders.created", "inventory.check", "plain"]);
  });

  test("an option that no channel can have is a compile error", () => {
    // @ts-expect-error a channel's waves are no queries: those are asked
    const queries = (): unknown => channel("a", { kind: "query" });
    // @ts-expect-error an option that does not exist
    const misspelt = (): unknown => channel("a", { amplitud: 0.5 });
    expect([queries, misspelt]).toHaveLength(2);
  });
});

/** Calls that tsc checks, and that nobody makes. */
async function emitting(vibrator: Vibrator): Promise<void> {
  await vibrator.emit(OrderCreated, { id: "1", total: "5" });
  await vibrator.emit(OrderCreated, { id: "1", total: "5", note: "x" }, { amplitude: 0.9 });
  // @ts-expect-error the schema's input has a text for a total, not its output
  await vibrator.emit(OrderCreated, { id: "1", total: 5 });
  // @ts-expect-error a payload with a part missing
  await vibrator.emit(OrderCreated, { id: "1" });
  // @ts-expect-error a payload with a part too many
  await vibrator.emit(OrderCreated, { id: "1", total: "5", colour: "red" });
  // @ts-expect-error a channel with a schema needs a payload
  await vibrator.emit(OrderCreated);
  await vibrator.emit("orders.created", { anything: true });
  await vibrator.emit(Plain, 5);
}

async function asking(vibrator: Vibrator): Promise<void> {
  const reply = await vibrator.query(Check, { sku: "a" });
  expectTypeOf(reply).toEqualTypeOf<Wave<{ left: number }>>();
  const plain = await vibrator.query("inventory.check", { sku: "a" });
  expectTypeOf(plain).toEqualTypeOf<Wave<unknown>>();
  for await (const answer of vibrator.gather(Check, { sku: "a" })) {
    expectTypeOf(answer).toEqualTypeOf<Wave<{ left: number }>>();
  }
  for await (const answer of vibrator.gather("health.ping", {})) {
    expectTypeOf(answer).toEqualTypeOf<Wave<unknown>>();
  }
  // @ts-expect-error a query's payload is the schema's input
  await vibrator.query(Check, { sku: 5 });
}

async function resonating(vibrator: Vibrator): Promise<void> {
  await vibrator.resonateOn(OrderCreated, (wave, ctx) => {
    expectTypeOf(wave).toEqualTypeOf<Wave<OrderOut>>();
    expectTypeOf(ctx).toEqualTypeOf<HandlerContext>();
  });
  await vibrator.resonateOn("orders.*", (wave) => {
    expectTypeOf(wave).toEqualTypeOf<Wave<unknown>>();
  });
  await vibrator.resonateOn(Check, () => ({ left: "5" }));
  await vibrator.resonateOn(Check, async () => ({ left: "5" }));
  await vibrator.resonateOn(Check, () => undefined);
  await vibrator.resonateOn(Check, () => {});
  // @ts-expect-error an answer is the reply's input: a text
  await vibrator.resonateOn(Check, () => ({ left: 5 }));
  // @ts-expect-error also when it comes later
  await vibrator.resonateOn(Check, async () => ({ right: "5" }));
  const orders = await vibrator.resonateOn(OrderCreated);
  for await (const wave of orders) {
    expectTypeOf(wave).toEqualTypeOf<Wave<OrderOut>>();
  }
  for await (const wave of await vibrator.resonateOn("orders.*")) {
    expectTypeOf(wave).toEqualTypeOf<Wave<unknown>>();
  }
}

async function inHandlers(vibrator: Vibrator): Promise<void> {
  await vibrator.resonateOn(Plain, async (_wave, ctx) => {
    await ctx.emit(OrderCreated, { id: "1", total: "5" });
    // @ts-expect-error a caused wave fits its schema as well
    await ctx.emit(OrderCreated, { id: 1 });
    const reply = await ctx.query(Check, { sku: "a" });
    expectTypeOf(reply.payload).toEqualTypeOf<{ left: number }>();
  });
}

describe("the types of a vibrator", () => {
  test("follow from the channel it is given: compiled, and so true", () => {
    expect([emitting, asking, resonating, inHandlers]).toHaveLength(4);
    expectTypeOf<Awaited<ReturnType<typeof Aether.connect>>>().toEqualTypeOf<Aether>();
  });

  test("emit the input, hear the output, answer the reply's input and get its output", async () => {
    await using aether = await Aether.connect();
    const beta = aether.vibrator("beta");
    const heard: OrderOut[] = [];
    await beta.resonateOn(OrderCreated, (wave) => {
      heard.push(wave.payload);
    });
    await beta.resonateOn(Check, () => ({ left: "7" }));
    const alpha = aether.vibrator("alpha");
    await alpha.emit(OrderCreated, { id: "1", total: "5" });
    const reply = await alpha.query(Check, { sku: "a" });
    expect(reply.payload).toEqual({ left: 7 });
    expect(heard).toEqual([{ id: "1", total: 5, note: "" }]);
  });
});
