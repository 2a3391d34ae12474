import { describe, expect, test } from "vitest";
import { AetherError } from "../../src/errors.ts";
import { assertTravels, jsonCodec, weigh } from "../../src/wave/codec.ts";
import { fc } from "../seeded.ts";

function roundTrip(payload: unknown): unknown {
  return jsonCodec.decode(jsonCodec.encode(payload));
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** `depth` arrays inside each other, the innermost empty. */
function nested(depth: number): unknown {
  let value: unknown = [];
  for (let i = 1; i < depth; i++) {
    value = [value];
  }
  return value;
}

describe("the JSON codec", () => {
  test("gives every JSON value back as it was", () => {
    // JSON has one zero: −0 arrives as 0.
    const values = fc
      .jsonValue({ maxDepth: 6, stringUnit: "binary" })
      .map((value) => JSON.parse(JSON.stringify(value)));
    fc.assert(
      fc.property(values, (value: unknown) => {
        expect(roundTrip(value)).toEqual(value);
        expect(() => assertTravels(value)).not.toThrow();
      }),
      { numRuns: 1000 },
    );
  });

  test("gives every text back, lone surrogates and byte order marks included", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0xffff })), (units) => {
        const text = String.fromCharCode(...units);
        expect(roundTrip(text)).toBe(text);
      }),
      { numRuns: 1000 },
    );
    expect(roundTrip("\ufefftext")).toBe("\ufefftext");
  });

  test("gives what it says travels back as it was", () => {
    let travelled = 0;
    fc.assert(
      fc.property(
        fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true, withMap: true }),
        (value) => {
          try {
            assertTravels(value);
          } catch {
            return;
          }
          travelled++;
          const arrived = roundTrip(value);
          expect(JSON.stringify(arrived)).toBe(JSON.stringify(value));
          expect(jsonCodec.encode(arrived)).toEqual(jsonCodec.encode(value));
        },
      ),
      { numRuns: 1000 },
    );
    expect(travelled).toBeGreaterThan(50);
  });

  test("passes bytes on as they are, without a copy", () => {
    for (const payload of [Uint8Array.of(1, 2, 3), new Uint8Array(0), Buffer.from("x")]) {
      const encoded = jsonCodec.encode(payload);
      expect(encoded.raw).toBe(true);
      expect(encoded.bytes).toBe(payload);
      expect(jsonCodec.decode(encoded)).toBe(payload);
    }
  });

  test("tells nothing, null and the empty text apart", () => {
    expect(jsonCodec.encode(undefined)).toEqual({ raw: false, bytes: new Uint8Array(0) });
    expect(roundTrip(undefined)).toBeUndefined();
    expect(roundTrip(null)).toBeNull();
    expect(roundTrip("")).toBe("");
  });

  test.each([
    ["a function", () => 1],
    ["a symbol", Symbol("s")],
    ["a bigint", 1n],
    ["a circular object", circular()],
    ["an object whose toJSON throws", { toJSON: () => JSON.parse("{") }],
  ])("refuses to encode %s", (_, payload) => {
    expect(() => jsonCodec.encode(payload)).toThrow(AetherError);
    expect(() => jsonCodec.encode(payload)).toThrow(expect.objectContaining({ code: "AETHER_BAD_PAYLOAD" }));
  });

  test.each([
    ["no JSON", bytes("oops")],
    ["a cut JSON text", bytes('{"a":')],
    ["two JSON texts", bytes("1 2")],
    ["a lone byte of many", Uint8Array.of(0x22, 0xc3, 0x22)],
    ["a surrogate in UTF-8", Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22)],
    ["an overlong form", Uint8Array.of(0x22, 0xc0, 0x80, 0x22)],
    ["a NUL", Uint8Array.of(0)],
    ["blanks", bytes("  ")],
  ])("refuses to decode %s", (_, garbage) => {
    expect(() => jsonCodec.decode({ raw: false, bytes: garbage })).toThrow(
      expect.objectContaining({ code: "AETHER_BAD_PAYLOAD", retryable: false }),
    );
  });

  test("decodes garbage to a value or refuses it, and nothing else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (garbage) => {
        try {
          jsonCodec.decode({ raw: false, bytes: garbage });
        } catch (error) {
          expect(error).toBeInstanceOf(AetherError);
          expect(error).toMatchObject({ code: "AETHER_BAD_PAYLOAD" });
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("a text nested 100,000 levels deep neither crashes it nor escapes as another error", () => {
    const deep = bytes("[".repeat(100_000) + "]".repeat(100_000));
    try {
      jsonCodec.decode({ raw: false, bytes: deep });
    } catch (error) {
      expect(error).toMatchObject({ code: "AETHER_BAD_PAYLOAD" });
    }
    expect(() => jsonCodec.encode(nested(100_000))).toThrow(expect.objectContaining({ code: "AETHER_BAD_PAYLOAD" }));
  });

  test("a key `__proto__` is a key like any other and pollutes nothing", () => {
    const text = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"a":1}';
    const value = jsonCodec.decode({ raw: false, bytes: bytes(text) }) as Record<string, unknown>;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value)).toEqual(["__proto__", "constructor", "a"]);
    expect(Reflect.get({}, "polluted")).toBeUndefined();
    expect(Reflect.get(value, "polluted")).toBeUndefined();
    expect(() => assertTravels(value)).not.toThrow();
    expect(new TextDecoder().decode(jsonCodec.encode(value).bytes)).toBe(text);
    expect(Reflect.get(Object.prototype, "polluted")).toBeUndefined();
  });
});

function circular(): unknown {
  const value: { self?: unknown } = {};
  value.self = value;
  return value;
}

class Money {
  readonly cents = 5;
}

describe("assertTravels", () => {
  test.each([
    ["a function", { a: { f: () => 1 } }, "a.f", "a function"],
    ["a symbol", [Symbol("s")], "[0]", "a symbol"],
    ["a bigint", { items: [{ n: 1n }] }, "items[0].n", "a bigint"],
    ["NaN", { a: Number.NaN }, "a", "NaN"],
    ["Infinity", [1, Number.POSITIVE_INFINITY], "[1]", "Infinity"],
    ["a Date", { at: new Date(0) }, "at", "an instance of Date"],
    ["a Map", { a: [[new Map()]] }, "a[0][0]", "an instance of Map"],
    ["a Set", { a: new Set() }, "a", "an instance of Set"],
    ["an Error", { e: new Error("x") }, "e", "an instance of Error"],
    ["a class", { price: new Money() }, "price", "an instance of Money"],
    ["a RegExp", { r: /x/ }, "r", "an instance of RegExp"],
    ["a promise", { p: Promise.resolve() }, "p", "an instance of Promise"],
    ["bytes inside an object", { b: Uint8Array.of(1) }, "b", "an instance of Uint8Array"],
    ["undefined in an array", { a: [1, undefined] }, "a[1]", "undefined in an array"],
    // biome-ignore lint/suspicious/noSparseArray: the hole is what is tested
    ["a hole in an array", { a: [1, , 2] }, "a[1]", "undefined in an array"],
    ["an own toJSON", { toJSON: () => 1 }, "toJSON", "a function"],
    ["a circle", { a: circular() }, "a.self", "a circular reference"],
  ])("refuses %s, and says where", (_, payload, path, what) => {
    expect(() => assertTravels(payload)).toThrow(
      expect.objectContaining({ code: "AETHER_BAD_PAYLOAD", details: { path, what } }),
    );
    expect(() => assertTravels(payload)).toThrow(
      new RegExp(`^Expected a payload of plain values, got ${what} at \`${path.replace(/[[\].]/g, "\\$&")}\`: .+`),
    );
  });

  test("refuses a payload that is itself no plain value", () => {
    expect(() => assertTravels(() => 1)).toThrow(/ at the payload itself: /);
    expect(() => assertTravels(new Date(0))).toThrow(/ at the payload itself: send toISOString\(\) or getTime\(\)$/);
  });

  test("takes undefined, bytes, and trees of plain values", () => {
    const shared = { a: 1 };
    for (const payload of [
      undefined,
      null,
      "",
      0,
      false,
      Uint8Array.of(1),
      Buffer.from("x"),
      Object.assign(Object.create(null), { a: 1 }),
      { a: undefined, b: [null, { c: "x" }] },
      [shared, shared],
    ]) {
      expect(() => assertTravels(payload)).not.toThrow();
    }
  });

  test("takes 32 levels and refuses 33", () => {
    expect(() => assertTravels(nested(32))).not.toThrow();
    expect(() => assertTravels(nested(33))).toThrow(/more than 32 levels/);
    expect(() => assertTravels(nested(50_000))).toThrow(/more than 32 levels/);
  });
});

describe("weigh", () => {
  test("weighs a text as long as it is in UTF-8, surrogates included", () => {
    const units = fc.array(
      fc.oneof(
        fc.integer({ min: 0, max: 0xffff }),
        fc.constantFrom(0x41, 0xe9, 0x7ff, 0x800, 0xd800, 0xdbff, 0xdc00, 0xdfff),
      ),
    );
    fc.assert(
      fc.property(units, (codes) => {
        const text = String.fromCharCode(...codes);
        expect(weigh(text)).toBe(Buffer.byteLength(text));
      }),
      { numRuns: 2000 },
    );
  });

  test("weighs bytes exactly and everything else 512", () => {
    expect(weigh(new Uint8Array(70_000))).toBe(70_000);
    expect(weigh(new Uint8Array(new ArrayBuffer(100), 10, 20))).toBe(20);
    for (const payload of [undefined, null, 5, {}, { a: "x".repeat(10_000) }, []]) {
      expect(weigh(payload)).toBe(512);
    }
  });
});
