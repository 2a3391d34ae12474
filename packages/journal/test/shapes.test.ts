import { spawnSync } from "node:child_process";
import { AetherError, EncodedPayload, seededRandom } from "@aether/core";
import { describe, expect, test } from "vitest";
import { ShapeTable } from "../src/body/shaped-payload.ts";
import { ShapedWriter } from "../src/body/shaped-writer.ts";
import { openJournal } from "../src/index.ts";
import { viewOf } from "../src/log/slab.ts";
import { below, seedOf } from "./seed.ts";
import { SimDisk } from "./sim-disk.ts";
import { wave } from "./waves.ts";

const seed = seedOf("shapes");
const CHANNEL = "orders.created";
/** So often that a function is made for a shape. */
const OFTEN = 100;

/** The bytes of `payload` with its shape, after others like it; `undefined`: it has none. */
function shaped(payload: unknown): Buffer | undefined {
  const writer = new ShapedWriter();
  for (let told = 0; told < 2; told++) {
    writer.write(CHANNEL, payload);
  }
  const slab = writer.write(CHANNEL, payload);
  return slab && Buffer.from(slab.buffer.subarray(0, slab.length));
}

/** What `table` reads in `bytes`; its error, if it has one. */
function readIn(table: ShapeTable, bytes: Buffer): unknown {
  try {
    const payload = table.payload(bytes, viewOf(bytes), 0, bytes.length);
    return payload instanceof EncodedPayload ? payload.decode() : payload?.payload;
  } catch (error) {
    if (error instanceof AetherError && error.code === "AETHER_BAD_PAYLOAD") {
      return error.code;
    }
    throw error;
  }
}

/** A value as payloads have them, smaller the deeper it stands. */
function valueBy(random: () => number, depth = 0): unknown {
  const n = (most: number): number => Math.floor(random() * most);
  const kind = n(depth > 3 ? 5 : 7);
  switch (kind) {
    case 0:
      return ["", "a", "Ada L", "ü", "€", "😀", "\ud800", "x".repeat(n(300)), "é".repeat(n(300)), "語".repeat(n(100))][
        n(10)
      ];
    case 1:
      return [0, 1, 254, 255, 256, -1, -0, 0.5, 1e300, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53][n(12)];
    case 2:
      return n(2) === 0;
    case 3:
      return [null, undefined, "text", 7][n(4)];
    case 4:
      return [];
    case 5:
      return random() < 0.7 ? listOf(n(4), valueBy(random, depth + 1)) : [valueBy(random, depth + 1), n(9)];
    default: {
      const names = ["id", "n", "ä", "", "0", "7", "a b", "toString", "語", "x".repeat(n(260))];
      return Object.fromEntries(
        Array.from({ length: n(6) }, () => [names[n(names.length)] ?? "", valueBy(random, depth + 1)]),
      );
    }
  }
}

function listOf(length: number, item: unknown): unknown[] {
  return new Array<unknown>(length).fill(item);
}

class Money {
  readonly cents = 5;
}

const PLAIN: readonly [string, unknown][] = [
  ["texts of all lengths", { a: "", b: "x".repeat(64), c: "x".repeat(65), d: "x".repeat(300), e: "é".repeat(70) }],
  ["texts of other alphabets", { a: "語", b: "😀", c: "x".repeat(300).concat("€") }],
  ["numbers", { a: 0, b: -0, c: 254, d: 255, e: 2 ** 31, f: -1.5, g: 5e-324, h: Number.MAX_VALUE }],
  ["long lists", { a: listOf(300, 1), b: listOf(70_000, { id: "x" }) }],
  [
    "lists in lists",
    [
      [["a"], ["b", "c"]],
      [[], ["d"]],
    ].slice(0, 1),
  ],
  ["names like numbers", { b: 1, 7: 2, 0: 3 }],
  ["names that objects have", { constructor: 1, hasOwnProperty: "x", toString: false, valueOf: null }],
  ["names with quotes", { 'a"b': 1, "a\\b": 2, "a\nb": 3, "'];}": 5 }],
  ["fields that are undefined", { a: undefined, b: 1, c: undefined }],
];

const NOT_PLAIN: readonly [string, unknown][] = [
  ["numbers that JSON has not", { a: Number.NaN, b: Number.NEGATIVE_INFINITY }],
  ["half characters", { a: "\ud800", b: "x\udc00" }],
  ["dates", { at: new Date(0) }],
  ["what says itself how it is written", { a: { toJSON: () => "b" } }],
  ["maps", { a: new Map([[1, 2]]) }],
  ["objects of a class", { price: new Money() }],
  ["objects without a prototype", Object.assign(Object.create(null), { a: 1 })],
  ["boxed values", { a: Object("text"), b: Object(1) }],
  ["lists of different things", [1, "a", null]],
  ["lists with holes", { a: Array.from({ length: 3 }).fill(1, 1, 2) }],
  ["lists of nothing", { a: [null, null], b: [{}, {}] }],
  ["a name that changes what an object is", JSON.parse('{"__proto__":{"a":1}}')],
  ["names in other alphabets", { 語: 1 }],
  ["deep nesting", JSON.parse(`${'{"a":'.repeat(40)}1${"}".repeat(40)}`)],
  ["functions", { a: () => 1, b: 2 }],
];

describe("a payload", () => {
  test.each([...PLAIN, ...NOT_PLAIN])("with %s is read as JSON has it, every time", async (_, payload) => {
    await using journal = await openJournal("/sim", { fileSystem: new SimDisk() });
    for (let n = 0; n < OFTEN; n++) {
      await journal.append(wave(`w${n}`, { payload }));
    }
    const expected: unknown = JSON.parse(JSON.stringify(payload));
    for await (const { wave: one } of journal.read()) {
      expect(one.payload).toStrictEqual(expected);
      expect(Object.keys(Object(one.payload))).toEqual(Object.keys(Object(expected)));
    }
  });

  test.each(PLAIN)("with %s is written by its shape", (_, payload) => {
    expect(shaped(payload)).toBeDefined();
  });

  test.each(NOT_PLAIN)("with %s is left to JSON", (_, payload) => {
    expect(shaped(payload)).toBeUndefined();
  });

  test("of any making is read as JSON has it", async () => {
    const random = seededRandom(seed);
    let count = 0;
    for (let round = 0; round < 3000; round++) {
      const payload = valueBy(random);
      const bytes = shaped(payload);
      if (bytes !== undefined) {
        const expected: unknown = JSON.parse(JSON.stringify(payload));
        const table = new ShapeTable();
        for (let n = 0; n < (round % 10 === 0 ? OFTEN : 1); n++) {
          expect({ seed, round, payload: readIn(table, bytes) }).toStrictEqual({ seed, round, payload: expected });
        }
        count++;
      }
    }
    expect(count).toBeGreaterThan(300);
  });

  test("changes its shape, and is written as it is", async () => {
    await using journal = await openJournal("/sim", { fileSystem: new SimDisk() });
    const payloads = Array.from(
      { length: 400 },
      (_, n) => [{ n }, { n: String(n) }, { n, at: n }, { at: n }, [n], { n: [n] }][n % 6],
    );
    for (const [n, payload] of payloads.entries()) {
      await journal.append(wave(`w${n}`, { payload }));
    }
    const read: unknown[] = [];
    for await (const { wave: one } of journal.read()) {
      read.push(one.payload);
    }
    expect(read).toStrictEqual(payloads);
  });

  test("whose getter appends another one harms neither", async () => {
    await using journal = await openJournal("/sim", { fileSystem: new SimDisk() });
    const appends: Promise<string>[] = [];
    const payload = (n: number): object => ({
      id: `outer-${n}`,
      get other() {
        appends.push(journal.append(wave(`inner-${n}`, { payload: { id: `inner-${n}`, other: "x" } })));
        return "x";
      },
    });
    for (let n = 0; n < 10; n++) {
      appends.push(journal.append(wave(`outer-${n}`, { payload: payload(n) })));
    }
    await Promise.all(appends);
    for await (const { wave: one } of journal.read()) {
      expect(one.payload).toStrictEqual({ id: one.id, other: "x" });
    }
  });

  test("of bytes that fill no shape is told to whoever looks, whether a function was made for the shape or not", () => {
    const bytes =
      shaped({ id: "ü", list: [{ a: 1.5, ok: true }], long: "x".repeat(300), none: null }) ?? Buffer.alloc(0);
    const often = new ShapeTable();
    for (let n = 0; n < OFTEN; n++) {
      readIn(often, bytes);
    }
    for (const table of [often, new ShapeTable()]) {
      expect(readIn(table, bytes)).toMatchObject({ id: "ü", none: null });
      expect(readIn(table, Buffer.concat([bytes, Buffer.from([0])]))).toBe("AETHER_BAD_PAYLOAD");
      expect(readIn(table, bytes.subarray(0, -1))).toBe("AETHER_BAD_PAYLOAD");
    }
    const n = below(seed);
    let told = 0;
    for (let round = 0; round < 20_000; round++) {
      const damaged = Buffer.from(bytes.subarray(0, n(4) === 0 ? n(bytes.length) : bytes.length));
      // Some of them leave the shape as it is.
      const from = n(2) === 0 ? 0 : Math.min(damaged.length, 2 + bytes.readUInt16LE(0));
      for (let flips = n(3); flips > 0 && from < damaged.length; flips--) {
        damaged[from + n(damaged.length - from)] = n(256);
      }
      const value = readIn(new ShapeTable(), damaged);
      expect({ seed, round, value: readIn(often, damaged) }).toStrictEqual({ seed, round, value });
      told += value === "AETHER_BAD_PAYLOAD" ? 1 : 0;
    }
    expect(told).toBeGreaterThan(1000);
  });

  test("is read where no function may be made from a text", () => {
    const script = `
      import { ShapedWriter } from "./dist/body/shaped-writer.js";
      import { ShapeTable } from "./dist/body/shaped-payload.js";
      const writer = new ShapedWriter();
      const table = new ShapeTable();
      for (let n = 0; n < 200; n++) {
        const slab = writer.write("a", { id: "x" + n, list: [{ n }] });
        if (n < 2) continue;
        const bytes = Buffer.from(slab.buffer.subarray(0, slab.length));
        const { payload } = table.payload(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);
        if (payload.id !== "x" + n || payload.list[0].n !== n) throw new Error("wrong");
      }
      try { new Function("return 1"); process.exitCode = 3; } catch {}
    `;
    const flags = ["--disallow-code-generation-from-strings", "--input-type=module", "-e", script];
    const { status, stderr } = spawnSync(process.execPath, flags, {
      cwd: new URL("..", import.meta.url),
      encoding: "utf8",
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });
});
