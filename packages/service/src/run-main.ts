/** `runMain`: services as the whole of a process, from its configuration to its exit code. docs/operations.md. */

import type { Host } from "./host.ts";
import { CrashHook } from "./operations/crash-hook.ts";
import type { Operations } from "./operations/operations.ts";
import { StopSignals } from "./operations/stop-signals.ts";
import { run } from "./run.ts";
import type { RunningServices, RunOptions } from "./run-options.ts";
import type { Service } from "./service.ts";
import { drives, Settings, type SettingsOptions } from "./settings.ts";

/** Options of {@link runMain}. */
export interface MainOptions extends Omit<RunOptions, "aether" | "onLimit"> {
  /** A file that the record of a crash is appended to, beside the log. Default: none. */
  readonly crashFile?: string | undefined;
}

/** How much longer than its grace the end may take before it is forced. */
const MARGIN_MS = 3000;
const FAILED = 1;

/**
 * Runs services as the whole of a process. Reads the configuration of the first one and follows it, unless `config` is
 * one; ends in an orderly way at the first SIGTERM or SIGINT, at once at the second; records what makes it crash.
 * Resolves when they are up, or to `undefined` when they did not start, which the log tells. The exit code is 0 when
 * everything that was taken is finished, and 1 when something failed or was given up.
 */
export async function runMain(
  services: Service | readonly Service[],
  { crashFile, ...options }: MainOptions = {},
): Promise<RunningServices | undefined> {
  const { config, follow, log, signal, ...rest } = options;
  const all = [services].flat();
  const { createLogger } = await import("@aether/telemetry");
  const settings = settingsOf(all, createLogger, { config, follow: follow ?? (drives(config) ? undefined : {}), log });
  if (settings === undefined) {
    process.exitCode = FAILED;
    return undefined;
  }
  let operations: Operations | undefined;
  const crashes = new CrashHook({
    log: settings,
    createLogger,
    file: crashFile,
    secrets: () => settings.secrets,
    flush: async () => await operations?.flush(),
  });
  const stops = new StopSignals((name) => {
    settings.log.error("A second signal ends the process at once", { signal: name });
    settings.flush();
    process.exit(FAILED);
  });
  const stopping = signal === undefined ? stops.signal : AbortSignal.any([stops.signal, signal]);
  const starting = new AbortController();
  const giveUpStart = (): void => starting.abort(stopping.reason);
  stopping.addEventListener("abort", giveUpStart, { once: true });
  try {
    const onLimit = (error: Error): void => crashes.crash("limit", error);
    const started = await run(all, settings, { ...rest, signal: starting.signal, onLimit });
    operations = started.operations;
    stopping.removeEventListener("abort", giveUpStart);
    const stop = (): void => void end(started.host, settings, stopping.reason);
    stopping.addEventListener("abort", stop, { once: true });
    if (stopping.aborted) {
      stop();
    }
    settings.log.info("The services are up", { services: all.map(({ name }) => name) });
    return started.host;
  } catch (error) {
    if (stopping.aborted) {
      settings.log.info("The services were stopped before they were up");
    } else {
      settings.fatal("The services did not start", { error });
      process.exitCode = FAILED;
    }
    settings.flush();
    stops[Symbol.dispose]();
    crashes[Symbol.dispose]();
    return undefined;
  }
}

/** `undefined`: the configuration is wrong, and the log says what. */
function settingsOf(
  all: readonly Service[],
  createLogger: NonNullable<SettingsOptions["createLogger"]>,
  options: SettingsOptions,
): Settings | undefined {
  try {
    return new Settings(all, { ...options, createLogger });
  } catch (error) {
    createLogger({ name: all.map(({ name }) => name).join("+") }).fatal("The configuration is wrong", { error });
    return undefined;
  }
}

/** Closes the services and ends the process with what came of that. */
async function end(host: Host, settings: Settings, reason: unknown): Promise<void> {
  const { log } = settings;
  const graceMs = settings.config?.operations.shutdown_grace_ms ?? 0;
  log.info("The services are closing", { reason: reason instanceof Error ? reason.message : String(reason), graceMs });
  const forced = setTimeout(() => {
    log.error("The services did not close in time: the process ends", { graceMs });
    settings.flush();
    process.exit(FAILED);
  }, graceMs + MARGIN_MS);
  let code = 0;
  try {
    await host.close();
    const { givenUp } = host;
    if (givenUp > 0) {
      code = FAILED;
      log.error("The time was over: not everything is finished", { given_up: givenUp });
    } else {
      log.info("The services are closed");
    }
  } catch (error) {
    code = FAILED;
    log.error("The services did not close in order", { error });
  }
  clearTimeout(forced);
  settings.flush();
  // Not left to an event loop that runs empty: a handler that hangs may hold it.
  process.exit(code === 0 ? process.exitCode : code);
}
