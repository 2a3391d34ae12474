/** The pages of the project, as the tests of the documentation read them. */

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The folder of the project, with a slash at its end. */
export const root: string = fileURLToPath(new URL("..", import.meta.url));

/** A fenced block of a page. */
export interface Fence {
  /** What stands behind the opening fence, such as `ts run`. */
  readonly info: string;
  readonly text: string;
  /** Line of the opening fence, counted from 1. */
  readonly line: number;
  /** Title of the section it stands in. */
  readonly section: string;
}

/** A Markdown file. */
export interface Page {
  /** Path from the root of the project. */
  readonly path: string;
  readonly text: string;
  readonly fences: readonly Fence[];
  /** The page without its fenced blocks, line by line as it was. */
  readonly prose: string;
  readonly headings: readonly string[];
}

/** The text of a file of the project. */
export function read(path: string): string {
  return readFileSync(root + path, "utf8");
}

/** The page at `path`, taken apart. */
export function pageAt(path: string): Page {
  const text = read(path);
  const fences: Fence[] = [];
  const prose: string[] = [];
  const headings: string[] = [];
  let open: { readonly info: string; readonly line: number; readonly lines: string[] } | undefined;
  for (const [at, line] of text.split("\n").entries()) {
    if (open !== undefined) {
      prose.push("");
      if (line === "```") {
        const { info, lines } = open;
        fences.push({ info, text: lines.join("\n"), line: open.line, section: headings.at(-1) ?? "" });
        open = undefined;
      } else {
        open.lines.push(line);
      }
    } else if (line.startsWith("```")) {
      prose.push("");
      open = { info: line.slice(3).trim(), line: at + 1, lines: [] };
    } else {
      prose.push(line);
      const [, heading] = /^#{1,6} (.*)$/.exec(line) ?? [];
      if (heading !== undefined) {
        headings.push(heading.trim());
      }
    }
  }
  return { path, text, fences, prose: prose.join("\n"), headings };
}

/** What is installed, built or kept by tools, and no part of the project's sources. */
const FOREIGN: ReadonlySet<string> = new Set(["node_modules", "dist", "coverage", "data", ".cache", "results", ".git"]);

/** Everything below `folder` (default: the project), folders with a slash at their end, sorted. Paths start at `folder`. */
export function tree(folder = "", below = ""): string[] {
  return readdirSync(root + folder + below, { withFileTypes: true })
    .filter(({ name }) => !FOREIGN.has(name) && !name.startsWith(".setup.lock"))
    .flatMap((entry) => {
      const path = below + entry.name;
      return entry.isDirectory() ? [`${path}/`, ...tree(folder, `${path}/`)] : [path];
    })
    .sort();
}
