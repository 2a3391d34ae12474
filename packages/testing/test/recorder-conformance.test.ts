import { readFileSync } from "node:fs";
import { mediumConformance, recorderConformance } from "@aether/testing";
import { describe, expect, test } from "vitest";
import { remembering } from "./lawful/remembering.ts";

describe("the in-process medium with a memory", () => {
  mediumConformance(() => remembering(), { test });
  recorderConformance(() => remembering(), { test });
});

describe("the suite and the contract of recorders", () => {
  const names = recorderConformance(() => remembering(), { test: false }).map(({ name }) => name);
  const source = readFileSync(new URL("../../core/src/medium/recorder.ts", import.meta.url), "utf8");
  const comment = source.slice(0, source.indexOf("export interface Recorder {"));
  const listed = [...comment.slice(comment.lastIndexOf("/**")).matchAll(/^ \* - (.+)$/gm)].map(([, name = ""]) => name);

  test("each guarantee of the doc comment is one test, and each test one guarantee", () => {
    expect([...names].sort()).toEqual([...listed].sort());
    expect(new Set(names).size).toBe(names.length);
  });

  test("tests of the suite may share a medium, one after the other", async () => {
    const medium = remembering();
    for (const { run } of recorderConformance(() => medium, { test: false })) {
      await run();
    }
  });
});
