/** What a run may be asked to be, and what it is once it is up. */

import type { Aether, AetherError, AetherOptions, CloseOptions } from "@aether/core";
import type { Config } from "./config/config.ts";
import type { Loaded } from "./config/load-config.ts";
import type { Log } from "./log.ts";
import type { ResilienceOptions } from "./resilience/resilience.ts";
import type { ServiceConfig } from "./service.ts";
import type { FollowOptions } from "./settings.ts";

/** Options of `runService`: its own, and those of `Aether.connect`. */
export interface RunOptions extends AetherOptions {
  /** A connection to share instead of making one. It is not closed with the services, and takes no connect options. */
  readonly aether?: Aether | undefined;
  /**
   * What every setup is given. What `loadConfig` gives, or its `config`, also drives the run: medium, laws and limits,
   * defaults of resonances, log, health, metrics, traces, limits of the process and resilience. Default: empty.
   */
  readonly config?: ServiceConfig | Config | Loaded | undefined;
  /** Loads the configuration and follows its files while the services run. What setups are given is then `config` over it. */
  readonly follow?: FollowOptions | undefined;
  /** Where the services write. Default: by the configuration to standard output, and without one nowhere. */
  readonly log?: Log | undefined;
  /** Closes the services when it aborts, and gives up a start that is still going on. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds that the needs of all services may take to be heard, once every setup is done. Default 10,000. */
  readonly needsTimeoutMs?: number | undefined;
  /**
   * Policies over those of the configuration, one by one; `false`: none at all. Without a configuration: only those that
   * are named here. docs/operations.md.
   */
  readonly resilience?: ResilienceOptions | false | undefined;
  /** Called when a limit of the process is reached. Default: it is logged, and the services close. */
  readonly onLimit?: ((error: AetherError) => void) | undefined;
}

/** Services that are up. */
export interface RunningServices extends AsyncDisposable {
  readonly aether: Aether;
  /** Events that closing gave up because its time was over, and handlers that it left at work. */
  readonly givenUp: number;
  /**
   * Calls the stop functions one after another, last service first, then drains and leaves the medium: all within
   * `deadlineMs`, default `shutdown_grace_ms` of the configuration, 10,000 without one. Everything is closed even when it
   * rejects: with the error of a stop function, or `AETHER_TIMEOUT` for one that took too long, each naming its service;
   * with an `AggregateError` of several.
   */
  close(options?: CloseOptions): Promise<void>;
}
