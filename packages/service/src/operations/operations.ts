/** The operations of one run: what stands around its services so that people can run them, and follows the configuration. */

import type { Aether, Vibrator } from "@aether/core";
import { AetherError } from "@aether/core";
import { type Metrics, prometheus, type Tracing, tracing } from "@aether/telemetry";
import { Gauge, Registry } from "prom-client";
import type { Config } from "../config/config.ts";
import type { Log } from "../log.ts";
import { resourceMetrics } from "../resources/resource-metrics.ts";
import { type MonitorSettings, type Reading, ResourceMonitor } from "../resources/resource-monitor.ts";
import { settledWithin } from "../waiting.ts";
import { limitCpuTime } from "./cpu-limit.ts";
import { openDoor, type Place } from "./door.ts";
import type { Health } from "./health.ts";
import { type MemoryPressure, memoryPressureOf } from "./memory-pressure.ts";

/** What operations work with. */
export interface OperationsParts {
  readonly config: Config;
  readonly health: Health;
  readonly log: Log;
  /** Called when a limit of the process is reached: the run must end. */
  readonly onLimit: (error: AetherError) => void;
}

/** How long spans that have ended may take to leave. */
const SPANS_MS = 2000;

/** Opens the doors first, so that probes are answered while the services still start. */
export class Operations implements AsyncDisposable {
  readonly #parts: OperationsParts;
  readonly #registry = new Registry();
  readonly #places: Place[] = [];
  readonly #undos: (() => void)[] = [];
  #config: Config;
  #metrics: Metrics | undefined;
  #tracing: Tracing | undefined;
  #monitor: ResourceMonitor | undefined;
  #vibrators: () => Iterable<Vibrator> = () => [];
  #pressure: MemoryPressure = memoryPressureOf(0, undefined);
  /** Those that are open. */
  readonly #circuits = new Set<string>();
  #leaks = false;
  #isOver = false;
  readonly #onCpuLimit = (): void => {
    const { cpu_time_limit_secs: seconds } = this.#config.operations;
    this.#over(`the process to use at most ${seconds} s of processor time, got more`, "cpu_time_limit_secs");
  };

  constructor(parts: OperationsParts) {
    this.#parts = parts;
    this.#config = parts.config;
  }

  /** Opens the doors and sets the limits. Rejects with an error that names the key that is to blame. */
  async open(): Promise<void> {
    const { observability, operations, aether } = this.#config;
    const { health } = this.#parts;
    const token = aether.auth_token;
    const wanted = [
      ...(operations.health_enabled
        ? [{ key: "operations.health_bind", bind: operations.health_bind, shown: { health, registry: undefined } }]
        : []),
      ...(observability.metrics_enabled
        ? [
            {
              key: "observability.metrics_bind",
              bind: observability.metrics_bind,
              shown: { health: undefined, registry: this.#registry },
            },
          ]
        : []),
    ];
    for (const { key, bind, shown } of wanted) {
      const place = await openDoor(bind, key, { ...shown, token });
      this.#places.push(place);
      this.#parts.log.info("A door is open", { key, bind, port: place.port });
    }
    this.#limitCpu();
  }

  #limitCpu(): void {
    const { cpu_time_limit_secs: seconds, shutdown_grace_ms: graceMs } = this.#config.operations;
    if (seconds !== undefined) {
      process.off("SIGXCPU", this.#onCpuLimit);
      process.on("SIGXCPU", this.#onCpuLimit);
      limitCpuTime(seconds, graceMs);
    }
  }

  /** Looks at `aether` from now on; `vibrators` are those whose floors follow memory and configuration. */
  attach(aether: Aether, name: string, vibrators: () => Iterable<Vibrator>): void {
    const { health, log } = this.#parts;
    const { observability, resource_monitoring: resources, operations } = this.#config;
    this.#vibrators = vibrators;
    this.#undos.push(
      aether.on("connected", () => health.set("medium", true)),
      aether.on("disconnected", ({ reason }) => {
        health.set("medium", false);
        log.warn("The medium is disconnected", { error: reason });
      }),
    );
    if (observability.metrics_enabled) {
      this.#metrics = prometheus(aether, { registry: this.#registry });
      const open: Gauge = new Gauge({
        name: "aether_circuits_open",
        help: "Circuit breakers that are open, or half open",
        registers: [this.#registry],
        collect: () => open.set(this.#circuits.size),
      });
    }
    if (observability.otlp_endpoint !== undefined) {
      this.#tracing = tracing(aether, { serviceName: name, endpoint: observability.otlp_endpoint });
    }
    if (resources.enabled || operations.memory_limit_bytes !== undefined) {
      this.#watch();
    }
  }

  #watch(): void {
    const monitor = new ResourceMonitor(settingsOf(this.#config), (reading) => this.#look(reading));
    this.#monitor = monitor;
    if (this.#metrics !== undefined) {
      resourceMetrics(this.#registry, monitor, () => ({
        allocator: this.#config.resource_monitoring.allocator_metrics_enabled,
        pressure: this.#pressure.pressure,
      }));
    }
  }

  /** A circuit breaker has opened or closed. */
  circuit(key: string, isOpen: boolean): void {
    if (isOpen) {
      this.#circuits.add(key);
    } else {
      this.#circuits.delete(key);
    }
  }

  /** Follows what is live of `config`. */
  apply(config: Config): void {
    const before = this.#config;
    this.#config = config;
    if (this.#monitor === undefined && config.operations.memory_limit_bytes !== undefined) {
      this.#watch();
    }
    this.#monitor?.configure(settingsOf(config));
    if (before.service.noise_floor !== config.service.noise_floor) {
      for (const vibrator of this.#vibrators()) {
        vibrator.setNoiseFloor(config.service.noise_floor);
      }
    }
    if (before.operations.cpu_time_limit_secs !== config.operations.cpu_time_limit_secs) {
      try {
        this.#limitCpu();
      } catch (error) {
        this.#parts.log.warn("The limit of processor time stays what it was", { error });
      }
    }
  }

  #look({ memory, leaks, leakBytesPerMin }: Reading): void {
    const { health, log } = this.#parts;
    const { memory_limit_bytes: limit } = this.#config.operations;
    const before = this.#pressure;
    const now = memoryPressureOf(memory.rss, limit);
    this.#pressure = now;
    health.set("memory", now.isReady);
    if (now.floor !== before.floor) {
      for (const vibrator of this.#vibrators()) {
        vibrator.raiseFloor(now.floor);
      }
      log.warn("Noise floors follow the memory that is left", { floor: now.floor, rss: memory.rss, limit });
    }
    if (leaks && !this.#leaks) {
      log.warn("Memory only grows: there may be a leak", { bytes_per_min: Math.round(leakBytesPerMin) });
    }
    this.#leaks = leaks;
    if (now.isOver) {
      this.#over(`the process to use at most ${limit} bytes of memory, got ${memory.rss}`, "memory_limit_bytes");
    }
  }

  #over(what: string, key: string): void {
    if (this.#isOver) {
      return;
    }
    this.#isOver = true;
    this.#parts.onLimit(
      new AetherError("AETHER_OVER_LIMIT", `Expected ${what}. See \`operations.${key}\``, { details: { key } }),
    );
  }

  /** Sends the spans that have ended. */
  async flush(): Promise<void> {
    await this.#tracing?.flush();
  }

  /** Stops looking, and closes the doors last. */
  async close(): Promise<void> {
    if (!this.#isOver) {
      // The kernel tells it every second, and without a listener that ends the process.
      process.off("SIGXCPU", this.#onCpuLimit);
    }
    for (const undo of this.#undos) {
      undo();
    }
    this.#monitor?.[Symbol.dispose]();
    this.#metrics?.close();
    if (this.#tracing !== undefined) {
      await settledWithin(
        this.#tracing.close().catch(() => undefined),
        SPANS_MS,
      );
    }
    await Promise.all(this.#places.map((place) => place.leave()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function settingsOf({ resource_monitoring: resources }: Config): MonitorSettings {
  return {
    intervalMs: resources.interval_ms,
    leakDetection: resources.leak_detection_enabled,
    leakBytesPerMin: resources.leak_growth_bytes_per_min,
  };
}
