import { inProcess, type Medium, type MediumEvents } from "@aether/core";
import { mediumConformance, recorderConformance } from "@aether/testing";
import { afterAll, describe, expect, test } from "vitest";
import { type Journal, openJournal } from "../../src/index.ts";
import { type TestDirectory, testDirectory } from "../directory.ts";

/** What a link tells, to nobody. */
const DEAF: MediumEvents = {
  connected: () => undefined,
  disconnected: () => undefined,
  interest: () => undefined,
  reflected: () => undefined,
  moment: () => {
    throw new Error("Expected nothing to arrive here");
  },
};
const open: { readonly journal: Journal; readonly directory: TestDirectory }[] = [];

/** The in-process medium with a journal of its own. */
async function durable(): Promise<Medium> {
  const directory = await testDirectory();
  const journal = await openJournal(directory.path);
  open.push({ journal, directory });
  return journal.over(inProcess());
}

afterAll(async () => {
  for (const { journal, directory } of open) {
    await journal.close();
    await directory[Symbol.asyncDispose]();
  }
});

describe("the in-process medium with a journal", () => {
  mediumConformance(durable, { test });
  recorderConformance(durable, { test });

  test("says that it is durable, and keeps dead letters", async () => {
    const medium = await durable();
    const link = await medium.open(DEAF);
    expect(medium.traits.durable).toBe(true);
    expect(await link.recorder?.deadLetters?.stats()).toEqual({
      entered: 0,
      kept: 0,
      evicted: 0,
      reemitted: 0,
      purged: 0,
    });
  });
});
