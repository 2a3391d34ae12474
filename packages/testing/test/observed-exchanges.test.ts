import { testAether } from "@aether/testing";
import { describe, expect, test } from "vitest";

describe("an observer of commands and queries takes no part in them", () => {
  test("a command that is only observed has no resonator", async () => {
    await using t = await testAether();
    await t.observe(">", () => undefined);
    await expect(t.vibrator("alpha").emit("a", 1, { kind: "command" })).rejects.toMatchObject({
      code: "AETHER_NO_RESONATOR",
    });
  });

  test("an observer that keeps silent does not end a query", async () => {
    await using t = await testAether();
    await t.observe("ask", () => undefined);
    await t.vibrator("beta").resonateOn("ask", async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return "answer";
    });
    const { payload } = await t.vibrator("alpha").query("ask");
    expect(payload).toBe("answer");
  });

  test("what an observer's handler returns is no answer", async () => {
    await using t = await testAether();
    await t.observe("ask", () => "not an answer");
    await t.vibrator("beta").resonateOn("ask", async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return "answer";
    });
    const { payload } = await t.vibrator("alpha").query("ask");
    expect(payload).toBe("answer");
  });

  test("an observer that throws does not fail a query", async () => {
    await using t = await testAether();
    await t.observe("ask", () => {
      throw new Error("broken observer");
    });
    await t.vibrator("beta").resonateOn("ask", async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return "answer";
    });
    const { payload } = await t.vibrator("alpha").query("ask");
    expect(payload).toBe("answer");
  });

  test("a query that is answered at once is observed all the same", async () => {
    await using t = await testAether();
    const seen: unknown[] = [];
    await t.observe("ask", (wave) => void seen.push(wave.payload));
    await t.vibrator("beta").resonateOn("ask", () => "answer");
    await t.vibrator("alpha").query("ask", "question");
    await t.settled();
    expect(seen).toEqual(["question"]);
  });
});
