import { cp, readdir, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Journal, openJournal } from "../src/index.ts";
import { testDirectory } from "./directory.ts";
import { below, seedOf } from "./seed.ts";
import { idsIn, sequenceIn, wave } from "./waves.ts";

const seed = seedOf("positions");

/** A consumer that trusts the number alone: what it would read next, without a word. */
async function bySequenceAlone(journal: Journal, position: string): Promise<string[]> {
  const ids: string[] = [];
  for await (const { wave: one, position: its } of journal.read()) {
    if (sequenceIn(its) > sequenceIn(position)) {
      ids.push(one.id);
    }
  }
  return ids;
}

async function append(journal: Journal, prefix: string, count: number): Promise<string[]> {
  return await Promise.all(Array.from({ length: count }, (_, at) => journal.append(wave(`${prefix}${at}`))));
}

describe("a position", () => {
  test("is noticed when the journal was restored from an older copy and has grown again", async () => {
    const n = below(seed);
    for (let round = 0; round < 20; round++) {
      await using directory = await testDirectory();
      const live = join(directory.path, "live");
      const copy = join(directory.path, "copy");
      const first = await openJournal(live);
      await append(first, "a", 1 + n(20));
      await first.close();
      await cp(live, copy, { recursive: true });
      const second = await openJournal(live);
      const position = (await append(second, "b", 1 + n(20))).at(-1) ?? "";
      await second.close();
      await rm(live, { recursive: true });
      await cp(copy, live, { recursive: true });
      await using restored = await openJournal(live);
      const reading = async (): Promise<string[]> => idsIn(restored, { from: position });
      await expect(reading()).rejects.toMatchObject({ code: "AETHER_BAD_POSITION", details: { reason: "ahead" } });
      await append(restored, "c", 60);
      await expect(reading()).rejects.toMatchObject({ code: "AETHER_BAD_POSITION", details: { reason: "changed" } });
      // By number alone, waves are passed over and nobody knows.
      const skipped = await bySequenceAlone(restored, position);
      expect(skipped.length).toBeGreaterThan(0);
      expect(skipped).not.toContain("c0");
    }
  });

  test("is noticed when the end of the journal was cut off", async () => {
    const n = below(seed);
    await using directory = await testDirectory();
    const journal = await openJournal(directory.path);
    const positions = await append(journal, "a", 50);
    await journal.close();
    const [name = ""] = await readdir(directory.path);
    await truncate(join(directory.path, name), 64 + n(4000));
    await using cut = await openJournal(directory.path);
    const left = (await idsIn(cut)).length;
    expect(left).toBeLessThan(50);
    await append(cut, "b", 100);
    for (const [at, position] of positions.entries()) {
      const reading = (async () => idsIn(cut, { from: position }))();
      await (at < left ? reading : expect(reading).rejects.toMatchObject({ code: "AETHER_BAD_POSITION" }));
    }
  });

  test("of another journal is refused", async () => {
    await using directory = await testDirectory();
    await using one = await openJournal(join(directory.path, "one"));
    await using other = await openJournal(join(directory.path, "other"));
    const [position = ""] = await append(one, "a", 1);
    await append(other, "a", 1);
    const refused = { code: "AETHER_BAD_POSITION", details: { reason: "epoch" } };
    await expect((async () => idsIn(other, { from: position }))()).rejects.toMatchObject(refused);
    await expect(other.snapshot("sum", 1, position)).rejects.toMatchObject(refused);
    await expect(other.release(position)).rejects.toMatchObject(refused);
  });

  test("grows as a text, and no sequence is given twice, whatever was lost", async () => {
    await using directory = await testDirectory();
    const positions: string[] = [];
    for (let round = 0; round < 5; round++) {
      const journal = await openJournal(directory.path);
      positions.push(...(await append(journal, `r${round}-`, 10)));
      await journal.close();
      const names = (await readdir(directory.path)).filter((name) => name.endsWith(".log")).sort();
      const path = join(directory.path, names.at(-1) ?? "");
      await truncate(path, 64 + 1000);
    }
    expect(positions).toEqual([...positions].sort());
    expect(new Set(positions.map(sequenceIn)).size).toBe(positions.length);
  });
});
