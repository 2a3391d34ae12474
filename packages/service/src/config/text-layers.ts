/** The layers that are no files: variables of the environment, and flags. */

import { KEYS } from "./keys.ts";
import { nearest } from "./nearest.ts";
import { Origin } from "./origin.ts";
import type { Layer, Setting } from "./toml-layer.ts";

/** Variables by name, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Values by `section.key`; a text is read as one of the environment would be. */
export type Flags = Readonly<Record<string, unknown>>;

const PREFIX = "AETHER__";

/** The variable that sets `key`. */
function variableOf(key: string): string {
  return PREFIX + key.replace(".", "__").toUpperCase();
}

/** What `AETHER__SECTION__KEY` say. */
export function environmentLayer(env: Environment, keys: ReadonlyMap<string, unknown> = KEYS): Layer {
  const names = new Map([...keys.keys()].map((key) => [variableOf(key), key]));
  const problems: Layer["problems"][number][] = [];
  const settings: Setting[] = [];
  for (const [variable, value] of Object.entries(env)) {
    if (value === undefined || !variable.toUpperCase().startsWith(PREFIX)) {
      continue;
    }
    const origin = new Origin("environment", { variable });
    const name = names.get(variable);
    if (name === undefined) {
      const known = nearest(variable, names.keys());
      problems.push({ key: variable, origin, expected: "a known key", got: "an unknown one", nearest: known });
    } else {
      settings.push({ name, value, origin, isText: true, isPublic: false });
    }
  }
  return { settings, problems };
}

/** What `flags` say. */
export function flagLayer(flags: Flags): Layer {
  const given = Object.entries(flags).filter(([, value]) => value !== undefined);
  const settings = given.map(([name, value]) => ({
    name,
    value,
    origin: new Origin("flag", { flag: name }),
    isText: typeof value === "string",
    isPublic: false,
  }));
  return { settings, problems: [] };
}
