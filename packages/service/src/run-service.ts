/** Running services: one connection to the medium, every setup on it, readiness, and an orderly end. */

import { Aether, AetherError, type AetherOptions, type CloseOptions, systemClock } from "@aether/core";
import { Host } from "./host.ts";
import { type Log, logOf, silentLog } from "./log.ts";
import type { Service, ServiceConfig } from "./service.ts";
import { serviceError } from "./service-error.ts";
import { millisecondsOf, unlessAborted } from "./waiting.ts";

/** Options of {@link runService}: its own, and those of `Aether.connect`. */
export interface RunOptions extends AetherOptions {
  /** A connection to share instead of making one. It is not closed with the services, and takes no connect options. */
  readonly aether?: Aether | undefined;
  /** What every setup is given. Default: empty. */
  readonly config?: ServiceConfig | undefined;
  /** Where the services write. Default: nowhere. */
  readonly log?: Log | undefined;
  /** Closes the services when it aborts, and gives up a start that is still going on. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds that the needs of all services may take to be heard, once every setup is done. Default 10,000. */
  readonly needsTimeoutMs?: number | undefined;
}

/** Services that are up. */
export interface RunningServices extends AsyncDisposable {
  readonly aether: Aether;
  /**
   * Calls the stop functions one after another, last service first, then drains and leaves the medium: all within
   * `deadlineMs`, default 10,000. Everything is closed even when it rejects: with the error of a stop function, or
   * `AETHER_TIMEOUT` for one that took too long, each naming its service; with an `AggregateError` of several.
   */
  close(options?: CloseOptions): Promise<void>;
}

const DEFAULT_NEEDS_MS = 10_000;

/**
 * Runs one service, or several that share one process and one medium. Resolves when every setup is done and every
 * need is heard. Setups run side by side, so they may wait for each other. When a setup fails, when a need is not
 * heard in time (`AETHER_TIMEOUT`) or when `signal` aborts, everything is closed again and it rejects: with an error
 * that names the service, or with the signal's reason.
 */
export async function runService(
  services: Service | readonly Service[],
  options: RunOptions = {},
): Promise<RunningServices> {
  const { aether: shared, config = {}, log = silentLog, signal, needsTimeoutMs, ...connection } = options;
  const needsMs = millisecondsOf("needsTimeoutMs", needsTimeoutMs ?? DEFAULT_NEEDS_MS);
  if (shared !== undefined && Object.values(connection).some((value) => value !== undefined)) {
    throw new AetherError("AETHER_BAD_OPTION", "Expected `aether` or options to connect with, got both");
  }
  signal?.throwIfAborted();
  const aether = shared ?? (await Aether.connect(connection));
  const host = new Host(aether, shared === undefined, connection.clock ?? systemClock);
  const onAbort = (): void => {
    host.close().catch((error: unknown) => log.error("The services did not close in order", { error }));
  };
  signal?.addEventListener("abort", onAbort, { once: true });
  host.signal.addEventListener("abort", () => signal?.removeEventListener("abort", onAbort), { once: true });
  const all = [services].flat();
  try {
    signal?.throwIfAborted();
    const setups = all.map((service) => host.start(service, config, logOf(log, service.name)));
    await unlessAborted(Promise.all(setups), host.signal);
    await needsHeard(aether, all, needsMs, host.signal);
    host.begin();
  } catch (error) {
    // Why it did not start is what counts; whatever goes wrong in closing follows from it.
    await host.close().catch(() => undefined);
    throw signal?.aborted ? signal.reason : error;
  }
  return host;
}

/** Resolves when somebody resonates on every channel that `services` need. */
async function needsHeard(
  aether: Aether,
  services: readonly Service[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const needs = services.flatMap(({ name, needs }) => needs.map((channel) => ({ service: name, channel })));
  const outcomes = await Promise.allSettled(
    needs.map(({ channel }) => aether.whenHeard(channel, { timeoutMs: Math.max(1, timeoutMs), signal })),
  );
  const unheard = needs.filter((_, index) => isTimeout(outcomes[index]));
  if (unheard.length > 0) {
    const list = unheard.map(({ service, channel }) => `"${service}" needs "${channel}"`).join(", ");
    throw new AetherError(
      "AETHER_TIMEOUT",
      `Nobody resonated within ${timeoutMs} ms where a service needs it: ${list}`,
      {
        details: { unheard, timeoutMs },
      },
    );
  }
  signal.throwIfAborted();
  for (const [index, { service, channel }] of needs.entries()) {
    const outcome = outcomes[index];
    if (outcome?.status === "rejected") {
      throw serviceError(service, `cannot need "${channel}"`, outcome.reason);
    }
  }
}

function isTimeout(outcome: PromiseSettledResult<void> | undefined): boolean {
  return (
    outcome?.status === "rejected" && outcome.reason instanceof AetherError && outcome.reason.code === "AETHER_TIMEOUT"
  );
}
