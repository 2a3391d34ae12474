/** What the pages name is there: files, headings, commands, exports; and so are the sections that the sources name. */

import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { ERRORS } from "@aether/core";
import { describe, expect, test } from "vitest";
import { type Page, pageAt, read, root, tree } from "./pages.ts";

const files = tree();
const pages = files.filter((path) => path.endsWith(".md")).map(pageAt);
const sources = files
  .filter((path) => /^(packages\/[^/]+|services|bench)\/src\/.*\.ts$/.test(path))
  .map((path) => ({ path, text: read(path) }));

/** The anchor that a heading is reached by on GitHub. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replace(/\s/g, "-");
}

/** Where the links of a page lead, as they are written. */
function linksOf({ prose }: Page): string[] {
  return [...prose.replace(/`[^`\n]*`/g, "").matchAll(/\[[^\]]*\]\(([^)\s]+)\)/g)].map(([, target]) => target ?? "");
}

/** The pieces of code in the text of a page. */
function codeIn({ prose }: Page): string[] {
  return [...prose.matchAll(/`([^`]+)`/g)].map(([, code]) => (code ?? "").replace(/\s+/g, " "));
}

describe.each(pages)("$path", (page) => {
  const { path, text } = page;

  test("links to files and headings that exist", () => {
    const broken = linksOf(page).filter((link) => {
      if (/^[a-z]+:/.test(link)) {
        return false;
      }
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? path : normalize(join(dirname(path), file));
      if (!existsSync(root + target)) {
        return true;
      }
      return anchor !== undefined && !pageAt(target).headings.some((heading) => anchorOf(heading) === anchor);
    });
    expect(broken).toEqual([]);
  });

  test("names files that exist", () => {
    const named = codeIn(page).filter((code) =>
      /^(packages|services|bench|docs|test|scripts|\.ci)\/[\w./-]*$/.test(code),
    );
    expect(named.filter((name) => !/\/(dist|results)\//.test(name) && !existsSync(root + name))).toEqual([]);
  });

  test("names commands that exist", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const commands = [...text.matchAll(/\bnpm (?:run )?([a-z][\w:-]*)/g)].map(([, name]) => name ?? "");
    const npms = new Set(["ci", "install", "run"]);
    expect(commands.filter((name) => !npms.has(name) && scripts[name] === undefined)).toEqual([]);
  });

  test("names no error code that does not exist", () => {
    const codes = text.match(/\bAETHER_[A-Z]+(?:_[A-Z]+)*\b/g) ?? [];
    expect(codes.filter((code) => !(code in ERRORS) && !SETTINGS.has(code))).toEqual([]);
  });
});

/** Settings of the environment, which look like codes. */
const SETTINGS: ReadonlySet<string> = new Set(["AETHER_CONFIG", "AETHER_ENV", "AETHER_SEED"]);

/** Names in backticks that are not ours: the language's, the platform's and those of others. */
const FOREIGN: ReadonlySet<string> = new Set([
  "AbortSignal",
  "AsyncLocalStorage",
  "Date",
  "Infinity",
  "undefined",
  "null",
  "true",
  "false",
  "await",
]);

describe("the names in the README", () => {
  const readme = pageAt("README.md");
  const names = codeIn(readme)
    .map((code) => /^([A-Za-z_$][\w$]*)(\(.*\))?$/.exec(code)?.[1] ?? "")
    .filter((name) => name !== "" && !FOREIGN.has(name) && !name.startsWith("AETHER_"));
  const everything = sources.map(({ text }) => text).join("\n");
  const indexes = sources.filter(({ path }) => /^packages\/[^/]+\/src\/index\.ts$/.test(path));
  const exported = new Set(indexes.flatMap(({ text }) => text.match(/\b[A-Za-z_]\w*\b/g) ?? []));

  test("are found", () => {
    expect(names.length).toBeGreaterThan(20);
  });

  test("are exported, where they begin with a capital", () => {
    expect(names.filter((name) => /^[A-Z]/.test(name) && !exported.has(name))).toEqual([]);
  });

  test("are words of the sources", () => {
    expect(names.filter((name) => !new RegExp(`\\b${name.replace("$", "\\$")}\\b`).test(everything))).toEqual([]);
  });
});

describe("the pages that sources name", () => {
  /** Sources as one line, so that a comment may break a name from its section. */
  const comments = sources.map(({ path, text }) => ({ path, text: text.replace(/\s*\n\s*(\*|\/\/)?\s*/g, " ") }));

  test("exist", () => {
    const named = comments.flatMap(({ text }) => text.match(/\bdocs\/[\w/-]+\.md/g) ?? []);
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !existsSync(root + name))).toEqual([]);
  });

  test("have the sections that are named", () => {
    const sections = new Map<string, string[]>();
    for (const { path, text } of comments) {
      for (const [, page = "", list = ""] of text.matchAll(/\b(docs\/[\w/-]+\.md)((?:(?:,| and)? §\d+)+)/g)) {
        for (const section of list.match(/§\d+/g) ?? []) {
          sections.set(`${page} ${section}`, [...(sections.get(`${page} ${section}`) ?? []), path]);
        }
      }
    }
    expect(sections.size).toBeGreaterThan(3);
    const missing = [...sections].filter(([name]) => {
      const [page = "", section = ""] = name.split(" ");
      return !pageAt(page).headings.some((heading) => heading.split(" ")[0] === section);
    });
    expect(missing).toEqual([]);
  });
});
