/** One file of TOML as settings, each with its line; or as problems, none of which quotes the file. */

import { parse, TomlError, type TomlTable } from "smol-toml";
import { boundedFile } from "./bounded-file.ts";
import { keyLines, type Step } from "./key-lines.ts";
import { SECTIONS } from "./keys.ts";
import { type LayerName, Origin } from "./origin.ts";
import { kindOf, type Problem } from "./problem.ts";

/** A value that a layer gives to a key. */
export interface Setting {
  /** `section.key`, known or not. */
  readonly name: string;
  readonly value: unknown;
  readonly origin: Origin;
  /** Whether the value is a text, to be read by the kind of its key. */
  readonly isText: boolean;
  /** Whether it stands in a file that others than its owner and group may read. */
  readonly isPublic: boolean;
}

/** What one layer says. */
export interface Layer {
  readonly settings: readonly Setting[];
  readonly problems: readonly Problem[];
}

/** A file that holds a layer. */
export interface LayerFile {
  readonly layer: LayerName;
  readonly path: string;
  /** The path as people know it. */
  readonly shown: string;
  /** Whether it must be there. */
  readonly required: boolean;
}

const MOST_BYTES = 65_536;
const MOST_DEPTH = 32;
const MOST_KEYS = 1000;
const OTHERS_READ = 0o004;

/** Names that mean something to JavaScript itself. */
const FORBIDDEN: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/** What the file says; nothing where there is none and none is required. */
export function tomlLayer(
  { layer, path, shown: file, required }: LayerFile,
  sections: readonly string[] = SECTIONS,
): Layer {
  const at = (line?: number): Origin => new Origin(layer, { file, line });
  const read = boundedFile(path, MOST_BYTES);
  if ("isMissing" in read) {
    const { isMissing, expected, got } = read;
    return { settings: [], problems: isMissing && !required ? [] : [{ key: file, origin: at(), expected, got }] };
  }
  const tree = treeOf(read.text);
  if (tree instanceof TomlError) {
    const problem = { key: file, origin: at(tree.line), expected: "TOML", got: complaintOf(tree) };
    return { settings: [], problems: [problem] };
  }
  const lines = keyLines(read.text);
  const placed = (key: readonly Step[]): Origin => at(lines.lineOf(key));
  const unsafe = boundsOf(tree, placed);
  if ("tooMuch" in unsafe) {
    return { settings: [], problems: [unsafe.tooMuch] };
  }
  const isPublic = process.platform !== "win32" && (read.stats.mode & OTHERS_READ) !== 0;
  const { settings, problems } = settingsIn(tree, placed, isPublic, sections);
  return { settings, problems: [...unsafe.forbidden, ...problems] };
}

function treeOf(text: string): TomlTable | TomlError {
  try {
    return parse(text, { maxDepth: MOST_DEPTH });
  } catch (error) {
    if (error instanceof TomlError) {
      return error;
    }
    throw error;
  }
}

/** The first line of what the parser says, which is one of its own texts. The lines after it quote the file. */
function complaintOf({ message, column }: TomlError): string {
  const [first = ""] = message.split("\n");
  return `${first.replace("Invalid TOML document: ", "")} (column ${column})`;
}

/** What is too deep or too much; or else what is named so that it could reach into a prototype. */
function boundsOf(
  tree: TomlTable,
  placed: (path: readonly Step[]) => Origin,
): { readonly tooMuch: Problem } | { readonly forbidden: readonly Problem[] } {
  const forbidden: Problem[] = [];
  const waiting: { readonly path: readonly Step[]; readonly value: unknown }[] = [{ path: [], value: tree }];
  let keys = 0;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { path, value } = next;
    if (typeof value !== "object" || value === null || value instanceof Date) {
      continue;
    }
    if (path.length > MOST_DEPTH) {
      const origin = placed(path);
      return {
        tooMuch: { key: path.slice(0, 3).join("."), origin, expected: `at most ${MOST_DEPTH} deep`, got: "more" },
      };
    }
    const entries = Object.entries(value);
    keys += entries.length;
    for (const [name, inner] of keys > MOST_KEYS ? [] : entries) {
      const at = [...path, Array.isArray(value) ? Number(name) : name];
      if (FORBIDDEN.has(name)) {
        forbidden.push({ key: at.join("."), origin: placed(at), expected: "a known key", got: "a forbidden name" });
      }
      waiting.push({ path: at, value: inner });
    }
    if (keys > MOST_KEYS) {
      return {
        tooMuch: {
          key: "the file",
          origin: placed(path),
          expected: `of at most ${MOST_KEYS} keys and items`,
          got: "more",
        },
      };
    }
  }
  return { forbidden };
}

function settingsIn(
  tree: TomlTable,
  placed: (path: readonly Step[]) => Origin,
  isPublic: boolean,
  sections: readonly string[],
): Layer {
  const settings: Setting[] = [];
  const problems: Problem[] = [];
  for (const [section, table] of permitted(tree)) {
    if (!sections.includes(section)) {
      settings.push({ name: section, value: table, origin: placed([section]), isText: false, isPublic });
    } else if (isTable(table)) {
      for (const [key, value] of permitted(table)) {
        const origin = placed([section, key]);
        settings.push({ name: `${section}.${key}`, value, origin, isText: false, isPublic });
      }
    } else {
      problems.push({ key: section, origin: placed([section]), expected: "a table", got: kindOf(table) });
    }
  }
  return { settings, problems };
}

function isTable(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** What is under names that are not forbidden: those were told already. */
function permitted(table: object): [string, unknown][] {
  return Object.entries(table).filter(([name]) => !FORBIDDEN.has(name));
}
