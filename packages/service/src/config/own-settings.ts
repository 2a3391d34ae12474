/** The section `settings`: what a service sets for itself, by a schema of its own. docs/configuration.md. */

import { AetherError } from "@aether/core";
import { parse } from "smol-toml";
import { z } from "zod";
import type { Config } from "./config.ts";
import { KEYS, type Key } from "./keys.ts";
import { secret } from "./kinds.ts";
import type { Origin } from "./origin.ts";
import type { Problem } from "./problem.ts";
import { Secret } from "./secret.ts";

/** An object of Zod: each of its keys is one of the section `settings`. */
export type SettingsSchema = z.ZodObject;

/** A configuration with settings of a service's own. */
export type ConfigWith<S extends SettingsSchema> = Config & { readonly settings: z.output<S> };

export const SETTINGS = "settings";

/** For a setting that never prints: a text that comes out as a {@link Secret}. */
export function secretSetting(): z.ZodType<Secret> {
  return secret.schema;
}

/** The table of keys, with those of `schema`. Throws `AETHER_BAD_OPTION`. */
export function keysWith(schema: SettingsSchema | undefined): ReadonlyMap<string, Key> {
  if (schema === undefined) {
    return KEYS;
  }
  if (!isSchema(schema)) {
    throw new AetherError("AETHER_BAD_OPTION", "Expected `settings` to be an object of Zod, got something else", {
      details: { option: SETTINGS },
    });
  }
  const own = Object.entries(schema.shape).map(([name, field]) => [`${SETTINGS}.${name}`, keyOf(field)] as const);
  return new Map([...KEYS, ...own]);
}

function isSchema(schema: unknown): schema is SettingsSchema {
  return (
    typeof schema === "object" &&
    schema !== null &&
    "shape" in schema &&
    typeof schema.shape === "object" &&
    "safeParse" in schema
  );
}

function keyOf(field: z.core.$ZodType): Key {
  const accepts = (value: unknown): z.ZodSafeParseResult<unknown> => z.safeParse(field, value);
  const unset = accepts(undefined);
  return {
    kind: {
      words: "what its service asks for",
      // What it comes to is decided with all others: until then a value is what was given.
      schema: z.custom<unknown>().superRefine((value, context) => {
        const result = accepts(value);
        for (const { message, path } of result.success ? [] : result.error.issues) {
          context.addIssue({ code: "custom", message, path: [...path] });
        }
      }),
      // A text where one will do, and else what TOML makes of it: `42` may be either.
      ofText: (text) => (accepts(text).success ? text : valueIn(text)),
      secret: accepts("a text").data instanceof Secret,
    },
    initial: unset.success ? unset.data : undefined,
    live: false,
    weakens: undefined,
  };
}

function valueIn(text: string): unknown {
  try {
    return parse(`value = ${text}`, { maxDepth: 4 })["value"];
  } catch {
    return text;
  }
}

/** What `given`, by the names of `schema`, comes to; or what is wrong with it. */
export function settingsOf(
  schema: SettingsSchema,
  given: Readonly<Record<string, unknown>>,
  originOf: (key: string) => Origin,
): { readonly settings: object } | { readonly problems: readonly Problem[] } {
  const result = z.safeParse(schema, given);
  if (result.success) {
    return { settings: Object.freeze(result.data) };
  }
  return {
    problems: result.error.issues.map(({ path, message }) => {
      const name = String(path[0] ?? "");
      const key = [SETTINGS, ...path].join(".");
      const isMissing = name !== "" && !Object.hasOwn(given, name);
      const what = isMissing ? "set, for its service asks for it" : `what its service asks for (${message})`;
      return {
        key,
        origin: originOf(`${SETTINGS}.${name}`),
        expected: what,
        got: isMissing ? "none" : "something else",
      };
    }),
  };
}
