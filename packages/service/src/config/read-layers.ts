/** The layers put one over the other: one value for each key, where it comes from, and everything that is wrong. */

import { interpolated, isInterpolated, type Missing, type Sources } from "./interpolation.ts";
import { KEYS, type Key, SECTIONS } from "./keys.ts";
import { nearest } from "./nearest.ts";
import { Origin } from "./origin.ts";
import { kindOf, type Problem, shown } from "./problem.ts";
import { brokenTogether } from "./together.ts";
import type { Layer, Setting } from "./toml-layer.ts";

/** What all layers come to. */
export interface Values {
  /** By `section.key`, each key of the table. */
  readonly values: ReadonlyMap<string, unknown>;
  readonly origins: ReadonlyMap<string, Origin>;
  readonly problems: readonly Problem[];
  /** What is allowed and unwise. */
  readonly warnings: readonly string[];
}

const BUILT_IN = new Origin("built-in");

/** `layers` over the built-in defaults, later ones over earlier ones. What a later one hides is checked as well. */
export function readLayers(layers: readonly Layer[], sources: Sources): Values {
  const values = new Map([...KEYS].map(([name, { initial }]) => [name, initial]));
  const origins = new Map([...KEYS.keys()].map((name) => [name, BUILT_IN]));
  const problems: Problem[] = layers.flatMap((layer) => layer.problems);
  const warnings: string[] = [];
  for (const setting of layers.flatMap((layer) => layer.settings)) {
    const { name, origin } = setting;
    const key = KEYS.get(name);
    const read = key === undefined ? undefined : readValue(setting, key, sources);
    if (key === undefined || read === undefined) {
      problems.push(unknownKey(setting));
    } else if ("got" in read) {
      problems.push({ key: name, origin, ...read });
    } else {
      values.set(name, read.value);
      origins.set(name, origin);
      if (key.kind.secret && setting.isPublic && !read.isInterpolated) {
        warnings.push(
          `${origin}: \`${name}\` is written out in a file that others may read; \${NAME} keeps it outside`,
        );
      }
    }
  }
  const broken = brokenTogether(values).map((rule) => ({ ...rule, origin: origins.get(rule.key) ?? BUILT_IN }));
  return { values, origins, problems: [...problems, ...broken], warnings };
}

interface Read {
  readonly value: unknown;
  readonly isInterpolated: boolean;
}

function readValue({ value, isText }: Setting, { kind }: Key, sources: Sources): Read | Missing {
  const filled = filledIn(value, kind.secret ? sources : withoutFiles(sources));
  if ("got" in filled) {
    return filled;
  }
  const input = isText && typeof filled.value === "string" ? kind.ofText(filled.value) : filled.value;
  const parsed = kind.schema.safeParse(input);
  if (!parsed.success) {
    // What an interpolation gave may be secret, whatever the key is.
    return { expected: kind.words, got: kind.secret ? kindOf(filled.value) : shown(value) };
  }
  const result: unknown = parsed.data;
  return { value: Array.isArray(result) ? Object.freeze(result) : result, isInterpolated: filled.isInterpolated };
}

/** A value with its interpolations, and those of its items, filled in. */
function filledIn(value: unknown, sources: Sources): Read | Missing {
  if (Array.isArray(value)) {
    const items: unknown[] = [];
    for (const item of value) {
      const filled = typeof item === "string" ? filledIn(item, sources) : { value: item };
      if ("got" in filled) {
        return filled;
      }
      items.push(filled.value);
    }
    return { value: items, isInterpolated: false };
  }
  if (typeof value !== "string" || !isInterpolated(value)) {
    return { value, isInterpolated: false };
  }
  const text = interpolated(value, sources);
  return typeof text === "string" ? { value: text, isInterpolated: true } : text;
}

function withoutFiles(sources: Sources): Sources {
  return {
    variable: (name) => sources.variable(name),
    file: () => ({ expected: "a text that no file is put into: only secrets come from files", got: "one with it" }),
  };
}

function unknownKey({ name, value, origin }: Setting): Problem {
  return { key: name, origin, expected: "a known key", got: "an unknown one", nearest: nearestTo(name, value) };
}

/** What was probably meant: the same key of another section, or the nearest name. */
function nearestTo(name: string, value: unknown): string | undefined {
  if (typeof value === "object" && !name.includes(".") && !Array.isArray(value)) {
    return nearest(name, SECTIONS);
  }
  const [section, key] = split(name);
  const twins = [...KEYS.keys()].filter((known) => split(known)[1] === key);
  const siblings = [...KEYS.keys()].filter((known) => split(known)[0] === section);
  const bare = new Map([...KEYS.keys()].map((known) => [split(known)[1], known]));
  return twins[0] ?? (siblings.length > 0 ? nearest(name, siblings) : bare.get(nearest(key, bare.keys()) ?? ""));
}

/** `section.key` in two; there may be no section. */
function split(name: string): readonly [string | undefined, string] {
  const at = name.indexOf(".");
  return at === -1 ? [undefined, name] : [name.slice(0, at), name.slice(at + 1)];
}
