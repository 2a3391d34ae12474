/** The lines of keys are those that a person would point at, whatever TOML the document is made of. */

import fc from "fast-check";
import { parse, stringify } from "smol-toml";
import { describe, expect, test } from "vitest";
import { keyLines, type Step } from "../../src/config/key-lines.ts";

const seed = Number(process.env["AETHER_SEED"] ?? Date.now() % 2 ** 31);

const document = `# [not.a.table]
top = 1 # = 2
[aether] # trailing = "comment"
  use_nats = true
"quoted key" = 'x = 1'
'literal.key' = 1
dotted . "in. parts" . c = 2
multi = """
fake = 1
[fake]
\\""" still = 2
"""
literal = '''
fake2 = 1
'''
quotes = """two ""quotes"" and more"""""
after_quotes = 1
list = [ # comment with ]
  "a", # fake3 = 1
  '''x
  y''',
  { inner = 1, "deep er" = [ { last = 1 } ] },
  [ { other = 2 } ],
]
inline = { a = 1, b.c = { d = "}" }, e = "#" }

[[products]]
name = "one"
[[products]]

name = "two"
[products.size]
height = 1
[ service . "noise" ]
floor = 0.1
"\\u00e4\\U0001F600\\t" = 1
date = 1979-05-27 07:32:00
last=1`;

/** Every path of a parsed document. */
function pathsOf(value: unknown, path: readonly Step[] = []): (readonly Step[])[] {
  if (typeof value !== "object" || value === null || value instanceof Date) {
    return [];
  }
  return Object.entries(value).flatMap(([name, inner]) => {
    const at = [...path, Array.isArray(value) ? Number(name) : name];
    return [...(Array.isArray(value) ? [] : [at]), ...pathsOf(inner, at)];
  });
}

describe("a document with everything in it", () => {
  const lines = keyLines(document);

  test.each<[readonly Step[], number]>([
    [["top"], 2],
    [["aether"], 3],
    [["aether", "use_nats"], 4],
    [["aether", "quoted key"], 5],
    [["aether", "literal.key"], 6],
    [["aether", "dotted"], 7],
    [["aether", "dotted", "in. parts", "c"], 7],
    [["aether", "multi"], 8],
    [["aether", "literal"], 13],
    [["aether", "quotes"], 16],
    [["aether", "after_quotes"], 17],
    [["aether", "list"], 18],
    [["aether", "list", 2, "inner"], 22],
    [["aether", "list", 2, "deep er", 0, "last"], 22],
    [["aether", "list", 3, 0, "other"], 23],
    [["aether", "inline", "b", "c", "d"], 25],
    [["aether", "inline", "e"], 25],
    [["products"], 27],
    [["products", 0, "name"], 28],
    [["products", 1], 29],
    [["products", 1, "name"], 31],
    [["products", 1, "size"], 32],
    [["products", 1, "size", "height"], 33],
    [["service", "noise"], 34],
    [["service", "noise", "floor"], 35],
    [["service", "noise", "ä😀\t"], 36],
    [["service", "noise", "last"], 38],
  ])("%j is on line %i", (path, line) => {
    expect(lines.lineOf(path)).toBe(line);
  });

  test("is TOML, and no key of it is without a line", () => {
    for (const path of pathsOf(parse(document))) {
      expect(lines.lineOf(path)).toBeGreaterThan(0);
    }
  });

  test("what looks like a key inside a text or a comment is none", () => {
    for (const name of ["fake", "fake2", "fake3", "not", "still"]) {
      expect(lines.lineOf([name])).toBeUndefined();
    }
    expect(lines.lineOf(["aether", "fake"])).toBe(3);
  });

  test("has the same lines with the line ends of Windows", () => {
    const windows = keyLines(document.replaceAll("\n", "\r\n"));
    for (const path of pathsOf(parse(document))) {
      expect(windows.lineOf(path)).toBe(lines.lineOf(path));
    }
  });
});

const name = fc.oneof(fc.stringMatching(/^[a-z_-]{1,6}$/), fc.string({ maxLength: 8 }));
const scalar = fc.oneof(fc.string({ maxLength: 12 }), fc.integer(), fc.boolean());
const { value: tree } = fc.letrec<{ value: unknown; table: Record<string, unknown> }>((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, scalar, tie("table"), fc.array(tie("table"), { maxLength: 3 }), fc.array(scalar)),
  table: fc.dictionary(name, tie("value"), { maxKeys: 4 }),
}));

describe("any document", () => {
  test("has for each key the line on which the library's writer put it", () => {
    fc.assert(
      fc.property(fc.dictionary(name, tree, { maxKeys: 5 }), (table) => {
        const text = stringify(table);
        const lines = keyLines(text);
        const written = text.split("\n");
        for (const path of pathsOf(parse(text))) {
          const key = String(path.at(-1));
          const line = written[(lines.lineOf(path) ?? 0) - 1] ?? "";
          const spellings = [key, JSON.stringify(key), stringify({ [key]: 1 }).split(" = ")[0] ?? ""];
          expect(spellings.some((spelling) => line.includes(spelling))).toBe(true);
        }
      }),
      { seed, numRuns: 300 },
    );
  });

  test("has keys that stay where they are when lines are put before them", () => {
    fc.assert(
      fc.property(fc.dictionary(name, tree, { maxKeys: 5 }), fc.integer({ min: 0, max: 5 }), (table, count) => {
        const text = stringify(table);
        const before = keyLines(text);
        const after = keyLines("# a = 1\n".repeat(count) + text);
        for (const path of pathsOf(parse(text))) {
          expect(after.lineOf(path)).toBe((before.lineOf(path) ?? 0) + count);
        }
      }),
      { seed, numRuns: 100 },
    );
  });

  test("ends the reading, whatever it is", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...`[]{}=.,"'\\\n# a1\r`), { maxLength: 200 }), (letters) => {
        keyLines(letters.join("")).lineOf(["a"]);
      }),
      { seed, numRuns: 500 },
    );
  });
});
