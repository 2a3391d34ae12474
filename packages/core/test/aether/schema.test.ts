import { channel, type Schema, type Wave } from "@aether/core";
import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { connect, expectBalance } from "./connect.ts";
import { ManualClock, turns } from "./manual-clock.ts";
import { rejection, until } from "./until.ts";

const Order = z.object({
  id: z.string(),
  at: z.string().transform((text) => new Date(text)),
  tags: z.array(z.string()).default([]),
});
const Orders = channel("orders.created", { schema: Order });

describe("a contract", () => {
  test("lets emit validate the input and sends it as given; the receiver parses it to the output", async () => {
    const aether = await connect();
    const raw: Wave[] = [];
    const parsed: Wave<{ at: Date; tags: string[] }>[] = [];
    await aether.vibrator("raw").resonateOn("orders.*", (wave) => void raw.push(wave));
    await aether.vibrator("beta").resonateOn(Orders, (wave) => void parsed.push(wave));
    const given = { id: "1", at: "2026-01-01T00:00:00Z" };
    await aether.vibrator("alpha").emit(Orders, given);
    await until(() => raw.length === 1 && parsed.length === 1);
    expect(raw[0]?.payload).toBe(given);
    expect(parsed[0]?.payload).toEqual({ id: "1", at: new Date("2026-01-01T00:00:00Z"), tags: [] });
    expect(parsed[0]).toMatchObject({ id: raw[0]?.id, amplitude: 0.5, channel: "orders.created", source: "alpha" });
  });

  test("parses for iterators, batches and receive, too", async () => {
    const aether = await connect();
    const [one, two, three] = [aether.vibrator("one"), aether.vibrator("two"), aether.vibrator("three")];
    const iterated = await one.resonateOn(Orders);
    const batched = await two.resonateOn(Orders);
    await three.resonateOn(Orders);
    await aether.vibrator("alpha").emit(Orders, { id: "1", at: "2026-01-01T00:00:00Z" });
    const expected = { id: "1", at: new Date("2026-01-01T00:00:00Z"), tags: [] };
    expect((await iterated[Symbol.asyncIterator]().next()).value.payload).toEqual(expected);
    expect((await batched.batches().next()).value[0].payload).toEqual(expected);
    expect((await three.receive())?.payload).toEqual(expected);
  });

  test("infers payloads and replies from its schemas", async () => {
    const aether = await connect();
    const Price = channel("price", {
      schema: z.object({ sku: z.string() }),
      reply: z.object({ cents: z.coerce.bigint() }),
    });
    const beta = aether.vibrator("beta");
    await beta.resonateOn(Orders, (wave) => {
      expectTypeOf(wave.payload.at).toEqualTypeOf<Date>();
      expectTypeOf(wave.payload.tags).toEqualTypeOf<string[]>();
    });
    await beta.resonateOn(Price, (wave) => {
      expectTypeOf(wave.payload.sku).toEqualTypeOf<string>();
      return { cents: "42" };
    });
    await beta.resonateOn("plain", (wave) => {
      expectTypeOf(wave.payload).toEqualTypeOf<unknown>();
    });
    const alpha = aether.vibrator("alpha");
    const { payload } = await alpha.query(Price, { sku: "a" });
    expectTypeOf(payload.cents).toEqualTypeOf<bigint>();
    expect(payload).toEqual({ cents: 42n });
    // @ts-expect-error a price needs a sku
    await rejection(alpha.emit(Price, {}));
    // @ts-expect-error a date is the output, not the input
    await rejection(alpha.emit(Orders, { id: "1", at: new Date() }));
  });

  test("may have a schema that takes its time", async () => {
    const aether = await connect();
    const Slow = channel("slow", {
      schema: z.object({ n: z.number() }).refine(async ({ n }) => {
        await turns(1);
        return n < 10;
      }),
    });
    const heard: number[] = [];
    const beta = await aether.vibrator("beta").resonateOn(Slow, (wave) => void heard.push(wave.payload.n));
    const alpha = aether.vibrator("alpha");
    expect((await alpha.emit(Slow, { n: 1 })).heard).toBe(1);
    expect(await rejection(alpha.emit(Slow, { n: 10 }))).toMatchObject({ code: "AETHER_BAD_PAYLOAD" });
    await alpha.emit("slow", { n: 11 });
    await until(() => beta.stats().absorbed.malformed === 1 && heard.length === 1);
    expect(heard).toEqual([1]);
    expectBalance(beta.stats());
  });

  test("whose schema takes its time keeps the order in which handlers start", async () => {
    const aether = await connect();
    const Uneven = channel("uneven", {
      schema: z.number().refine(async (n) => {
        await turns(n % 3 === 0 ? 5 : 1);
        return true;
      }),
    });
    const heard: number[] = [];
    await aether.vibrator("beta").resonateOn(Uneven, (wave) => void heard.push(wave.payload));
    const alpha = aether.vibrator("alpha");
    for (let i = 0; i < 20; i++) {
      await alpha.emit("uneven", i);
    }
    await until(() => heard.length === 20);
    expect(heard).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  test("whose schema takes its time keeps the order for iterators", async () => {
    const aether = await connect();
    const Uneven = channel("uneven", {
      schema: z.number().refine(async (n) => {
        await turns(n % 3 === 0 ? 5 : 1);
        return true;
      }),
    });
    const pulled = await aether.vibrator("beta").resonateOn(Uneven);
    const alpha = aether.vibrator("alpha");
    for (let i = 0; i < 20; i++) {
      await alpha.emit("uneven", i);
    }
    const heard: number[] = [];
    for await (const wave of pulled) {
      heard.push(wave.payload);
      if (heard.length === 20) {
        break;
      }
    }
    expect(heard).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  test("whose schema throws refuses the payload with an AetherError, and absorbs it on arrival", async () => {
    const aether = await connect();
    const schema: Schema<unknown, unknown> = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: () => {
          throw new TypeError("cannot read properties of undefined");
        },
      },
    };
    const Broken = channel("broken", { schema });
    const beta = await aether.vibrator("beta").resonateOn(Broken, () => {});
    const alpha = aether.vibrator("alpha");
    await alpha.emit("broken", 1);
    await until(() => beta.stats().absorbed.malformed === 1);
    expect(await rejection(alpha.emit(Broken, 1))).toMatchObject({ name: "AetherError", code: "AETHER_BAD_PAYLOAD" });
  });

  test.each([[{}], [7], [{ "~standard": {} }]])("refuses %j as a schema", (schema) => {
    expect(() => channel("a", { schema: schema as never })).toThrow(
      expect.objectContaining({ code: "AETHER_BAD_OPTION" }),
    );
    expect(() => channel("a", { reply: schema as never })).toThrow(
      expect.objectContaining({ code: "AETHER_BAD_OPTION" }),
    );
  });
});

describe("versions", () => {
  const Lines = channel("lines", {
    schema: z.object({ lines: z.array(z.string()) }),
    version: 3,
    upgrade: (payload, from) => {
      const old = payload as { line?: string; items?: string[] };
      return from === 1 ? { lines: [old.line] } : { lines: old.items };
    },
  });

  test("travel with the wave, and older payloads are lifted before they are parsed", async () => {
    const aether = await connect();
    const heard: unknown[] = [];
    const beta = await aether
      .vibrator("beta")
      .resonateOn(Lines, (wave) => void heard.push([wave.version, wave.payload.lines]));
    const alpha = aether.vibrator("alpha");
    await alpha.emit("lines", { line: "one" });
    await alpha.emit(channel("lines", { version: 2 }), { items: ["two"] });
    await alpha.emit(Lines, { lines: ["three"] });
    await alpha.emit(channel("lines", { version: 4 }), { lines: ["newer"] });
    await until(() => heard.length === 4);
    expect(heard).toEqual([
      [undefined, ["one"]],
      [2, ["two"]],
      [3, ["three"]],
      [4, ["newer"]],
    ]);
    expect(beta.stats().absorbed.malformed).toBe(0);
  });

  test("whose upgrade throws are malformed, not a crash", async () => {
    const aether = await connect();
    const Thrower = channel("thrower", {
      version: 2,
      upgrade: () => {
        throw new Error("cannot lift this");
      },
    });
    const heard: unknown[] = [];
    const beta = await aether.vibrator("beta").resonateOn(Thrower, (wave) => void heard.push(wave.version));
    const alpha = aether.vibrator("alpha");
    await alpha.emit("thrower", {});
    await alpha.emit(Thrower, {});
    await until(() => heard.length === 1 && beta.stats().absorbed.malformed === 1);
    expect(heard).toEqual([2]);
  });

  test.each([0, 1.5, Number.NaN])("of %d are refused", (version) => {
    expect(() => channel("a", { version })).toThrow(expect.objectContaining({ code: "AETHER_BAD_OPTION" }));
  });
});

describe("a wave that breaks the schema on its arrival", () => {
  test("is absorbed as malformed and sent back to its emitter, whatever its kind", async () => {
    const aether = await connect();
    const beta = await aether.vibrator("beta").resonateOn(Orders, () => {});
    const alpha = aether.vibrator("alpha");
    const back: unknown[] = [];
    const seen: unknown[] = [];
    alpha.onReflection(({ code, on, by, retryable, message }) => void back.push({ code, on, by, retryable, message }));
    aether.on("reflected", ({ id, channel: on, code, by }) => void seen.push({ id, on, code, by }));
    const { id, heard } = await alpha.emit("orders.created", { id: 7 });
    expect(heard).toBe(1);
    await until(() => back.length === 1);
    expect(back).toEqual([
      {
        code: "rejected",
        on: "orders.created",
        by: "beta",
        retryable: false,
        message: expect.stringContaining("`id`"),
      },
    ]);
    expect(seen).toEqual([{ id, on: "orders.created", code: "rejected", by: "beta" }]);
    expect(beta.stats()).toMatchObject({ received: 1, delivered: 0, failed: 0, absorbed: { malformed: 1 } });
  });

  test("is absorbed for iterators, which go on with the next", async () => {
    const aether = await connect();
    const pulled = await aether.vibrator("beta").resonateOn(Orders);
    const alpha = aether.vibrator("alpha");
    await alpha.emit("orders.created", "nonsense");
    await alpha.emit("orders.created", undefined);
    await alpha.emit(Orders, { id: "1", at: "2026-01-01T00:00:00Z" });
    const { value } = await pulled[Symbol.asyncIterator]().next();
    expect(value.payload.id).toBe("1");
    expect(pulled.stats()).toMatchObject({ received: 3, delivered: 1, absorbed: { malformed: 2 } });
  });

  test("fails the query that it is", async () => {
    const aether = await connect();
    const Price = channel("price", { schema: z.object({ sku: z.string() }), reply: z.number() });
    await aether.vibrator("beta").resonateOn(Price, () => 1);
    const alpha = aether.vibrator("alpha");
    const error = await rejection(alpha.query("price", { sku: 7 }));
    expect(error).toMatchObject({ code: "AETHER_HANDLER_FAILED", retryable: false, details: { code: "rejected" } });
  });

  test("sends at most 100 reflections of events at once back to one emitter", async () => {
    // No time passes in which more might be sent.
    const aether = await connect({ clock: new ManualClock() });
    const beta = await aether.vibrator("beta").resonateOn(Orders, () => {});
    const alpha = aether.vibrator("alpha");
    let back = 0;
    alpha.onReflection(() => void back++);
    for (let i = 0; i < 1000; i++) {
      void alpha.emit("orders.created", i);
    }
    await until(() => beta.stats().absorbed.malformed === 1000);
    await turns();
    expect(back).toBe(100);
  });
});

describe("a reply schema", () => {
  const Price = channel("price", {
    schema: z.object({ sku: z.string() }),
    reply: z.object({ at: z.string().transform((t) => new Date(t)) }),
  });

  test("is checked where the answer is given, and parsed where it is got", async () => {
    const aether = await connect();
    await aether.vibrator("beta").resonateOn(Price, () => ({ at: "2026-01-01T00:00:00Z" }));
    const alpha = aether.vibrator("alpha");
    expect((await alpha.query(Price, { sku: "a" })).payload.at).toEqual(new Date("2026-01-01T00:00:00Z"));
    expect((await alpha.query("price", { sku: "a" })).payload).toEqual({ at: "2026-01-01T00:00:00Z" });
  });

  test("that an answer breaks fails the query, and counts as a failure of the handler", async () => {
    const aether = await connect();
    const beta = await aether.vibrator("beta").resonateOn(Price, () => ({ at: 7 as unknown as string }));
    const error = await rejection(aether.vibrator("alpha").query(Price, { sku: "a" }));
    expect(error).toMatchObject({ code: "AETHER_HANDLER_FAILED", message: expect.stringContaining("`at`") });
    expect(beta.stats().failed).toBe(1);
  });

  test("that a foreign answer breaks rejects the query with AETHER_BAD_PAYLOAD", async () => {
    const aether = await connect();
    await aether.vibrator("beta").resonateOn("price", () => "cheap");
    const error = await rejection(aether.vibrator("alpha").query(Price, { sku: "a" }));
    expect(error).toMatchObject({ code: "AETHER_BAD_PAYLOAD" });
  });

  test("may take its time on both sides", async () => {
    const aether = await connect();
    const later = z.number().refine(async (n) => {
      await turns(1);
      return n > 0;
    });
    const Slow = channel("slow", { reply: later });
    let answer = 1;
    await aether.vibrator("beta").resonateOn(Slow, () => answer);
    const alpha = aether.vibrator("alpha");
    expect((await alpha.query(Slow, {})).payload).toBe(1);
    answer = -1;
    expect(await rejection(alpha.query(Slow, {}))).toMatchObject({ code: "AETHER_HANDLER_FAILED" });
  });
});
