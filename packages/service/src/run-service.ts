/** Running services: one connection to the medium, every setup on it, readiness, and an orderly end. */

import { run } from "./run.ts";
import type { RunningServices, RunOptions } from "./run-options.ts";
import type { Service } from "./service.ts";
import { drives, Settings } from "./settings.ts";

/**
 * Runs one service, or several that share one process and one medium. Resolves when every setup is done and every
 * need is heard. Setups run side by side, so they may wait for each other. When a setup fails, when a need is not
 * heard in time (`AETHER_TIMEOUT`) or when `signal` aborts, everything is closed again and it rejects: with an error
 * that names the service, or with the signal's reason. docs/operations.md.
 */
export async function runService(
  services: Service | readonly Service[],
  options: RunOptions = {},
): Promise<RunningServices> {
  const { config, follow, log, onLimit, ...rest } = options;
  options.signal?.throwIfAborted();
  const all = [services].flat();
  // A run without a configuration writes no log of its own, and does not wait for what writes it.
  const createLogger =
    follow !== undefined || drives(config) ? (await import("@aether/telemetry")).createLogger : undefined;
  const settings = new Settings(all, { config, follow, log, createLogger });
  return (await run(all, settings, { ...rest, onLimit })).host;
}
