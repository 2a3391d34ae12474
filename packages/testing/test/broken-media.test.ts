import { mediumConformance } from "@aether/testing";
import { describe, expect, test } from "vitest";
import { bands } from "./broken/bands.ts";
import { closings } from "./broken/closings.ts";
import { deliveries } from "./broken/deliveries.ts";
import { detours } from "./broken/detours.ts";
import { groups } from "./broken/groups.ts";
import { knowledge } from "./broken/knowledge.ts";
import { patterns } from "./broken/patterns.ts";
import { runs } from "./broken/runs.ts";
import { telling } from "./broken/telling.ts";

const media = [
  ...deliveries,
  ...patterns,
  ...groups,
  ...detours,
  ...telling,
  ...closings,
  ...knowledge,
  ...runs,
  ...bands,
];

describe.concurrent("the conformance suite notices a medium that", () => {
  test.each(media)("$name", async ({ create, breaks }) => {
    const cases = mediumConformance(create, { test: false, deadlineMs: 50 });
    const failed: string[] = [];
    await Promise.all(cases.map(({ name, run }) => run().catch(() => failed.push(name))));
    expect(failed, "guarantees found broken").toEqual(expect.arrayContaining([...breaks]));
    expect(failed.length, `it fails too much: ${failed.join("; ")}`).toBeLessThan((cases.length * 2) / 3);
  });
});

test("every guarantee is broken by some medium", () => {
  const broken = new Set(media.flatMap(({ breaks }) => breaks));
  const names = mediumConformance(() => Promise.reject(new Error("not run")), { test: false }).map(({ name }) => name);
  expect([...broken].sort()).toEqual([...names].sort());
});
