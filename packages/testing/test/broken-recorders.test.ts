import { recorderConformance } from "@aether/testing";
import { describe, expect, test } from "vitest";
import { recorders } from "./broken/recorders.ts";

describe.concurrent("the conformance suite notices a recorder that", () => {
  test.each(recorders)("$name", async ({ create, breaks }) => {
    const cases = recorderConformance(create, { test: false, deadlineMs: 150 });
    const failed: string[] = [];
    await Promise.all(cases.map(({ name, run }) => run().catch(() => failed.push(name))));
    expect(failed, "guarantees found broken").toEqual(expect.arrayContaining([...breaks]));
    expect(failed.length, `it fails too much: ${failed.join("; ")}`).toBeLessThan((cases.length * 2) / 3);
  });
});

test("every guarantee of recorders is broken by some recorder", () => {
  const broken = new Set(recorders.flatMap(({ breaks }) => breaks));
  const cases = recorderConformance(() => Promise.reject(new Error("not run")), { test: false });
  expect([...broken].sort()).toEqual(cases.map(({ name }) => name).sort());
});
