import { readFileSync } from "node:fs";
import type { Wave } from "@aether/core";
import { describe, expect, test } from "vitest";
import { openJournal } from "../src/index.ts";
import { readSnapshot } from "../src/snapshot/snapshot-file.ts";
import { EPOCH, SEGMENT, SEGMENT_1, VECTORS, WAVES } from "./format-vectors.ts";
import { SimDisk } from "./sim-disk.ts";
import { readAll, wave } from "./waves.ts";

const page = readFileSync(new URL("../../../docs/journal-format.md", import.meta.url), "utf8");

/** The digits of some bytes in lines of 32. */
function digits(bytes: Buffer): string {
  return (bytes.toString("hex").match(/.{1,64}/g) ?? []).join("\n");
}

describe("docs/journal-format.md", () => {
  test.each(VECTORS)("shows $title as it is written", ({ title, bytes }) => {
    expect(page).toContain(`**${title}**:\n\n\`\`\`text\n${digits(bytes)}\n\`\`\``);
  });

  test("shows nothing else", () => {
    const titles = [...page.matchAll(/^\*\*(.+?)\*\*:$/gm)].map(([, title]) => title);
    expect(titles).toEqual(VECTORS.map(({ title }) => title));
  });

  test.each([
    ["shows a segment that a journal reads", SEGMENT, WAVES],
    ["and one of version 1, to which it goes on", SEGMENT_1, WAVES.slice(0, 2)],
  ])("%s", async (_, segment, waves) => {
    const disk = SimDisk.holding([["0000000000000001.log", segment]]);
    await using journal = await openJournal("/sim", { fileSystem: disk });
    const read: Wave[] = [];
    for await (const { wave, position } of journal.read()) {
      expect(position.startsWith(`${EPOCH}-`)).toBe(true);
      read.push(wave);
    }
    const about = ({ position: _, age: __, ...rest }: Record<string, unknown>): Record<string, unknown> => rest;
    expect(read.map((wave) => about({ ...wave.toJSON() }))).toEqual(waves.map((wave) => about({ ...wave.toJSON() })));
    expect(read.map(({ age }) => age)).toEqual(waves.map((_, at) => at * 250));
    expect(journal.health().cuts).toEqual([]);
    const next = await journal.append(wave("next"));
    await journal.close();
    await using again = await openJournal("/sim", { fileSystem: disk });
    expect((await readAll(again)).at(-1)).toMatchObject({ id: "next", position: next });
    expect((await again.verify()).segments).toBe(2);
  });

  test("shows a snapshot that is read", () => {
    const bytes = VECTORS.at(-1)?.bytes ?? Buffer.alloc(0);
    expect(readSnapshot(bytes, "file")).toMatchObject({ name: "sum", place: { epoch: EPOCH }, state: { total: 12.5 } });
  });
});
