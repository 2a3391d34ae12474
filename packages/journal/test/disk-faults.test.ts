import { describe, expect, test } from "vitest";
import { openJournal } from "../src/index.ts";
import { SimDisk } from "./sim-disk.ts";
import { idsIn, wave } from "./waves.ts";

describe("a disk that is full", () => {
  test.each([
    ["refuses an append, loses nothing, and takes the next one when there is room again", false],
    ["does so where it is written and synced in one call", true],
  ])("%s", async (_, writesThrough) => {
    const faults = { room: 6000, writesThrough };
    const disk = new SimDisk(faults);
    const journal = await openJournal("/sim", { fileSystem: disk, segmentBytes: 4096 });
    const told: string[] = [];
    journal.on("full", ({ error }) => told.push(error.code));
    const kept: string[] = [];
    let refused = 0;
    for (let n = 0; n < 40; n++) {
      await journal.append(wave(`w${n}`, { payload: { id: `w${n}`, text: "x".repeat(n * 11) } })).then(
        () => kept.push(`w${n}`),
        (error: unknown) => {
          expect(error).toMatchObject({ code: "AETHER_JOURNAL_FULL", retryable: true });
          refused++;
        },
      );
    }
    expect(refused).toBeGreaterThan(0);
    expect(told.length).toBe(refused);
    expect(journal.health()).toMatchObject({ state: "full" });
    expect(await idsIn(journal)).toEqual(kept);
    faults.room = 1_000_000;
    await journal.append(wave("later"));
    expect(journal.health()).toMatchObject({ state: "ok" });
    // What was refused is not there after a kill, either.
    await using again = await openJournal("/sim", { fileSystem: SimDisk.holding(noLocks(disk)) });
    expect(await idsIn(again)).toEqual([...kept, "later"]);
    await journal.close();
  });
});

function noLocks(disk: SimDisk): [string, Buffer][] {
  return [...disk.files].filter(([name]) => !name.endsWith(".lock"));
}

describe("a sync that fails", () => {
  test.each([
    ["ends the journal: everything after it is refused with that cause", false],
    ["does so where it is a part of a write", true],
  ])("%s", async (_, writesThrough) => {
    const faults = { failSync: false, writesThrough };
    const disk = new SimDisk(faults);
    const journal = await openJournal("/sim", { fileSystem: disk });
    const position = await journal.append(wave("w1"));
    const told: string[] = [];
    journal.on("failed", ({ error }) => told.push(error.code));
    faults.failSync = true;
    const failure = { code: "AETHER_JOURNAL_FAILED", cause: { code: "EIO" } };
    await expect(Promise.all([journal.append(wave("w2")), journal.append(wave("w3"))])).rejects.toMatchObject(failure);
    await expect(journal.append(wave("w4"))).rejects.toMatchObject(failure);
    await expect((async () => idsIn(journal))()).rejects.toMatchObject(failure);
    await expect(journal.snapshot("sum", 1, position)).rejects.toMatchObject(failure);
    await expect(journal.verify()).rejects.toMatchObject(failure);
    expect(journal.health()).toMatchObject({ state: "failed", error: failure });
    expect(told).toEqual(["AETHER_JOURNAL_FAILED"]);
    await journal.close();
    await using again = await openJournal("/sim", { fileSystem: SimDisk.holding(noLocks(disk)) });
    expect((await idsIn(again))[0]).toBe("w1");
  });

  test("in mode interval ends it as well", async () => {
    const faults = { failSync: false };
    const journal = await openJournal("/sim", { fileSystem: new SimDisk(faults), mode: "interval", intervalMs: 5 });
    await journal.append(wave("w1"));
    faults.failSync = true;
    await expect.poll(() => journal.health().state).toBe("failed");
    await journal.close();
  });
});
