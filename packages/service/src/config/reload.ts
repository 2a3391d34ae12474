/** What a new configuration changes, what of that takes effect, and what must wait for a restart. Pure. */

import { isDeepStrictEqual } from "node:util";
import type { Config } from "./config.ts";
import { configOf, valuesOf } from "./config-of.ts";
import { KEYS, type Key } from "./keys.ts";
import { SETTINGS } from "./own-settings.ts";
import { REDACTED, Secret } from "./secret.ts";
import { brokenTogether } from "./together.ts";

/** A key whose value is another one. Secrets are given as `"[redacted]"`. */
export interface Change {
  /** `section.key`. */
  readonly key: string;
  readonly from: unknown;
  readonly to: unknown;
  /** Whether the change would weaken security: the configuration keeps the old value until a restart. */
  readonly refused: boolean;
}

type Values = ReadonlyMap<string, unknown>;

/** What `onChange` is told. */
export interface Reload {
  /** The new configuration, without what was refused. */
  readonly config: Config;
  readonly changed: readonly Change[];
  /** Those of the changed keys that have no effect before a restart. */
  readonly needsRestart: readonly string[];
}

/**
 * From the configuration that was `loaded` before to the `next` one, for services that run by `running`. The two differ
 * where an earlier change was refused. No value in the outcome is less secure than the one in `running`.
 */
export function reloadOf(loaded: Config, running: Config, next: Config, keys: ReadonlyMap<string, Key> = KEYS): Reload {
  const [before, now, after] = [valuesOf(loaded), valuesOf(running), valuesOf(next)];
  const kept = keptOf(now, after);
  const changed = [...keys]
    .filter(([key]) => !isSame(before.get(key), after.get(key)))
    .map(([key, definition]) => ({
      key,
      from: safe(definition, before.get(key)),
      to: safe(definition, after.get(key)),
      refused: kept.has(key),
    }));
  const needsRestart = changed.map(({ key }) => key).filter((key) => keys.get(key)?.live !== true);
  return {
    config: kept.size === 0 ? next : configOf(new Map([...after, ...kept]), settingsIn(next)),
    changed,
    needsRestart,
  };
}

/** The values that are kept for `after` would weaken them; all guarded ones where the rest would not go together. */
function keptOf(now: Values, after: Values): Values {
  const guarded = [...KEYS].filter(([, { weakens }]) => weakens !== undefined).map(([key]) => key);
  const of = (keys: readonly string[]): Values => new Map(keys.map((key) => [key, now.get(key)]));
  const weaker = of(guarded.filter((key) => KEYS.get(key)?.weakens?.(now.get(key), after.get(key))));
  return brokenTogether(new Map([...after, ...weaker])).length === 0
    ? weaker
    : of(guarded.filter((key) => !isSame(now.get(key), after.get(key))));
}

function safe({ kind }: Key, value: unknown): unknown {
  return kind.secret && value !== undefined ? REDACTED : value;
}

/** Whether the values of a key are the same, lists by their items. */
function isSame(a: unknown, b: unknown): boolean {
  if (a instanceof Secret && b instanceof Secret) {
    return a.matches(b);
  }
  return isDeepStrictEqual(a, b);
}

/** Those of the service's own, where there are any: none of them is guarded. */
function settingsIn(config: Config): object | undefined {
  const settings: unknown = Reflect.get(config, SETTINGS);
  return typeof settings === "object" && settings !== null ? settings : undefined;
}
