/**
 * The programs in the pages. A block that opens with
 *
 * - `ts run` is a whole program;
 * - `ts prelude` begins every `ts more` block of its page, which then ends with `await aether.close()`.
 *
 * All of them are type-checked by one call of the compiler, as a user would compile them, and run against what is
 * built. If the next fence of the same section is `text`, it is what the program prints.
 */

import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Fence, type Page, pageAt, root, tree } from "./pages.ts";

const run = promisify(execFile);

const COMPILER = join(root, "node_modules/typescript/bin/tsc");
const CACHE = join(root, "node_modules/.cache/aether");

/** What a careful user compiles with. */
const USER_CONFIG = {
  compilerOptions: {
    target: "ES2022",
    lib: ["ES2023", "ESNext.Disposable"],
    module: "nodenext",
    types: ["node"],
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
    outDir: "out",
  },
  include: ["*.mts"],
};

interface Program {
  readonly name: string;
  /** Where people find it. */
  readonly place: string;
  readonly source: string;
  /** What it prints; `undefined`: nothing is said about that. */
  readonly output: string | undefined;
}

function programsOf(page: Page): Program[] {
  const prelude = page.fences.find(({ info }) => info === "ts prelude")?.text;
  return page.fences.flatMap((fence, at) => {
    const source = sourceOf(fence, prelude);
    if (source === undefined) {
      return [];
    }
    const next = page.fences[at + 1];
    const output = next?.info === "text" && next.section === fence.section ? next.text : undefined;
    const name = `${page.path.replace(/\W+/g, "-")}-${fence.line}`.toLowerCase();
    return [{ name, place: `${page.path}:${fence.line} ${fence.section}`, source, output }];
  });
}

function sourceOf({ info, text }: Fence, prelude: string | undefined): string | undefined {
  switch (info) {
    case "ts run":
      return text;
    case "ts more":
      return [imports(text), prelude, withoutImports(text), "await aether.close();"].join("\n");
    default:
      return undefined;
  }
}

const IMPORT = /^import [^;]*;$/gm;

function imports(text: string): string {
  return (text.match(IMPORT) ?? []).join("\n");
}

function withoutImports(text: string): string {
  return text.replace(IMPORT, "");
}

const pages = tree()
  .filter((path) => path.endsWith(".md"))
  .map(pageAt);
const programs = pages.flatMap(programsOf);

let folder = "";
/** What the compiler has to say, by program. */
const complaints = new Map<string, string[]>();

beforeAll(async () => {
  mkdirSync(CACHE, { recursive: true });
  folder = mkdtempSync(join(CACHE, "pages-"));
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(USER_CONFIG));
  for (const { name, source } of programs) {
    writeFileSync(join(folder, `${name}.mts`), `${source}\nexport {};\n`);
  }
  try {
    await run(process.execPath, [COMPILER, "-p", folder, "--pretty", "false"], { cwd: folder });
  } catch (error) {
    const said = String((error as { stdout?: unknown }).stdout ?? error);
    for (const line of said.split("\n").filter((text) => text !== "")) {
      const name = /^([\w-]+)\.mts/.exec(line)?.[1] ?? "";
      complaints.set(name, [...(complaints.get(name) ?? []), line]);
    }
  }
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("the programs in the pages", () => {
  test("are found", () => {
    expect(programs.filter(({ place }) => place.startsWith("README.md:")).length).toBeGreaterThan(5);
    expect(programs.filter(({ output }) => output !== undefined).length).toBeGreaterThan(5);
  });

  test("are all that the README shows of TypeScript", () => {
    const other = pageAt("README.md").fences.filter(
      ({ info }) => /^(ts|typescript|js)\b/.test(info) && !["ts run", "ts prelude", "ts more"].includes(info),
    );
    expect(other).toEqual([]);
  });

  test("meet no error of the compiler that belongs to none of them", () => {
    const names = new Set(programs.map(({ name }) => name));
    expect([...complaints].filter(([name]) => !names.has(name))).toEqual([]);
  });

  test.concurrent.each(programs)("$place compiles and does what the page says", async ({ name, output }) => {
    expect(complaints.get(name) ?? []).toEqual([]);
    const { NODE_OPTIONS: _, ...env } = process.env;
    const program = join(folder, "out", `${name}.mjs`);
    const { stdout, stderr } = await run(process.execPath, [program], { cwd: folder, env, timeout: 40_000 });
    expect(stderr).toBe("");
    if (output !== undefined) {
      expect(stdout.trimEnd()).toBe(output);
    }
  });
});
