/** What the resource monitor sees, as metrics. */

import { getHeapSpaceStatistics } from "node:v8";
import { Counter, Gauge, type Registry } from "prom-client";
import type { ResourceMonitor } from "./resource-monitor.ts";

/** What else is shown. */
export interface ResourceView {
  /** Whether the parts of the heap are shown one by one. */
  readonly allocator: boolean;
  /** How near memory is to its limit, 0..1. */
  readonly pressure: number;
}

/** Registers metrics of `monitor`, read at each scrape. */
export function resourceMetrics(registry: Registry, monitor: ResourceMonitor, view: () => ResourceView): void {
  const registers = [registry];
  const memory = new Gauge({
    name: "aether_process_memory_bytes",
    help: "Memory of the process, by kind",
    labelNames: ["kind"],
    registers,
    collect() {
      const { rss, heapUsed, heapTotal, external, arrayBuffers } = monitor.last.memory;
      const kinds = { rss, heap_used: heapUsed, heap_total: heapTotal, external, array_buffers: arrayBuffers };
      for (const [kind, bytes] of Object.entries(kinds)) {
        memory.set({ kind }, bytes);
      }
    },
  });
  const delay = new Gauge({
    name: "aether_process_event_loop_delay_seconds",
    help: "How late the event loop was in the last interval",
    labelNames: ["quantile"],
    registers,
    collect() {
      const { p50, p99, max } = monitor.last.delay;
      for (const [quantile, seconds] of Object.entries({ "0.5": p50, "0.99": p99, "1": max })) {
        delay.set({ quantile }, seconds);
      }
    },
  });
  const gauge = (name: string, help: string, read: () => number): void => {
    const metric: Gauge = new Gauge({ name, help, registers, collect: () => metric.set(read()) });
  };
  gauge(
    "aether_process_event_loop_utilisation",
    "Share of the last interval that the event loop was busy, 0 to 1",
    () => monitor.last.utilisation,
  );
  gauge(
    "aether_process_leak_growth_bytes_per_second",
    "Steady growth of what garbage collections leave; 0 while it is not steady, or not watched",
    () => monitor.last.leakBytesPerMin / 60,
  );
  gauge("aether_process_leak_suspected", "1 while that growth is more than it may be, else 0", () =>
    monitor.last.leaks ? 1 : 0,
  );
  gauge(
    "aether_process_memory_pressure",
    "How near memory is to its limit: 0 below four fifths of it, 1 at it",
    () => view().pressure,
  );
  collectionMetrics(registry, monitor);
  heapMetrics(registry, view);
}

function collectionMetrics(registry: Registry, monitor: ResourceMonitor): void {
  const registers = [registry];
  const count = new Counter({
    name: "aether_process_gc_total",
    help: "Garbage collections, by kind",
    labelNames: ["kind"],
    registers,
    collect() {
      count.reset();
      for (const [kind, collections] of monitor.collections) {
        count.inc({ kind }, collections.count);
      }
    },
  });
  const seconds = new Counter({
    name: "aether_process_gc_seconds_total",
    help: "Time spent in garbage collections, by kind",
    labelNames: ["kind"],
    registers,
    collect() {
      seconds.reset();
      for (const [kind, collections] of monitor.collections) {
        seconds.inc({ kind }, collections.seconds);
      }
    },
  });
}

function heapMetrics(registry: Registry, view: () => ResourceView): void {
  const spaces = new Gauge({
    name: "aether_process_heap_space_bytes",
    help: "Parts of the heap of V8, if allocator metrics are enabled",
    labelNames: ["space", "state"],
    registers: [registry],
    collect() {
      spaces.reset();
      if (!view().allocator) {
        return;
      }
      for (const space of getHeapSpaceStatistics()) {
        spaces.set({ space: space.space_name, state: "used" }, space.space_used_size);
        spaces.set({ space: space.space_name, state: "available" }, space.space_available_size);
        spaces.set({ space: space.space_name, state: "physical" }, space.physical_space_size);
      }
    },
  });
}
