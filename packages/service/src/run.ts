/** One run, from its settings to services that are up; what goes wrong on the way closes everything again. */

import { Aether, AetherError, type AetherOptions, systemClock } from "@aether/core";
import { vibratorOptionsOf } from "./config/options-of.ts";
import { Host } from "./host.ts";
import { logOf } from "./log.ts";
import { Health } from "./operations/health.ts";
import type { Operations } from "./operations/operations.ts";
import type { Persistence } from "./persistence.ts";
import {
  type Resilience,
  type ResilienceOptions,
  type ResilienceSource,
  resilienceOf,
  useResilience,
} from "./resilience/resilience.ts";
import type { RunOptions } from "./run-options.ts";
import type { Service } from "./service.ts";
import { serviceError } from "./service-error.ts";
import type { Settings } from "./settings.ts";
import { millisecondsOf, unlessAborted } from "./waiting.ts";

/** What a run needs beside its settings. */
export type Start = Omit<RunOptions, "config" | "follow" | "log">;

/** A run whose services are up. */
export interface Started {
  readonly host: Host;
  readonly operations: Operations | undefined;
}

const DEFAULT_NEEDS_MS = 10_000;
const DEFAULT_GRACE_MS = 10_000;

/** Runs `all` by `settings`, and takes those over: they are closed with the services. As `runService` promises. */
export async function run(all: readonly Service[], settings: Settings, options: Start): Promise<Started> {
  const { aether: shared, signal, needsTimeoutMs, onLimit, resilience, ...connection } = options;
  const { log } = settings;
  const health = new Health(all.map(({ name }) => name));
  let close = (): void => {};
  const end = (error: AetherError): void => {
    log.error("A limit of the process is reached: the services close", { error });
    close();
  };
  let operations: Operations | undefined;
  let host: Host | undefined;
  let policies: Resilience | undefined;
  let persistence: Persistence | undefined;
  const connected = async (asked: AetherOptions): Promise<Aether> => {
    const path = settings.journalPathFor(asked);
    if (path === undefined) {
      return await Aether.connect(asked);
    }
    const { openPersistence } = await import("./persistence.ts");
    persistence = await openPersistence(path, { log, onFailed: () => health.set("medium", false) });
    return await Aether.connect({ ...asked, journal: persistence.journal });
  };
  try {
    const needsMs = millisecondsOf("needsTimeoutMs", needsTimeoutMs ?? DEFAULT_NEEDS_MS);
    if (shared !== undefined && Object.values(connection).some((value) => value !== undefined)) {
      throw new AetherError("AETHER_BAD_OPTION", "Expected `aether` or options to connect with, got both");
    }
    signal?.throwIfAborted();
    if (settings.config !== undefined) {
      const { Operations } = await import("./operations/operations.ts");
      operations = new Operations({ config: settings.config, health, log, onLimit: onLimit ?? end });
      await operations.open();
    }
    const aether = shared ?? (await connected(settings.connectionOf(connection)));
    settings.current = () => aether.current;
    const opened = new Host({
      aether,
      ownsAether: shared === undefined,
      clock: connection.clock ?? systemClock,
      vibrators: () => settings.config && vibratorOptionsOf(settings.config),
      graceMs: () => settings.config?.operations.shutdown_grace_ms ?? DEFAULT_GRACE_MS,
      onClosing: () => health.set("open", false),
      onClosed: async () => {
        policies?.close();
        await settings.close();
        await operations?.close();
        await persistence?.leave();
      },
    });
    host = opened;
    operations?.attach(aether, settings.name, () => opened.vibrators());
    const names = new Set(all.map((service) => settings.nameOf(service)));
    policies = withResilience(settings, resilience, {
      aether,
      now: connection.clock && (() => connection.clock?.monotonic() ?? 0),
      random: connection.random,
      isOwn: (vibrator) => shared === undefined || names.has(vibrator),
      onBreaker: (key, isOpen) => {
        operations?.circuit(key, isOpen);
        log.warn(isOpen ? "A circuit breaker is open" : "A circuit breaker is closed again", { key });
      },
    });
    settings.follow((config) => {
      operations?.apply(config);
      policies?.follow();
    });
    close = (): void => {
      opened.close().catch((error: unknown) => log.error("The services did not close in order", { error }));
    };
    signal?.addEventListener("abort", close, { once: true });
    opened.signal.addEventListener("abort", () => signal?.removeEventListener("abort", close), { once: true });
    signal?.throwIfAborted();
    const setups = all.map((service) => {
      const name = settings.nameOf(service);
      return opened.start(service, name, settings.given, logOf(log, name));
    });
    await unlessAborted(Promise.all(setups), opened.signal);
    await needsHeard(aether, all, needsMs, opened.signal);
    health.set("started", true);
    opened.begin();
    return { host: opened, operations };
  } catch (error) {
    // Why it did not start is what counts; whatever goes wrong in closing follows from it.
    await (host ?? operations)?.close().catch(() => undefined);
    await persistence?.leave().catch(() => undefined);
    await settings.close();
    throw signal?.aborted ? signal.reason : error;
  }
}

/** The policies that the configuration and `options` ask for, around the waves of the run. */
function withResilience(
  settings: Settings,
  options: ResilienceOptions | false | undefined,
  source: ResilienceSource,
): Resilience | undefined {
  if (options === false || (options === undefined && settings.config === undefined)) {
    return undefined;
  }
  const off: ResilienceOptions = { rateLimit: false, timeout: false, retry: false, breaker: false };
  const own = Object.fromEntries(Object.entries(options ?? {}).filter(([, value]) => value !== undefined));
  return useResilience(
    () => ({ ...(settings.config === undefined ? off : resilienceOf(settings.config)), ...own }),
    source,
  );
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
