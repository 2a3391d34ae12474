import { describe, expect, expectTypeOf, test } from "vitest";
import { AetherError, ERRORS, type ErrorCode, expected, show, UnrecoverableError } from "../src/errors.ts";
import { fc } from "./seeded.ts";

const codes = Object.keys(ERRORS) as ErrorCode[];

describe("AetherError", () => {
  test("is an Error with a name, a code, a message and details", () => {
    const error = new AetherError("AETHER_TIMEOUT", "too late", { details: { timeoutMs: 5 } });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: "AetherError",
      code: "AETHER_TIMEOUT",
      message: "too late",
      details: { timeoutMs: 5 },
    });
    expect(error.stack).toContain("too late");
  });

  test.each(codes)("%s is retryable as the table says", (code) => {
    expect(new AetherError(code, "text").retryable).toBe(ERRORS[code].retryable);
  });

  test("one failure can be more or less retryable than its code", () => {
    expect(new AetherError("AETHER_HANDLER_FAILED", "text", { retryable: false }).retryable).toBe(false);
    expect(new AetherError("AETHER_BAD_OPTION", "text", { retryable: true }).retryable).toBe(true);
  });

  test("has a cause only where one was given, even an undefined one", () => {
    const cause = new Error("inner");
    expect(new AetherError("AETHER_CLOSED", "text", { cause }).cause).toBe(cause);
    expect("cause" in new AetherError("AETHER_CLOSED", "text", { cause: undefined })).toBe(true);
    expect("cause" in new AetherError("AETHER_CLOSED", "text")).toBe(false);
  });

  test("has details even where none were given", () => {
    expect(new AetherError("AETHER_CLOSED", "text").details).toEqual({});
  });

  test("has a code that is one of the table, and no other", () => {
    expectTypeOf<AetherError["code"]>().toEqualTypeOf<ErrorCode>();
    expectTypeOf<"AETHER_TIMEOUT">().toExtend<ErrorCode>();
    // @ts-expect-error a code that is not in the table does not compile
    new AetherError("AETHER_OOPS", "text", { retryable: false });
  });
});

describe("the table of errors", () => {
  test.each(codes)("%s has a name of capitals and a meaning that is a sentence", (code) => {
    expect(code).toMatch(/^AETHER(_[A-Z]+)+$/);
    expect(ERRORS[code].meaning).toMatch(/^[A-Z].*\.$/);
  });
});

describe("UnrecoverableError", () => {
  test("is an Error of its own that keeps its cause", () => {
    const cause = new Error("inner");
    const error = new UnrecoverableError("give up", { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(AetherError);
    expect(error).toMatchObject({ name: "UnrecoverableError", message: "give up", cause });
  });
});

describe("expected", () => {
  test("gives a refusal in the one form of validation texts", () => {
    const error = expected("capacity", "a whole number of at least 1", 0);
    expect(error.code).toBe("AETHER_BAD_OPTION");
    expect(error.message).toBe("Expected `capacity` to be a whole number of at least 1, got 0");
    expect(error.details).toEqual({ option: "capacity", expected: "a whole number of at least 1", got: 0 });
  });

  test("says what it got in that form, whatever it got", () => {
    fc.assert(
      fc.property(fc.anything(), (got) => {
        expect(expected("name", "fine", got).message).toMatch(/^Expected `name` to be fine, got ./);
      }),
    );
  });
});

describe("show", () => {
  test.each([
    ["text", '"text"'],
    [42, "42"],
    [Number.NaN, "NaN"],
    [10n, "10n"],
    [undefined, "undefined"],
    [null, "null"],
    [Symbol("s"), "Symbol(s)"],
    [() => 1, "a function"],
    [[1, 2], "an array of 2"],
    [{ a: 1 }, "an object (Object)"],
    [new Date(0), "an object (Date)"],
    [Object.create(null), "an object (null prototype)"],
  ])("shows %o as %s", (value, text) => {
    expect(show(value)).toBe(text);
  });

  test("cuts a long text", () => {
    const shown = show("x".repeat(5000));
    expect(shown.length).toBeLessThanOrEqual(82);
    expect(shown).toMatch(/x\.\.\."$/);
  });

  test("keeps control characters and line breaks out of logs", () => {
    const controls = [...Array(32).keys(), ...Array.from({ length: 33 }, (_, i) => 0x7f + i), 0x2028, 0x2029];
    for (const code of controls) {
      const control = String.fromCharCode(code);
      expect(show(`a${control}b`), `U+${code.toString(16)}`).not.toContain(control);
    }
  });

  test("is short for every value", () => {
    expect(show(10n ** 5000n).length).toBeLessThanOrEqual(82);
    expect(show(Symbol("x".repeat(5000))).length).toBeLessThanOrEqual(82);
    expect(show("\u0000".repeat(80)).length).toBeLessThanOrEqual(82);
  });
});
