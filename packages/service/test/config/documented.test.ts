/** config/default.toml, docs/configuration.md and the table in the code say the same about every key. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "smol-toml";
import { describe, expect, test } from "vitest";
import { KEYS } from "../../src/config/keys.ts";
import { Folder } from "./folder.ts";

const root = fileURLToPath(new URL("../../../..", import.meta.url));
const file = readFileSync(`${root}config/default.toml`, "utf8");
const page = readFileSync(`${root}docs/configuration.md`, "utf8");

interface Documented {
  readonly key: string;
  readonly about: string;
}

/** The keys of the file, those that are commented out included, each with the comment before it. */
function keysOfFile(): (Documented & { readonly isSet: boolean; readonly value: string })[] {
  let section = "";
  let about: string[] = [];
  return file.split("\n").flatMap((line) => {
    const [, table] = /^\[(\w+)\]$/.exec(line) ?? [];
    const [, comment, name, value = ""] = /^(# )?(\w+) = (.+)$/.exec(line) ?? [];
    if (name !== undefined) {
      const one = { key: `${section}.${name}`, about: about.join(" "), isSet: comment === undefined, value };
      about = [];
      return [one];
    }
    section = table ?? section;
    about = line.startsWith("# ") ? [...about, line.slice(2)] : [];
    return [];
  });
}

/** The rows of the tables of keys in the page. */
function keysOfPage(): (Documented & { readonly initial: string; readonly live: string })[] {
  const [, ...sections] = page.split(/^### /m);
  return sections.flatMap((text) => {
    const section = /^\[(\w+)\]/.exec(text)?.[1] ?? "";
    return [...text.matchAll(/^\| `(\w+)` \| (.+?) \| (.+?) \| (.+) \|$/gm)].map(
      ([, name = "", initial = "", live = "", about = ""]) => ({ key: `${section}.${name}`, about, initial, live }),
    );
  });
}

const ofFile = keysOfFile();
const ofPage = keysOfPage();

describe("config/default.toml", () => {
  test("has every key, and no other, in the order of the table", () => {
    expect(ofFile.map(({ key }) => key)).toEqual([...KEYS.keys()]);
  });

  test("says something about each key", () => {
    expect(ofFile.filter(({ about }) => !/^[a-zA-Z].{5,}\.$/.test(about)).map(({ key }) => key)).toEqual([]);
  });

  test("sets each key to its built-in default, and comments out those that have none", () => {
    using folder = new Folder({ "config/default.toml": file });
    const { config, origin } = folder.load();
    using empty = new Folder();
    expect(config).toEqual(empty.load().config);
    for (const { key, isSet } of ofFile) {
      expect([key, isSet, origin(key).layer]).toEqual([
        key,
        KEYS.get(key)?.initial !== undefined,
        isSet ? "default" : "built-in",
      ]);
    }
  });

  test("gives examples that are right for the keys that are commented out", () => {
    for (const { key, value } of ofFile.filter(({ isSet }) => !isSet)) {
      const example: unknown = parse(`x = ${value}`)["x"];
      expect([key, KEYS.get(key)?.kind.schema.safeParse(example).success]).toEqual([key, true]);
    }
  });
});

describe("docs/configuration.md", () => {
  test("has every key, and no other, and says what the file says", () => {
    const said = (list: readonly Documented[]): Documented[] => list.map(({ key, about }) => ({ key, about }));
    expect(said(ofPage)).toEqual(said(ofFile));
  });

  test("has the built-in defaults", () => {
    for (const { key, initial } of ofPage) {
      const value = KEYS.get(key)?.initial;
      expect([key, initial]).toEqual([key, value === undefined ? "none" : `\`${JSON.stringify(value)}\``]);
    }
  });

  test("says which keys are live, and which are guarded", () => {
    for (const { key, live } of ofPage) {
      const one = KEYS.get(key);
      expect([key, live]).toEqual([key, one?.live ? "yes" : one?.weakens ? "no, guarded" : "no"]);
    }
  });
});
