/** From values by `section.key` to the typed configuration, and back. */

import { AetherError } from "@aether/core";
import type { Config } from "./config.ts";
import { KEYS, SECTIONS } from "./keys.ts";

/** `values` by section, frozen, with `settings` of a service's own. They are those of the whole table, each as its kind has made it. */
export function configOf(values: ReadonlyMap<string, unknown>, settings?: object): Config {
  const sections: unknown = Object.freeze({
    ...Object.fromEntries(
      SECTIONS.map((section) => {
        const own = [...values].filter(([name]) => name.startsWith(`${section}.`));
        const named = own.map(([name, value]) => [name.slice(section.length + 1), value] as const);
        return [section, Object.freeze(Object.fromEntries(named))];
      }),
    ),
    ...(settings && { settings }),
  });
  if (!isConfig(sections)) {
    throw new AetherError("AETHER_BAD_CONFIG", "Expected the configuration to have every key of the table, got fewer");
  }
  return sections;
}

/** Every value of `config` by `section.key`. */
export function valuesOf(config: Config): ReadonlyMap<string, unknown> {
  const sections: readonly [string, object][] = Object.entries(config);
  return new Map(
    sections.flatMap(([section, table]) =>
      Object.entries(table).map(([key, value]): [string, unknown] => [`${section}.${key}`, value]),
    ),
  );
}

/** Whether every key of the table is there. What a value is follows from its kind, which the table holds to the type. */
export function isConfig(sections: unknown): sections is Config {
  return [...KEYS.keys()].every((key) => {
    const [section = "", name = ""] = key.split(".");
    const table: unknown = isObject(sections) ? Reflect.get(sections, section) : undefined;
    return isObject(table) && Object.hasOwn(table, name);
  });
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
