import type { StandardSchemaV1 } from "@standard-schema/spec";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { AetherError } from "../../src/errors.ts";
import { asItIs, Channel, type ChannelOptions, channel, parse, readerOf, type Schema } from "../../src/wave/channel.ts";
import { sampleWave } from "../sample-wave.ts";

/** A schema written by hand: it doubles numbers and refuses everything else, at once or later. */
function doubled(wait: boolean): StandardSchemaV1<number, number> {
  const validate = (value: unknown): StandardSchemaV1.Result<number> =>
    typeof value === "number" ? { value: value * 2 } : { issues: [{ message: "not a number" }] };
  return {
    "~standard": {
      version: 1,
      vendor: "by-hand",
      validate: wait ? async (value) => validate(value) : validate,
    },
  };
}

/** A schema that finds one issue, whatever it is given. */
function faulty(path: StandardSchemaV1.Issue["path"]): Schema {
  const issue = path === undefined ? { message: "bad" } : { message: "bad", path };
  return { "~standard": { version: 1, vendor: "by-hand", validate: () => ({ issues: [issue] }) } };
}

describe("channel", () => {
  test("declares a name, and nothing else until it is told", () => {
    const contract = channel("orders.created");
    expect(contract).toBeInstanceOf(Channel);
    expect({ ...contract }).toEqual({
      name: "orders.created",
      schema: undefined,
      reply: undefined,
      kind: undefined,
      recorded: false,
      amplitude: undefined,
      halfLifeMs: undefined,
      version: undefined,
      upgrade: undefined,
    });
    expect(`${contract}`).toBe("orders.created");
  });

  test("keeps what it is told", () => {
    const [schema, reply, upgrade] = [z.string(), z.number(), (payload: unknown) => payload];
    const options = { schema, reply, kind: "command", recorded: true, halfLifeMs: 5, version: 2, upgrade } as const;
    expect(channel("orders.*", { ...options, amplitude: "critical" })).toMatchObject({
      ...options,
      name: "orders.*",
      amplitude: 0.95,
    });
    expect(channel("a", { amplitude: 0.3, halfLifeMs: Number.POSITIVE_INFINITY })).toMatchObject({
      amplitude: 0.3,
      halfLifeMs: Number.POSITIVE_INFINITY,
    });
  });

  test("gives a contract that nobody can change", () => {
    const contract = channel("orders.created", { amplitude: 0.5 });
    expect(Object.isFrozen(contract)).toBe(true);
    for (const name of Object.keys(contract)) {
      expect(() => {
        (contract as unknown as Record<string, unknown>)[name] = "changed";
      }, name).toThrow(TypeError);
    }
  });

  test("is not changed by what happens to its options later", () => {
    const options: { amplitude: number } = { amplitude: 0.5 };
    const contract = channel("orders.created", options);
    options.amplitude = 0.9;
    expect(contract.amplitude).toBe(0.5);
  });

  test.each(["", "a..b", "ord*", "a b", ">.a"])("refuses the name %o", (name) => {
    expect(() => channel(name)).toThrow(expect.objectContaining({ code: "AETHER_BAD_CHANNEL" }));
  });

  test.each([
    ["schema", 5],
    ["schema", {}],
    ["schema", { "~standard": {} }],
    ["schema", { parse: () => 1 }],
    ["reply", () => true],
    ["reply", null],
    ["kind", "query"],
    ["kind", "response"],
    ["kind", 1],
    ["amplitude", 1.5],
    ["amplitude", "loud"],
    ["halfLifeMs", 0],
    ["halfLifeMs", "5s"],
    ["version", 0],
    ["version", 1.5],
    ["version", "2"],
    ["recorded", "yes"],
    ["recorded", 1],
    ["upgrade", "v2"],
  ])("refuses %s: %o", (option, value) => {
    const options = { ...(option === "upgrade" && { version: 2 }), [option]: value } as ChannelOptions<Schema, Schema>;
    const act = (): unknown => channel("orders.created", options);
    expect(act).toThrow(AetherError);
    expect(act).toThrow(expect.objectContaining({ code: "AETHER_BAD_OPTION" }));
    expect(act).toThrow(new RegExp(`^Expected \`${option}\` to be .*, got `));
  });

  test("refuses an option that it does not know", () => {
    expect(() => channel("orders.created", { amplitud: 0.5 } as ChannelOptions)).toThrow(
      expect.objectContaining({ code: "AETHER_BAD_OPTION" }),
    );
  });

  test("refuses an upgrade to no version", () => {
    expect(() => channel("orders.created", { upgrade: (payload) => payload })).toThrow(
      /^Expected `version` to be given together with `upgrade`, got undefined$/,
    );
  });
});

describe("child", () => {
  test("is the channel below, and inherits nothing but the name", () => {
    const orders = channel("orders", { schema: z.string(), amplitude: 0.9, recorded: true, kind: "command" });
    const child = orders.child("created", { halfLifeMs: 5 });
    expect(child.name).toBe("orders.created");
    expect(child).toMatchObject({ schema: undefined, amplitude: undefined, recorded: false, kind: undefined });
    expect(child.halfLifeMs).toBe(5);
    expect(child.child("eu").child("*").name).toBe("orders.created.eu.*");
  });

  test("is refused where its name is none", () => {
    for (const token of ["", "a b", ".a", "ord*"]) {
      expect(() => channel("orders").child(token)).toThrow(expect.objectContaining({ code: "AETHER_BAD_CHANNEL" }));
    }
    expect(() => channel("orders.>").child("a")).toThrow(expect.objectContaining({ code: "AETHER_BAD_CHANNEL" }));
  });
});

describe("parse", () => {
  test("gives the output of a zod schema, defaults and transforms included", () => {
    const schema = z.object({ n: z.string().transform(Number), flag: z.boolean().default(true) });
    expect(parse(schema, { n: "5", other: 1 }, "the payload")).toEqual({ n: 5, flag: true });
  });

  test("gives a promise only where the schema waits", async () => {
    expect(parse(doubled(false), 4, "it")).toBe(8);
    const later = parse(doubled(true), 4, "it");
    expect(later).toBeInstanceOf(Promise);
    expect(await later).toBe(8);
    expect(
      await parse(
        z.string().refine(async () => true),
        "x",
        "it",
      ),
    ).toBe("x");
  });

  test("refuses with each path and reason", () => {
    const schema = z.object({ items: z.array(z.object({ sku: z.string() })), note: z.string() });
    const act = (): unknown => parse(schema, { items: [{ sku: "a" }, { sku: 5 }] }, 'the payload of "orders"');
    expect(act).toThrow(/^Expected the payload of "orders" to fit its schema: `items\[1\]\.sku`: .+; `note`: .+/);
    expect(act).toThrow(
      expect.objectContaining({
        code: "AETHER_BAD_PAYLOAD",
        details: {
          issues: [
            { path: "items[1].sku", message: expect.any(String) },
            { path: "note", message: expect.any(String) },
          ],
        },
      }),
    );
  });

  test("rejects where the schema waits", async () => {
    await expect(parse(doubled(true), "x", "it")).rejects.toThrow(/^Expected it to fit its schema: not a number$/);
  });

  test.each([
    [undefined, "bad"],
    [[], "bad"],
    [["a"], "`a`: bad"],
    [["a", "b"], "`a.b`: bad"],
    [[0], "`[0]`: bad"],
    [["a", 0, "b"], "`a[0].b`: bad"],
    [[{ key: "a" }, { key: 3 }], "`a[3]`: bad"],
    [[Symbol("s")], "`Symbol(s)`: bad"],
  ])("writes the path %o as a text", (path, reason) => {
    expect(() => parse(faulty(path), 1, "it")).toThrow(`Expected it to fit its schema: ${reason}`);
  });

  test("a schema that throws is a payload that does not fit", async () => {
    const boom = new RangeError("boom");
    const throwing = (validate: () => never): Schema => ({ "~standard": { version: 1, vendor: "by-hand", validate } });
    const thrower = throwing(() => {
      throw boom;
    });
    expect(() => parse(thrower, 1, "it")).toThrow(expect.objectContaining({ code: "AETHER_BAD_PAYLOAD", cause: boom }));
    const rejecter: Schema = {
      "~standard": { version: 1, vendor: "by-hand", validate: () => Promise.reject(boom) },
    };
    await expect(parse(rejecter, 1, "it")).rejects.toMatchObject({ code: "AETHER_BAD_PAYLOAD", cause: boom });
  });
});

describe("readerOf", () => {
  test("without a schema hands the payload on", () => {
    const payload = { any: "thing" };
    const wave = sampleWave({ payload });
    const read = readerOf(channel("orders.created"))(wave);
    expect(read).toMatchObject({ id: wave.id, payload });
    expect(asItIs(wave)).toBe(wave);
  });

  test("parses the payload to the schema's output and keeps the rest of the wave", async () => {
    const wave = sampleWave({ payload: 4, extras: { key: "k", age: 3 } });
    const read = await readerOf(channel("orders.created", { schema: doubled(false) }))(wave);
    expect(read.payload).toBe(8);
    expect(read).toMatchObject({ id: wave.id, key: "k", age: 3, trace: wave.trace });
    expect(wave.payload).toBe(4);
  });

  test("gives a promise only where the schema waits", async () => {
    const wave = sampleWave({ payload: 4 });
    expect(readerOf(channel("orders.created", { schema: doubled(false) }))(wave)).not.toBeInstanceOf(Promise);
    const later = readerOf(channel("orders.created", { schema: doubled(true) }))(wave);
    expect(later).toBeInstanceOf(Promise);
    expect((await later).payload).toBe(8);
  });

  test("refuses a payload that breaks the schema, by the name of the channel", async () => {
    const wave = sampleWave({ payload: "x" });
    expect(() => readerOf(channel("orders.created", { schema: doubled(false) }))(wave)).toThrow(
      'Expected the payload of "orders.created" to fit its schema: not a number',
    );
    await expect(readerOf(channel("orders.created", { schema: doubled(true) }))(wave)).rejects.toMatchObject({
      code: "AETHER_BAD_PAYLOAD",
    });
  });

  test("lifts a payload of an older version before it is parsed", async () => {
    const lifted: [unknown, number][] = [];
    const contract = channel("orders.created", {
      schema: z.object({ total: z.number() }),
      version: 3,
      upgrade: (payload, from) => {
        lifted.push([payload, from]);
        return { total: Number(payload) };
      },
    });
    const read = readerOf(contract);
    expect((await read(sampleWave({ payload: "12", extras: { version: 2 } }))).payload).toEqual({ total: 12 });
    expect((await read(sampleWave({ payload: "13" }))).payload).toEqual({ total: 13 });
    expect(lifted).toEqual([
      ["12", 2],
      ["13", 1],
    ]);
  });

  test("leaves payloads of its own version, and of newer ones, alone", async () => {
    const upgrade = (): never => {
      throw new Error("Nothing to lift");
    };
    const read = readerOf(channel("orders.created", { schema: z.string(), version: 2, upgrade }));
    for (const version of [2, 3]) {
      expect((await read(sampleWave({ payload: "x", extras: { version } }))).payload).toBe("x");
    }
  });

  test("lifts without a schema too", async () => {
    const read = readerOf(channel("orders.created", { version: 2, upgrade: (payload) => [payload] }));
    expect((await read(sampleWave({ payload: 1 }))).payload).toEqual([1]);
  });

  test("an upgrade that throws is a payload that does not fit", () => {
    const boom = new RangeError("boom");
    const upgrade = (): never => {
      throw boom;
    };
    const read = readerOf(channel("orders.created", { version: 2, upgrade }));
    expect(() => read(sampleWave({ payload: 1 }))).toThrow(
      expect.objectContaining({ code: "AETHER_BAD_PAYLOAD", cause: boom }),
    );
  });
});
