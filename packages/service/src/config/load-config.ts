/** `loadConfig`: the configuration of one service, from all its layers. docs/configuration.md. */

import { isAbsolute, join, relative, resolve } from "node:path";
import { AetherError } from "@aether/core";
import type { Config } from "./config.ts";
import { configOf } from "./config-of.ts";
import type { Sources } from "./interpolation.ts";
import { SECTIONS } from "./keys.ts";
import { token } from "./kinds.ts";
import { nearest } from "./nearest.ts";
import { Origin } from "./origin.ts";
import { type ConfigWith, keysWith, SETTINGS, type SettingsSchema, settingsOf } from "./own-settings.ts";
import { configError, type Problem, shown } from "./problem.ts";
import { readLayers, type Values } from "./read-layers.ts";
import { secretFile } from "./secret-file.ts";
import { type Environment, environmentLayer, type Flags, flagLayer } from "./text-layers.ts";
import { type LayerFile, tomlLayer } from "./toml-layer.ts";

/** Options of {@link loadConfig}. */
export interface LoadOptions {
  /** The folder in which `config/` lies. Default: the working directory. */
  readonly cwd?: string | undefined;
  /** Default: the environment of the process. */
  readonly env?: Environment | undefined;
  /** Values by `section.key`, over everything else. */
  readonly flags?: Flags | undefined;
  /** What the section `settings` holds, which is the service's own. Default: there is no such section. */
  readonly settings?: SettingsSchema | undefined;
}

/** A configuration and where it comes from. */
export interface Loaded {
  readonly config: Config;
  /** Where the value of a key such as `"service.noise_floor"` was set. Throws `AETHER_BAD_OPTION` for an unknown key. */
  origin(key: string): Origin;
  /** What is allowed and unwise, such as a secret in a file that others may read. */
  readonly warnings: readonly string[];
  /** Every file that was asked, there or not, those of secrets included; absolute. */
  readonly files: readonly string[];
}

/** The same with settings of a service's own. */
export type LoadedWith<S extends SettingsSchema> = Loaded & { readonly config: ConfigWith<S> };

const KNOWN: ReadonlySet<string> = new Set<keyof LoadOptions>(["cwd", "env", "flags", "settings"]);
const DEFAULT_ENV = "development";

/**
 * The configuration of the service `name`. Later layers win: built-in defaults, config/default.toml,
 * config/<AETHER_ENV, default development>.toml, config/<name>.toml, the file in AETHER_CONFIG, the environment
 * (`AETHER__SECTION__KEY`), flags. Reads files and nothing else, at once. Throws `AETHER_BAD_CONFIG` with everything
 * that is wrong, and `AETHER_BAD_OPTION` for its own arguments.
 */
export function loadConfig<S extends SettingsSchema>(
  name: string,
  options: Omit<LoadOptions, "settings"> & { readonly settings: S },
): LoadedWith<S>;
export function loadConfig(name: string, options?: LoadOptions): Loaded;
export function loadConfig(name: string, options: LoadOptions = {}): Loaded {
  assertName(name);
  assertOptions(options);
  const { cwd = process.cwd(), env = process.env, flags = {}, settings: schema } = options;
  const keys = keysWith(schema);
  const sections = schema === undefined ? SECTIONS : [...SECTIONS, SETTINGS];
  const folder = resolve(cwd);
  const { files, problems } = filesOf(name, folder, env);
  const secrets = new Set<string>();
  const sources: Sources = {
    variable(variable) {
      const value = Object.hasOwn(env, variable) ? env[variable] : undefined;
      return value === undefined || value === ""
        ? { expected: `given by the variable ${variable}`, got: value === undefined ? "none" : "an empty one" }
        : value;
    },
    file(path) {
      const absolute = resolve(folder, path);
      secrets.add(absolute);
      return secretFile(absolute);
    },
  };
  const layers = [...files.map((file) => tomlLayer(file, sections)), environmentLayer(env, keys), flagLayer(flags)];
  const read = readLayers(layers, sources, keys);
  const wrong = [...problems, ...read.problems];
  const own =
    schema && wrong.length === 0 ? settingsOf(schema, givenIn(read), (key) => originIn(read, key)) : undefined;
  if (own !== undefined && "problems" in own) {
    wrong.push(...own.problems);
  }
  if (wrong.length > 0) {
    throw configError(wrong);
  }
  return {
    config: configOf(read.values, own !== undefined && "settings" in own ? own.settings : undefined),
    origin: (key) => read.origins.get(key) ?? refuseKey(key, keys),
    warnings: read.warnings,
    files: [...files.map(({ path }) => path), ...secrets],
  };
}

/** Throws `AETHER_BAD_OPTION` unless `name` is one that a file can be named after. */
function assertName(name: string): void {
  if (!token.schema.safeParse(name).success) {
    throw badOption("name", token.words, shown(name));
  }
}

function assertOptions(options: LoadOptions): void {
  if (typeof options !== "object" || options === null) {
    throw badOption("options of loadConfig", "an object", shown(options));
  }
  for (const option of Object.keys(options)) {
    if (!KNOWN.has(option)) {
      throw badOption("options of loadConfig", `only ${[...KNOWN].join(", ")}`, shown(option));
    }
  }
}

function badOption(option: string, expected: string, got: string): AetherError {
  return new AetherError("AETHER_BAD_OPTION", `Expected \`${option}\` to be ${expected}, got ${got}`, {
    details: { option, expected },
  });
}

function refuseKey(key: string, keys: ReadonlyMap<string, unknown>): never {
  throw badOption("key", `one that there is, such as ${nearest(String(key), keys.keys())}`, shown(key));
}

/** What was said about settings, by their names. */
function givenIn({ values, origins }: Values): Record<string, unknown> {
  const said = [...values].filter(([key]) => key.startsWith(`${SETTINGS}.`) && origins.get(key)?.layer !== "built-in");
  return Object.fromEntries(said.map(([key, value]) => [key.slice(SETTINGS.length + 1), value]));
}

function originIn({ origins }: Values, key: string): Origin {
  return origins.get(key) ?? new Origin("built-in");
}

/** The files of the layers, there or not; and what is wrong with the variables that choose them. */
export function filesOf(
  name: string,
  folder: string,
  env: Environment,
): { readonly files: readonly LayerFile[]; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const overlay = env["AETHER_ENV"] || DEFAULT_ENV;
  if (!token.schema.safeParse(overlay).success) {
    const origin = new Origin("environment", { variable: "AETHER_ENV" });
    problems.push({ key: "AETHER_ENV", origin, expected: token.words, got: shown(overlay) });
  }
  const own = (layer: LayerFile["layer"], base: string): LayerFile[] => {
    const path = join(folder, "config", `${base}.toml`);
    return token.schema.safeParse(base).success
      ? [{ layer, path, shown: shownPath(folder, path), required: false }]
      : [];
  };
  const given = env["AETHER_CONFIG"];
  const path = given ? resolve(folder, given) : undefined;
  const files: LayerFile[] = [
    ...own("default", "default"),
    ...own("overlay", overlay),
    ...own("service", name),
    ...(path === undefined ? [] : [{ layer: "file" as const, path, shown: shownPath(folder, path), required: true }]),
  ];
  return { files, problems };
}

/** From the folder where it lies below that. */
function shownPath(folder: string, path: string): string {
  const inner = relative(folder, path);
  return inner.startsWith("..") || isAbsolute(inner) ? path : inner.replaceAll("\\", "/");
}
