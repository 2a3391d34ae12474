/** A configuration that follows its files: each new state is taken whole, or not at all. */

import { statSync } from "node:fs";
import { AetherError } from "@aether/core";
import type { Log } from "../log.ts";
import type { Config } from "./config.ts";
import { type Loaded, type LoadOptions, loadConfig } from "./load-config.ts";
import { Origin } from "./origin.ts";
import { keysWith } from "./own-settings.ts";
import { configError } from "./problem.ts";
import { type Reload, reloadOf } from "./reload.ts";

/** Who is told. */
export interface Listeners {
  onChange(reload: Reload): void;
  onError(error: unknown): void;
  readonly log: Log | undefined;
}

/** Holds what is loaded and what services run by. */
export class LiveConfig {
  readonly #name: string;
  readonly #options: LoadOptions;
  readonly #listeners: Listeners;
  #loaded: Loaded;
  #running: Config;
  /** Files that had something in them when they were last read. */
  #full: ReadonlySet<string>;

  /** Loads; throws as `loadConfig` does. */
  constructor(name: string, options: LoadOptions, listeners: Listeners) {
    this.#name = name;
    this.#options = options;
    this.#listeners = listeners;
    this.#loaded = loadConfig(name, options);
    this.#running = this.#loaded.config;
    this.#full = fullOf(this.#loaded.files);
  }

  /** What services run by. */
  get config(): Config {
    return this.#running;
  }

  /** Every file whose change may matter. */
  get files(): readonly string[] {
    return this.#loaded.files;
  }

  /** Looks at the files anew. Whatever is wrong is told, and nothing changes. Does not throw. */
  reload(): void {
    let next: Loaded;
    try {
      next = this.#load();
    } catch (error) {
      this.#tell(() => this.#listeners.log?.error("The configuration is wrong; the old one stays", { error }));
      this.#tell(() => this.#listeners.onError(error));
      return;
    }
    const reload = reloadOf(this.#loaded.config, this.#running, next.config, keysWith(this.#options.settings));
    this.#loaded = next;
    this.#running = reload.config;
    this.#full = fullOf(next.files);
    if (reload.changed.length > 0) {
      this.#audit(reload);
      this.#tell(() => this.#listeners.onChange(reload));
    }
  }

  /** A file that is emptied is one that is being written, or a mistake: defaults must not come of it. */
  #load(): Loaded {
    const emptied = [...this.#full].filter((file) => sizeOf(file) === 0);
    if (emptied.length > 0) {
      throw configError(
        emptied.map((file) => ({
          key: file,
          origin: new Origin("file", { file }),
          expected: "deleted, or to hold something, after it has held something",
          got: "an empty file",
        })),
      );
    }
    return loadConfig(this.#name, this.#options);
  }

  #audit({ changed, needsRestart }: Reload): void {
    const { log } = this.#listeners;
    const keys = changed.map(({ key }) => key);
    const refused = changed.filter((change) => change.refused).map(({ key }) => key);
    this.#tell(() => log?.info("The configuration was reloaded", { keys }));
    if (needsRestart.length > 0) {
      this.#tell(() => log?.warn("Changes of the configuration need a restart", { keys: needsRestart }));
    }
    if (refused.length > 0) {
      const audit = "A reload would weaken security: the old values stay until a restart";
      this.#tell(() => log?.warn(audit, { audit: true, keys: refused }));
    }
  }

  /** A listener that throws is told of it by `onError`, and disturbs nobody else. */
  #tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      try {
        this.#listeners.onError(error);
      } catch {
        // Whoever is told of errors and throws has the last word.
      }
    }
  }
}

function fullOf(files: readonly string[]): ReadonlySet<string> {
  return new Set(files.filter((file) => (sizeOf(file) ?? 0) > 0));
}

/** `undefined`: there is none. */
function sizeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.size;
}

/** Throws `AETHER_BAD_OPTION` unless `listener` is a function. */
export function assertListener(name: string, listener: unknown): void {
  if (typeof listener !== "function") {
    throw new AetherError("AETHER_BAD_OPTION", `Expected \`${name}\` to be a function, got ${typeof listener}`, {
      details: { option: name },
    });
  }
}
