/** A service as a value: a name, a setup function, and the channels that others must hear before it is of use. */

import type { Aether, Vibrator } from "@aether/core";
import type { Log } from "./log.ts";

/** Settings of the services that run together, by name. A service checks those that it reads. */
export type ServiceConfig = Readonly<Record<string, unknown>>;

/** What a setup function works with. */
export interface ServiceContext {
  /** The connection to the medium, shared with the other services of the process. */
  readonly aether: Aether;
  /** The instance of this service; it is closed when the services are. */
  readonly vibrator: Vibrator;
  readonly config: ServiceConfig;
  readonly log: Log;
  /**
   * Resolves when every service of the run is set up and every need is heard: what a service does of its own accord
   * begins then. Rejects when closing begins before that. Not for a setup to wait for: it waits for the setup.
   */
  readonly ready: Promise<void>;
  /** Aborted once the services begin to close, before any stop function is called. */
  readonly signal: AbortSignal;
}

/** Ends what a setup began; called once, before the drain, while waves still travel. */
export type Stop = () => void | Promise<void>;

/** Brings a service up: resonates, and starts what it does of its own accord. May return its {@link Stop}. */
export type Setup = (context: ServiceContext) => void | Stop | Promise<void> | Promise<Stop | undefined>;

/** Options of {@link defineService}. */
export interface ServiceOptions {
  /** Channels, by name or contract, that somebody must resonate on before the service counts as ready. */
  readonly needs?: readonly (string | { readonly name: string })[];
}

/** A service that `runService` can run, alone or beside others, any number of times. */
export interface Service {
  /** Name of its vibrator, and so of the group that its instances share work in. */
  readonly name: string;
  readonly setup: Setup;
  /** Names of the channels it needs. */
  readonly needs: readonly string[];
}

/** Describes a service; nothing runs before `runService`. */
export function defineService(name: string, setup: Setup, { needs = [] }: ServiceOptions = {}): Service {
  return Object.freeze({
    name,
    setup,
    needs: Object.freeze(needs.map((channel) => (typeof channel === "string" ? channel : channel.name))),
  });
}
