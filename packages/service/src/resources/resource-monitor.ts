/** The resource monitor: looks at memory, the event loop and garbage collection of the process at intervals. */

import {
  constants,
  type EventLoopUtilization,
  type IntervalHistogram,
  monitorEventLoopDelay,
  PerformanceObserver,
  performance,
} from "node:perf_hooks";
import { LeakHint } from "./leak-hint.ts";

/** What is watched, and how. */
export interface MonitorSettings {
  readonly intervalMs: number;
  readonly leakDetection: boolean;
  /** Growth that counts as a leak. */
  readonly leakBytesPerMin: number;
}

/** One look. */
export interface Reading {
  readonly memory: NodeJS.MemoryUsage;
  /** Seconds that the event loop came late since the last look. */
  readonly delay: { readonly p50: number; readonly p99: number; readonly max: number };
  /** The share of the time that the event loop was busy, 0..1. */
  readonly utilisation: number;
  /** Growth of what garbage collections leave, in bytes a minute; 0 while that is not steady. */
  readonly leakBytesPerMin: number;
  /** Whether that is more than it may be. */
  readonly leaks: boolean;
}

/** Garbage collections of one kind. */
export interface Collections {
  readonly count: number;
  readonly seconds: number;
}

const NANOSECONDS = 1e9;
/** How finely the event loop is timed. */
const RESOLUTION_MS = 10;
const GC_KINDS: ReadonlyMap<number, string> = new Map([
  [constants.NODE_PERFORMANCE_GC_MINOR, "minor"],
  [constants.NODE_PERFORMANCE_GC_MAJOR, "major"],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, "incremental"],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, "weak"],
]);

/** Looks at the process until it is closed. It holds no process alive. */
export class ResourceMonitor implements Disposable {
  readonly #onReading: (reading: Reading) => void;
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #observer: PerformanceObserver;
  readonly #collections = new Map<string, Collections>();
  readonly #leak: LeakHint;
  #settings: MonitorSettings;
  #busy: EventLoopUtilization = performance.eventLoopUtilization();
  #timer: NodeJS.Timeout;
  #last: Reading;

  constructor(
    settings: MonitorSettings,
    onReading: (reading: Reading) => void = () => {},
    leak: LeakHint = new LeakHint(),
  ) {
    this.#leak = leak;
    this.#settings = settings;
    this.#onReading = onReading;
    this.#delay.enable();
    this.#observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        this.#collected(entry.duration, "detail" in entry ? entry.detail : undefined);
      }
    });
    this.#observer.observe({ entryTypes: ["gc"] });
    this.#last = this.#read();
    this.#timer = this.#start();
  }

  get last(): Reading {
    return this.#last;
  }

  /** Garbage collections so far, by kind. */
  get collections(): ReadonlyMap<string, Collections> {
    return this.#collections;
  }

  /** Goes on by other settings. */
  configure(settings: MonitorSettings): void {
    const isAnother = settings.intervalMs !== this.#settings.intervalMs;
    this.#settings = settings;
    if (isAnother) {
      clearInterval(this.#timer);
      this.#timer = this.#start();
    }
  }

  #start(): NodeJS.Timeout {
    const timer = setInterval(() => {
      this.#last = this.#read();
      this.#onReading(this.#last);
    }, this.#settings.intervalMs);
    timer.unref();
    return timer;
  }

  #read(): Reading {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#busy);
    this.#busy = now;
    // The histogram holds the time from tick to tick; what is above the time between two is late.
    const secondsOf = (ns: number): number =>
      Number.isFinite(ns) ? Math.max(0, ns / NANOSECONDS - RESOLUTION_MS / 1000) : 0;
    const delay = {
      p50: secondsOf(this.#delay.percentile(50)),
      p99: secondsOf(this.#delay.percentile(99)),
      max: this.#delay.count === 0 ? 0 : secondsOf(this.#delay.max),
    };
    this.#delay.reset();
    const { leakDetection, leakBytesPerMin } = this.#settings;
    return {
      memory: process.memoryUsage(),
      delay,
      utilisation: Number.isFinite(utilization) ? utilization : 0,
      leakBytesPerMin: leakDetection ? this.#leak.growthPerMin : 0,
      leaks: leakDetection && this.#leak.grows(leakBytesPerMin),
    };
  }

  #collected(durationMs: number, detail: unknown): void {
    const code: unknown = typeof detail === "object" && detail !== null ? Reflect.get(detail, "kind") : undefined;
    const kind = (typeof code === "number" ? GC_KINDS.get(code) : undefined) ?? "other";
    const { count, seconds } = this.#collections.get(kind) ?? { count: 0, seconds: 0 };
    this.#collections.set(kind, { count: count + 1, seconds: seconds + durationMs / 1000 });
    if (kind === "major" && this.#settings.leakDetection) {
      const { heapUsed, external } = process.memoryUsage();
      this.#leak.add(performance.now(), heapUsed + external);
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#delay.disable();
    this.#observer.disconnect();
  }
}
