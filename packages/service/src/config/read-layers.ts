/** The layers put one over the other: one value for each key, where it comes from, and everything that is wrong. */

import { interpolated, isInterpolated, type Missing, type Sources } from "./interpolation.ts";
import { KEYS, type Key } from "./keys.ts";
import { nearest } from "./nearest.ts";
import { Origin } from "./origin.ts";
import { SETTINGS } from "./own-settings.ts";
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
export function readLayers(layers: readonly Layer[], sources: Sources, keys: ReadonlyMap<string, Key> = KEYS): Values {
  const values = new Map([...keys].map(([name, { initial }]) => [name, initial]));
  const origins = new Map([...keys.keys()].map((name) => [name, BUILT_IN]));
  const problems: Problem[] = layers.flatMap((layer) => layer.problems);
  const warnings: string[] = [];
  for (const setting of layers.flatMap((layer) => layer.settings)) {
    const { name, origin } = setting;
    const key = keys.get(name);
    const read = key === undefined ? undefined : readValue(setting, key, sources);
    if (key === undefined || read === undefined) {
      problems.push(unknownKey(setting, keys));
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

function readValue({ name, value, isText }: Setting, { kind }: Key, sources: Sources): Read | Missing {
  const isOwn = name.startsWith(`${SETTINGS}.`);
  const filled = filledIn(value, kind.secret ? sources : withoutFiles(sources));
  if ("got" in filled) {
    return filled;
  }
  const input = isText && typeof filled.value === "string" ? kind.ofText(filled.value) : filled.value;
  const parsed = kind.schema.safeParse(input);
  if (!parsed.success) {
    // What an interpolation gave may be secret, whatever the key is.
    const [issue] = parsed.error.issues;
    const why = isOwn && issue !== undefined ? ` (${issue.message})` : "";
    return { expected: `${kind.words}${why}`, got: kind.secret ? kindOf(filled.value) : shown(value) };
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
  if (typeof value === "object" && value !== null && !(value instanceof Date)) {
    const entries: [string, unknown][] = [];
    for (const [name, inner] of Object.entries(value)) {
      const filled = filledIn(inner, sources);
      if ("got" in filled) {
        return filled;
      }
      entries.push([name, filled.value]);
    }
    return { value: Object.fromEntries(entries), isInterpolated: false };
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

function unknownKey({ name, value, origin }: Setting, keys: ReadonlyMap<string, Key>): Problem {
  const known = nearestTo(name, value, [...keys.keys()]);
  return { key: name, origin, expected: "a known key", got: "an unknown one", nearest: known };
}

/** What was probably meant: the same key of another section, or the nearest name. */
function nearestTo(name: string, value: unknown, keys: readonly string[]): string | undefined {
  if (typeof value === "object" && !name.includes(".") && !Array.isArray(value)) {
    return nearest(name, new Set(keys.map((known) => split(known)[0] ?? known)));
  }
  const [section, key] = split(name);
  const twins = keys.filter((known) => split(known)[1] === key);
  const siblings = keys.filter((known) => split(known)[0] === section);
  const bare = new Map(keys.map((known) => [split(known)[1], known]));
  return twins[0] ?? (siblings.length > 0 ? nearest(name, siblings) : bare.get(nearest(key, bare.keys()) ?? ""));
}

/** `section.key` in two; there may be no section. */
function split(name: string): readonly [string | undefined, string] {
  const at = name.indexOf(".");
  return at === -1 ? [undefined, name] : [name.slice(0, at), name.slice(at + 1)];
}
