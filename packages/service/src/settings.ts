/** The settings of one run: what its options and its configuration come to, and what follows when that changes. */

import { AetherError, type AetherOptions, type Wave } from "@aether/core";
import type { createLogger, Logger } from "@aether/telemetry";
import type { Config } from "./config/config.ts";
import { isConfig } from "./config/config-of.ts";
import type { Loaded, LoadOptions } from "./config/load-config.ts";
import { mediumChoiceOf } from "./config/medium-choice-of.ts";
import { aetherOptionsOf } from "./config/options-of.ts";
import { type ConfigWatch, watchConfig } from "./config/watch-config.ts";
import { type Log, type LogFields, silentLog } from "./log.ts";
import { mediumOf } from "./medium-of.ts";
import { secretsOf } from "./operations/secrets-of.ts";
import type { Service, ServiceConfig } from "./service.ts";

/** Whose configuration is followed. */
export interface FollowOptions extends LoadOptions {
  /** The name it is loaded under. Default: that of the first service. */
  readonly name?: string | undefined;
}

/** What settings come from: see `RunOptions`. */
export interface SettingsOptions {
  readonly config?: ServiceConfig | Config | Loaded | undefined;
  readonly follow?: FollowOptions | undefined;
  readonly log?: Log | undefined;
  /** Makes the log that the configuration asks for. */
  readonly createLogger?: typeof createLogger | undefined;
}

/** What a run goes by. */
export class Settings {
  /** What setups are given. */
  readonly given: ServiceConfig;
  readonly log: Log;
  readonly #services: readonly Service[];
  readonly #logger: Logger | undefined;
  readonly #watch: ConfigWatch | undefined;
  /** Of every configuration there was: an old one may still be on its way to somebody. */
  readonly #secrets = new Set<string>();
  #config: Config | undefined;
  #onChange: (config: Config) => void = () => {};
  /** The wave that is being handled. */
  current: () => Wave | undefined = () => undefined;

  /** Throws as `loadConfig` does. */
  constructor(services: readonly Service[], { config: given, follow, log, createLogger: make }: SettingsOptions) {
    this.#services = services;
    const fixed = configIn(given);
    const written = relayTo(() => this.log);
    this.#watch = follow && this.#open(follow, written);
    this.#config = this.#watch?.config ?? fixed;
    this.#remember(this.#config);
    const own: ServiceConfig = fixed === undefined && !isLoaded(given) ? (given ?? {}) : {};
    this.given = this.#config === undefined ? own : { ...this.#config, ...own };
    this.#logger =
      log === undefined && this.#config !== undefined && make !== undefined
        ? this.#newLogger(this.#config, make)
        : undefined;
    this.log = log ?? this.#logger ?? silentLog;
    for (const warning of isLoaded(given) ? given.warnings : []) {
      this.log.warn(warning);
    }
  }

  /** The configuration of now, where there is one. */
  get config(): Config | undefined {
    return this.#config;
  }

  /** What the run is called. */
  get name(): string {
    return this.#config?.service.name ?? this.#services.map(({ name }) => name).join("+");
  }

  /** What `service` is called: the configuration may name a service that runs alone. */
  nameOf({ name }: Service): string {
    return this.#services.length === 1 ? (this.#config?.service.name ?? name) : name;
  }

  /** Texts that must appear nowhere. */
  get secrets(): Iterable<string> {
    return this.#secrets;
  }

  /** What to connect with: `options` over the configuration, but for the journal. Throws `AETHER_BAD_OPTION`. */
  connectionOf(options: AetherOptions): AetherOptions {
    const config = this.#config;
    if (config === undefined) {
      return options;
    }
    const set = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    const medium = options.medium ?? mediumOf(mediumChoiceOf(config));
    return { ...aetherOptionsOf(config), ...set, medium };
  }

  /**
   * Where the run keeps a journal for `connection`; `undefined`: it keeps none. Throws `AETHER_UNSUPPORTED` where one is
   * asked for and neither it nor the medium can keep anything.
   */
  journalPathFor({ medium, journal }: AetherOptions): string | undefined {
    const section = this.#config?.aether;
    if (section?.persistence_enabled !== true || journal !== undefined) {
      return undefined;
    }
    const key = "aether.persistence_enabled";
    if (medium?.traits.durable) {
      this.log.warn("No journal is opened, for the medium records by itself", { key, medium: medium.name });
      return undefined;
    }
    if (medium?.traits.crossProcess) {
      throw new AetherError(
        "AETHER_UNSUPPORTED",
        `Expected \`${key}\` with a medium inside this process, or one that records, got "${medium.name}". Set it to false, or let the medium record`,
        { details: { key, medium: medium.name } },
      );
    }
    return section.persistence_path;
  }

  /** Calls `onChange` after each change of what is followed. */
  follow(onChange: (config: Config) => void): void {
    this.#onChange = onChange;
    if (this.#watch !== undefined && this.#watch.config !== this.#config) {
      this.#changed(this.#watch.config);
    }
  }

  #open({ name, ...load }: FollowOptions, log: Log): ConfigWatch {
    const called = name ?? this.#services[0]?.name ?? "";
    return watchConfig(called, ({ config }) => this.#changed(config), { ...load, log });
  }

  #changed(config: Config): void {
    this.#config = config;
    this.#remember(config);
    if (this.#logger !== undefined) {
      this.#logger.level = config.logging.level;
    }
    this.#onChange(config);
  }

  #remember(config: Config | undefined): void {
    for (const secret of config === undefined ? [] : secretsOf(config)) {
      this.#secrets.add(secret);
    }
  }

  #newLogger({ logging, observability }: Config, make: typeof createLogger): Logger {
    return make({
      name: this.name,
      level: logging.level,
      json: observability.log_json,
      secrets: () => this.#secrets,
      current: () => this.current(),
    });
  }

  /** Everything that was logged is written when it returns. */
  flush(): void {
    this.#logger?.flush();
  }

  /** Writes what ends the process. */
  fatal(message: string, fields: LogFields): void {
    if (this.#logger === undefined) {
      this.log.error(message, fields);
    } else {
      this.#logger.fatal(message, fields);
    }
  }

  /** Follows nothing any more. */
  async close(): Promise<void> {
    await this.#watch?.close();
  }
}

/** Whether `given` is a configuration, or what `loadConfig` gives, and not just values for setups. */
export function drives(given: SettingsOptions["config"]): boolean {
  return configIn(given) !== undefined;
}

function isLoaded(given: SettingsOptions["config"]): given is Loaded {
  return typeof given === "object" && "origin" in given && typeof given.origin === "function" && isConfig(given.config);
}

/** The configuration in `given`, if it is one. */
function configIn(given: SettingsOptions["config"]): Config | undefined {
  if (isLoaded(given)) {
    return given.config;
  }
  return isConfig(given) ? given : undefined;
}

/** A log that writes to one that is not there yet. */
function relayTo(log: () => Log): Log {
  return {
    debug: (message, fields) => log().debug(message, fields),
    info: (message, fields) => log().info(message, fields),
    warn: (message, fields) => log().warn(message, fields),
    error: (message, fields) => log().error(message, fields),
  };
}
