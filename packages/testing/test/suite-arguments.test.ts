import { inProcess } from "@aether/core";
import { journalConformance, mediumConformance, recorderConformance, testAether } from "@aether/testing";
import { describe, expect, test } from "vitest";

const SUITES = { mediumConformance, recorderConformance, journalConformance };

describe.each(Object.entries(SUITES))("%s", (_name, suite) => {
  test.each([
    [[undefined], "create"],
    [[inProcess()], "create"],
    [[() => inProcess(), null], "options of the suite"],
    [[() => inProcess(), { tests: false }], "options of the suite"],
    [[() => inProcess(), { test: true }], "test"],
    [[() => inProcess(), { test: false, deadlineMs: Number.NaN }], "deadlineMs"],
    [[() => inProcess(), { test: false, deadlineMs: 0 }], "deadlineMs"],
  ])("refuses arguments that are none, before there is a test: case %#", (given, option) => {
    expect(() => Reflect.apply(suite, undefined, given)).toThrow(
      expect.objectContaining({ code: "AETHER_BAD_OPTION", details: expect.objectContaining({ option }) }),
    );
  });

  test("gives all cases, each once, with no runner", () => {
    const names = Array.from(Reflect.apply(suite, undefined, [() => inProcess(), { test: false }]), (one) =>
      String(Reflect.get(Object(one), "name")),
    );
    expect(names.length).toBeGreaterThan(10);
    expect(new Set(names).size).toBe(names.length);
  });
});

test("testAether refuses options that are none", async () => {
  await expect(Reflect.apply(testAether, undefined, [null])).rejects.toMatchObject({ code: "AETHER_BAD_OPTION" });
});
