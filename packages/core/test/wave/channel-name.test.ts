import { describe, expect, test } from "vitest";
import { AetherError } from "../../src/errors.ts";
import { assertChannelName, assertPattern, channelLengthOf, LONGEST_CHANNEL } from "../../src/wave/channel-name.ts";
import { cpuMs } from "../cpu-ms.ts";
import { fc } from "../seeded.ts";

const token64 = "t".repeat(64);
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

function refusal(act: () => void): AetherError {
  try {
    act();
  } catch (error) {
    if (error instanceof AetherError) {
      return error;
    }
    throw error;
  }
  throw new Error("Nothing was thrown");
}

function expectRefused(act: () => void): void {
  const error = refusal(act);
  expect(error.code).toBe("AETHER_BAD_CHANNEL");
  expect(error.message).toMatch(/^Expected a channel (name|or pattern), got .+: .+/s);
}

/** Illegal everywhere: as a channel and as a pattern. */
const illegal: readonly (readonly [string, unknown])[] = [
  ["an empty name", ""],
  ["an empty token", "a..b"],
  ["three dots", "a...b"],
  ["a leading dot", ".a"],
  ["a trailing dot", "a."],
  ["a lone dot", "."],
  ["a space", "a b"],
  ["a leading space", " a"],
  ["a trailing space", "a "],
  ["a tab", "a\tb"],
  ["a line break", "a\nb"],
  ["a carriage return", "a\r\nb"],
  ["a NUL", "a\u0000"],
  ["DEL", "a\u007f"],
  ["a C1 control", "a\u009b"],
  ["a lone high surrogate", "a\ud800"],
  ["a lone low surrogate", "\udc00a"],
  ["an emoji", "a.😀"],
  ["a letter that is not ASCII", "größe"],
  ["a letter that looks like ASCII", "оrders"],
  ["a full-width letter", "ａ"],
  ["a no-break space", "a\u00a0b"],
  ["a line separator", "a\u2028b"],
  ["a byte order mark", "\ufefforders"],
  ["`>` before the end", "a.>.b"],
  ["`>` at the start of more", ">.a"],
  ["`>` twice", "a.>.>"],
  ["a partial `*` at the end of a token", "ord*"],
  ["a partial `*` at the start of a token", "*ers"],
  ["a partial `*` inside a token", "o*s.a"],
  ["a double `*`", "a.**"],
  ["a partial `>`", "a.ord>"],
  ["a `>` glued to more", "a.>b"],
  ["`*>`", "a.*>"],
  ["a slash", "a/b"],
  ["a colon", "a:b"],
  ["a quote", 'a"b'],
  ["a `$` inside", "a$b"],
  ["a `$` that starts a later token", "a.$b"],
  ["a lone `$`", "$"],
  ["a reserved name with an empty token", "$dead..a"],
  ["more than 128 characters", `${token64}.${token64}`],
  ["a token of 65 characters", `a.${"t".repeat(65)}`],
  ["17 tokens", Array(17).fill("a").join(".")],
  ["undefined", undefined],
  ["null", null],
  ["a number", 42],
  ["a symbol", Symbol("orders")],
  ["an array", ["orders"]],
  ["a String object", Object("orders")],
  ["an object that turns into a channel", { toString: () => "orders", length: 6 }],
];

const wildcards = ["*", ">", "a.*", "a.>", "*.a", "*.*.>", "a.*.b.>"];

describe("assertChannelName", () => {
  test.each(illegal)("refuses %s", (_, name) => {
    expectRefused(() => assertChannelName(name));
  });

  test.each(wildcards)("refuses the wildcard of %s: nothing is emitted on a pattern", (name) => {
    expectRefused(() => assertChannelName(name));
    expect(refusal(() => assertChannelName(name)).message).toContain("a wildcard stands only in a pattern");
  });

  test.each(["$dead.orders", "$reflection.x", "$presence.x", "$SYS"])("refuses the reserved %s", (name) => {
    expectRefused(() => assertChannelName(name));
    expect(refusal(() => assertChannelName(name)).message).toContain("reserved");
  });

  test.each([
    "a",
    "orders.created",
    "A-Z_0.b-9",
    "0",
    "-",
    "_._",
    token64,
    `${"t".repeat(63)}.${token64}`,
    Array(16).fill("a").join("."),
  ])("takes %s", (name) => {
    expect(() => assertChannelName(name)).not.toThrow();
  });

  test("says what is wrong with a name", () => {
    const why = (name: unknown): unknown => refusal(() => assertChannelName(name)).message;
    expect(why("a..b")).toBe(
      'Expected a channel name, got "a..b": it has an empty token (a leading, trailing or double dot)',
    );
    expect(why("a b")).toBe('Expected a channel name, got "a b": it holds " ", and tokens are made of A-Z a-z 0-9 _ -');
    expect(why("x".repeat(129))).toMatch(/: it has 129 characters and the limit is 128$/);
    expect(why(7)).toBe("Expected a channel name, got 7: it is not a string");
  });

  test("holds a name to the limit that was set", () => {
    expect(() => assertChannelName("abcdef", 6)).not.toThrow();
    expectRefused(() => assertChannelName("abcdefg", 6));
    const long = Array(4).fill("t".repeat(49)).join(".");
    expect(long).toHaveLength(199);
    expect(() => assertChannelName(long, 200)).not.toThrow();
    expectRefused(() => assertChannelName(long));
  });

  test("physics §4: takes exactly 1 to 16 tokens of 1 to 64 of its characters, up to the limit", () => {
    const grammar = /^[A-Za-z0-9_-]{1,64}(?:\.[A-Za-z0-9_-]{1,64}){0,15}$/;
    const texts = fc.oneof(
      fc.string({ unit: fc.constantFrom("a", "B", "0", "_", "-", ".", ".", " ", "*", ">", "$", "é"), maxLength: 40 }),
      fc
        .array(fc.string({ unit: fc.constantFrom(...letters), minLength: 1, maxLength: 10 }), { maxLength: 20 })
        .map((tokens) => tokens.join(".")),
      fc.string({ unit: "binary", maxLength: 10 }),
    );
    let legal = 0;
    fc.assert(
      fc.property(texts, (text) => {
        let taken = true;
        try {
          assertChannelName(text);
          legal++;
        } catch {
          taken = false;
        }
        expect(taken).toBe(grammar.test(text) && text.length <= 128);
      }),
      { numRuns: 3000 },
    );
    expect(legal).toBeGreaterThan(300);
  });
});

describe("assertPattern", () => {
  test.each(illegal)("refuses %s", (_, name) => {
    expectRefused(() => assertPattern(name));
  });

  test.each([...wildcards, "a", "orders.created", Array(15).fill("*").join(".").concat(".>")])(
    "takes %s",
    (pattern) => {
      expect(() => assertPattern(pattern)).not.toThrow();
    },
  );

  test("takes reserved names of any length and number of tokens up to 400 characters", () => {
    expect(() => assertPattern("$dead.>")).not.toThrow();
    expect(() => assertPattern(`$dead.${Array(16).fill("tokens").join(".")}`)).not.toThrow();
    expect(() => assertPattern(`$reflection.${"x".repeat(180)}`)).not.toThrow();
    expectRefused(() => assertPattern(`$dead.${"x".repeat(500)}`));
  });

  test("`>` alone counts as a token: 16 are the limit", () => {
    expectRefused(() => assertPattern(Array(16).fill("*").join(".").concat(".>")));
  });
});

describe("the time it takes to refuse a name", () => {
  const adversaries: readonly (readonly [string, (n: number) => string])[] = [
    ["one token", (n) => "a".repeat(n)],
    ["dots", (n) => ".".repeat(n)],
    ["short tokens", (n) => "a.".repeat(n / 2)],
    ["stars", (n) => "*.".repeat(n / 2)],
    ["a reserved token", (n) => `$${"a".repeat(n)}`],
    ["reserved tokens", (n) => `$${".a".repeat(n / 2)}`],
    ["control characters", (n) => "\u0000".repeat(n)],
    ["an error at the end", (n) => `${"a".repeat(n)}\u0000`],
    ["surrogates", (n) => "\ud800".repeat(n)],
  ];

  test.each(adversaries)("is linear, and short, for 50,000 characters of %s", (_, make) => {
    const name = make(50_000);
    const from = cpuMs();
    for (let i = 0; i < 20; i++) {
      expectRefused(() => assertPattern(name));
      expectRefused(() => assertChannelName(name));
      // Without a limit on its length too: nothing backtracks.
      expectRefused(() => assertChannelName(name, Number.POSITIVE_INFINITY));
    }
    expect(cpuMs() - from).toBeLessThan(500);
    expect(refusal(() => assertChannelName(name)).message.length).toBeLessThan(700);
  });
});

describe("channelLengthOf", () => {
  test("is 128 by default and takes 1 to 200", () => {
    expect(channelLengthOf()).toBe(128);
    expect(channelLengthOf(1)).toBe(1);
    expect(channelLengthOf(LONGEST_CHANNEL)).toBe(200);
  });

  test.each([0, 201, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "128", null])("refuses %o", (limit) => {
    expect(() => channelLengthOf(limit as number)).toThrow(
      /^Expected `limits.maxChannelLength` to be a whole number from 1 to 200, got /,
    );
  });
});
