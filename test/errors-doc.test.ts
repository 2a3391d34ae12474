import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ERRORS, type ErrorCode } from "@aether/core";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = readFileSync(`${root}docs/errors.md`, "utf8");
const table = Object.keys(ERRORS).sort() as ErrorCode[];

/** Names that look like codes and are settings of the environment. */
const SETTINGS: ReadonlySet<string> = new Set(["AETHER_ENV", "AETHER_CONFIG", "AETHER_SEED"]);

/** The part of the page about each code. */
const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((section): [string, string] => {
      const [code = "", ...rest] = section.split("\n");
      return [code.trim(), rest.join("\n")];
    }),
);

/** What stands behind `- label:` in the section of `code`, as one line. */
function entry(code: string, label: string): string {
  const match = new RegExp(`^- ${label}: ([\\s\\S]*?)(?=^- |$(?![\\s\\S]))`, "m").exec(sections.get(code) ?? "");
  return (match?.[1] ?? "").replace(/\s+/g, " ").trim();
}

/** The sources of all packages, without the table itself and without comments. */
const sources = readdirSync(`${root}packages`)
  .flatMap((name) => {
    const folder = `${root}packages/${name}/src`;
    try {
      return readdirSync(folder, { recursive: true, encoding: "utf8" }).map((file) => `${folder}/${file}`);
    } catch {
      return [];
    }
  })
  .filter((file) => /\.tsx?$/.test(file) && !file.endsWith("core/src/errors.ts"))
  .map((file) => ({ file, text: readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "") }));

describe("docs/errors.md", () => {
  test("has a section for each code of the table, and no other", () => {
    expect([...sections.keys()].sort()).toEqual(table);
  });

  test("names no code that is not in the table", () => {
    const named = new Set(page.match(/\bAETHER_[A-Z]+(?:_[A-Z]+)*\b/g));
    expect([...named].filter((code) => !table.includes(code as ErrorCode))).toEqual([]);
  });

  test.each(table)("%s has the meaning of the table, word for word", (code) => {
    const [meaning] = (sections.get(code) ?? "").trim().split("\n\n");
    expect(meaning?.replace(/\s+/g, " ")).toBe(ERRORS[code].meaning);
  });

  test.each(table)("%s is retryable as in the table", (code) => {
    expect(entry(code, "Retryable")).toBe(ERRORS[code].retryable ? "yes" : "no");
  });

  test.each(table)("%s says when it is thrown and what to do", (code) => {
    expect(entry(code, "Thrown")).toMatch(/^.{30,}\.$/);
    expect(entry(code, "What to do")).toMatch(/^[A-Z].{20,}\.$/);
  });
});

describe("the codes in the sources", () => {
  test("are read from the sources of core, at least", () => {
    expect(sources.filter(({ file }) => file.includes("packages/core/src/aether/")).length).toBeGreaterThan(5);
  });

  test.each(table)("%s is used by a source", (code) => {
    expect(sources.filter(({ text }) => text.includes(`"${code}"`)).map(({ file }) => file)).not.toEqual([]);
  });

  test("are all in the table", () => {
    const strangers = sources.flatMap(({ file, text }) =>
      (text.match(/\bAETHER_[A-Z]+(?:_[A-Z]+)*\b/g) ?? [])
        .filter((code) => !table.includes(code as ErrorCode) && !SETTINGS.has(code))
        .map((code) => `${code} in ${file}`),
    );
    expect(strangers).toEqual([]);
  });
});
