import { describe, expect, test } from "vitest";
import { covers, matches } from "../../src/wave/pattern.ts";
import { fc } from "../seeded.ts";
import { naiveMatch, someChannel, somePattern } from "./naive-matcher.ts";

describe("matches", () => {
  test.each([
    ["orders.*", "orders.created", true],
    ["orders.*", "orders.eu.created", false],
    ["orders.*", "orders", false],
    ["orders.>", "orders.created", true],
    ["orders.>", "orders.eu.created", true],
    ["orders.>", "orders", false],
    ["*", "orders", true],
    ["*", "orders.created", false],
    [">", "orders", true],
    [">", "orders.eu.created", true],
    ["*.created", "orders.created", true],
    ["*.created", "orders.deleted", false],
    ["*.*", "orders.created", true],
    ["*.>", "orders", false],
    ["*.>", "orders.created", true],
    ["orders.*.created", "orders.eu.created", true],
    ["orders.*.created", "orders.created", false],
    ["orders", "orders", true],
    ["orders", "order", false],
    ["order", "orders", false],
    ["orders", "Orders", false],
    ["orders.created", "orders.created.again", false],
    ["orders.created.again", "orders.created", false],
  ])("physics §4: %s on %s: %s", (pattern, channel, verdict) => {
    expect(matches(pattern, channel)).toBe(verdict);
  });

  test("physics §4: gives the verdict of a naive matcher, for 20,000 pairs", () => {
    const verdicts = { true: 0, false: 0 };
    fc.assert(
      fc.property(somePattern, someChannel, (pattern, channel) => {
        const verdict = matches(pattern, channel);
        verdicts[`${verdict}`]++;
        return verdict === naiveMatch(pattern, channel);
      }),
      { numRuns: 20_000 },
    );
    expect(verdicts.true).toBeGreaterThan(2000);
    expect(verdicts.false).toBeGreaterThan(2000);
  });

  test("physics §4: `*` is exactly one token", () => {
    fc.assert(
      fc.property(someChannel, (channel) => {
        const stars = channel.replace(/[^.]+/g, "*");
        expect(matches(stars, channel)).toBe(true);
        expect(matches(`${stars}.*`, channel)).toBe(false);
        expect(matches(stars, `${channel}.a`)).toBe(false);
      }),
    );
  });

  test("physics §4: `>` is everything", () => {
    fc.assert(
      fc.property(someChannel, (channel) => {
        expect(matches(">", channel)).toBe(true);
      }),
    );
  });

  test("physics §4: `a.>` never covers `a`, and covers everything below it", () => {
    fc.assert(
      fc.property(someChannel, someChannel, (channel, below) => {
        expect(matches(`${channel}.>`, channel)).toBe(false);
        expect(matches(`${channel}.>`, `${channel}.${below}`)).toBe(true);
      }),
    );
  });

  test.each(["", "a.", "a..b", "ord*", ">.a", "a b"])("refuses %o, which is no pattern", (pattern) => {
    expect(() => matches(pattern, "a")).toThrow(expect.objectContaining({ code: "AETHER_BAD_CHANNEL" }));
  });
});

describe("covers", () => {
  test("takes a wildcard of the channel for a token like any other", () => {
    expect(covers("orders.>", "orders.*")).toBe(true);
    expect(covers("orders.*", "orders.*")).toBe(true);
    expect(covers("orders.created", "orders.*")).toBe(false);
  });
});
