/** ARCHITECTURE.md has a line for each folder and file there is, and for no other. */

import { describe, expect, test } from "vitest";
import { pageAt, read, tree } from "./pages.ts";

const page = pageAt("ARCHITECTURE.md");

/** The folders whose files are listed, each under a heading of its own. */
const sources = tree().filter((path) => /^(packages\/[^/]+|services)\/src\/$/.test(path));

/** The entries of a block: what stands before two spaces or more, by line. */
function entriesOf(text: string): { readonly path: string; readonly about: string }[] {
  return text.split("\n").map((line) => {
    const [, path = line, about = ""] = /^(\S+) {2,}(.*)$/.exec(line) ?? [];
    return { path, about };
  });
}

/** What the source says about itself in its first sentence: the text to begin with in a new line of the map. */
function opening(path: string): string {
  return /\/\*\*\s*(?:\* )?(.*?)(?: \*\/)?\n/.exec(path.endsWith("/") ? "" : read(path))?.[1] ?? "";
}

describe("the map", () => {
  test("has a block for each folder of sources", () => {
    const blocks = page.fences.filter(({ info }) => info === "map").map(({ section }) => section.replaceAll("`", ""));
    expect(blocks).toEqual(["The house", ...sources.map((folder) => folder.slice(0, -1)).sort(byRank)]);
  });

  test("names every folder at the top, and no other", () => {
    const block = page.fences.find(({ section }) => section === "The house")?.text ?? "";
    const top = tree().filter((path) => /^[^/]+\/$/.test(path) || /^packages\/[^/]+\/$/.test(path));
    expect(entriesOf(block).map(({ path }) => path)).toEqual(expect.arrayContaining(top));
    expect(entriesOf(block).filter(({ path }) => !tree().includes(path))).toEqual([]);
  });

  test.each(sources)("names every file and folder of %s, and no other", (folder) => {
    const block = page.fences.find(({ section }) => section === `\`${folder.slice(0, -1)}\``)?.text ?? "";
    const listed = new Set(entriesOf(block).map(({ path }) => path));
    const present = tree(folder);
    const missing = present.filter((path) => !listed.has(path)).map((path) => `${path}  ${opening(folder + path)}`);
    const extra = [...listed].filter((path) => !present.includes(path));
    expect({ missing, extra }).toEqual({ missing: [], extra: [] });
  });

  test("says something about each of them, once", () => {
    for (const { text, info, section } of page.fences) {
      if (info === "map") {
        const entries = entriesOf(text);
        expect(entries.filter(({ about }) => about.length < 5).map(({ path }) => `${section}: ${path}`)).toEqual([]);
        expect(new Set(entries.map(({ path }) => path)).size).toBe(entries.length);
      }
    }
  });
});

/** Core first, the sample last, the packages between by name. */
function byRank(a: string, b: string): number {
  const rank = (path: string): string => (path === "packages/core/src" ? "" : path);
  return rank(a) < rank(b) ? -1 : 1;
}
