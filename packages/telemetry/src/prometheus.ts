/** Prometheus: what an aether counts, read when somebody scrapes. Only durations cost anything in between. */

import { ABSORB_REASONS, type Aether, AetherError, type AetherStats, type ResonanceStats } from "@aether/core";
import { collectDefaultMetrics, Registry } from "prom-client";
import { ChannelLabels } from "./channel-labels.ts";
import type { Measurements } from "./durations.ts";
import { MetricSet } from "./metric-set.ts";

/** Options of {@link prometheus}. */
export interface MetricsOptions {
  /** Where the metrics are registered. Default: a registry of their own. */
  readonly registry?: Registry | undefined;
  /** Most label sets of one metric; more go into the set `other`. Default 1000. */
  readonly maxSeries?: number | undefined;
  /** Measures how long handlers take: two looks at the clock for each. Default true. */
  readonly durations?: boolean | undefined;
  /** Memory, event loop and garbage collection of the process. Default true. */
  readonly process?: boolean | undefined;
}

/** The metrics of one aether. */
export interface Metrics {
  readonly registry: Registry;
  /** The `Content-Type` of a response that holds {@link text}. */
  readonly contentType: string;
  /** All metrics as Prometheus reads them. */
  text(): Promise<string>;
  /** Stops measuring, and takes the metrics of the aether out of the registry. */
  close(): void;
}

const MOST_SERIES = 1000;
/** Gauges of the client that are named like counters; the same is told by type under names without `_total`. */
const MISNAMED = ["nodejs_active_handles_total", "nodejs_active_requests_total", "nodejs_active_resources_total"];

/** Counts and levels of the whole aether: what was closed is still in them. */
const WHOLE: readonly (readonly [name: string, help: string, read: (stats: AetherStats) => number])[] = [
  ["aether_waves_emitted_total", "Waves that were emitted", ({ emitted }) => emitted],
  ["aether_waves_received_total", "Waves that came to a resonance", ({ received }) => received],
  ["aether_waves_delivered_total", "Waves whose handler has started or that were taken", ({ delivered }) => delivered],
  ["aether_waves_failed_total", "Delivered waves whose handling failed for good", ({ failed }) => failed],
  ["aether_waves_coalesced_total", "Waves that interference merged into others", ({ coalesced }) => coalesced],
  ["aether_waves_annihilated_total", "Waves that interference cancelled", ({ annihilated }) => annihilated],
  ["aether_waves_diffracted_total", "Waves that went around members of a group", ({ diffracted }) => diffracted],
  ["aether_waves_queued", "Waves in inboxes", ({ queued }) => queued],
  ["aether_handlers_running", "Handlers at work", ({ running }) => running],
  ["aether_emits_refused_total", "Emits that were refused with an error", ({ refused }) => refused],
  ["aether_waves_faded_total", "Emitted waves that were too quiet to cross", ({ faded }) => faded],
  ["aether_waves_exhausted_total", "Emitted waves over the hop limit", ({ exhausted }) => exhausted],
  ["aether_reflections_sent_total", "Events and broadcasts that went back", ({ reflections }) => reflections.sent],
  [
    "aether_reflections_suppressed_total",
    "Reflections that were one too many for their emitter",
    ({ reflections }) => reflections.suppressed,
  ],
  ["aether_dead_letters", "Dead letters that are kept", ({ deadLetters }) => deadLetters.kept],
  ["aether_dead_letters_entered_total", "Waves that became dead letters", ({ deadLetters }) => deadLetters.entered],
];

/** Counts and levels of the open resonances. */
const EACH: readonly (readonly [name: string, help: string, read: (stats: ResonanceStats) => number])[] = [
  ["aether_resonance_received_total", "Waves that came to the open resonances", ({ received }) => received],
  ["aether_resonance_delivered_total", "Waves that the open resonances delivered", ({ delivered }) => delivered],
  ["aether_resonance_failed_total", "Waves that failed for good at the open resonances", ({ failed }) => failed],
  ["aether_resonance_queued", "Waves in the inboxes of the open resonances", ({ queued }) => queued],
  ["aether_resonance_handlers_running", "Handlers of the open resonances at work", ({ running }) => running],
  ["aether_resonance_noise_floor", "Amplitude below which they do not listen, 0 to 1", ({ floor }) => floor],
  ["aether_resonance_shed_ratio", "Share of waves that they shed to keep up, 0 to 1", ({ shed }) => shed],
  ["aether_resonance_delay_seconds", "How long waves wait in their inboxes", ({ delayMs }) => delayMs / 1000],
];

/** Metrics of `aether`, under names that begin with `aether_`. Throws `AETHER_BAD_OPTION`. */
export function prometheus(aether: Aether, options: MetricsOptions = {}): Metrics {
  const { maxSeries = MOST_SERIES, durations = true, process: ofProcess = true } = options;
  if (!Number.isInteger(maxSeries) || maxSeries < 1) {
    throw new AetherError("AETHER_BAD_OPTION", `Expected \`maxSeries\` to be a whole number above 0, got ${maxSeries}`);
  }
  const registry = options.registry ?? new Registry();
  const set = new MetricSet(registry, maxSeries);
  readWhole(aether, set);
  readResonances(aether, set);
  const forgetMedium = readMedium(aether, set);
  const stopTiming = durations ? timeHandlers(aether, set) : undefined;
  if (ofProcess) {
    collectDefaultMetrics({ register: registry });
    for (const name of MISNAMED) {
      registry.removeSingleMetric(name);
    }
  }
  return {
    registry,
    contentType: registry.contentType,
    text: () => registry.metrics(),
    close() {
      forgetMedium();
      stopTiming?.();
      set.close();
    },
  };
}

function readWhole(aether: Aether, set: MetricSet): void {
  const stats = oncePerTurn(() => aether.stats());
  for (const [name, help, read] of WHOLE) {
    set.read({ name, help }, [], () => [[[], read(stats())]]);
  }
  const text = { name: "aether_waves_absorbed_total", help: "Waves that nobody heard, by why" };
  set.read(text, ["reason"], () => {
    const { absorbed } = stats();
    return ABSORB_REASONS.map((reason) => [[reason], absorbed[reason]] as const);
  });
}

function readResonances(aether: Aether, set: MetricSet): void {
  const labels = ["vibrator", "pattern"] as const;
  const each = oncePerTurn(() =>
    Array.from(aether.resonances(), ({ vibrator, resonance }) => ({
      vibrator,
      pattern: resonance.pattern,
      stats: resonance.stats(),
    })),
  );
  for (const [name, help, read] of EACH) {
    set.read({ name, help }, labels, function* () {
      for (const { vibrator, pattern, stats } of each()) {
        yield [[vibrator, pattern], read(stats)];
      }
    });
  }
  const text = { name: "aether_resonance_absorbed_total", help: "Waves that the open resonances absorbed, by why" };
  set.read(text, [...labels, "reason"] as const, function* () {
    for (const { vibrator, pattern, stats } of each()) {
      for (const reason of ABSORB_REASONS) {
        if (stats.absorbed[reason] > 0) {
          yield [[vibrator, pattern, reason], stats.absorbed[reason]];
        }
      }
    }
  });
  const channels = new ChannelLabels(aether);
  const emitted = { name: "aether_channel_emitted_total", help: "Waves emitted, by who hears them" };
  set.read(emitted, ["vibrator", "pattern", "to"], function* () {
    for (const { from, to, channel, waves } of aether.graph().edges) {
      yield [[from, channels.of(channel), to], waves];
    }
  });
}

function readMedium(aether: Aether, set: MetricSet): () => void {
  let connected = 1;
  let breaks = 0;
  const undos = [
    aether.on("connected", () => {
      connected = 1;
    }),
    aether.on("disconnected", () => {
      connected = 0;
      breaks++;
    }),
  ];
  set.read({ name: "aether_connected", help: "1 while the medium is connected, else 0" }, [], () => [[[], connected]]);
  const lost = { name: "aether_disconnects_total", help: "How often the connection to the medium was lost" };
  set.read(lost, [], () => [[[], breaks]]);
  return () => {
    for (const undo of undos) {
      undo();
    }
  };
}

function timeHandlers(aether: Aether, set: MetricSet): () => void {
  const text = { name: "aether_handler_duration_seconds", help: "How long handlers take, by resonance and how they end" };
  const placeOf = set.seconds(text, ["pattern", "outcome"]);
  return aether.use({
    around(handle, { pattern }) {
      // Looked up once: the series that nobody has measured are not there.
      let done: Measurements | undefined;
      let failed: Measurements | undefined;
      const ended = (startedAt: number): void => {
        done ??= placeOf([pattern, "done"]);
        done.add((performance.now() - startedAt) / 1000);
      };
      const threw = (startedAt: number): void => {
        failed ??= placeOf([pattern, "failed"]);
        failed.add((performance.now() - startedAt) / 1000);
      };
      return (wave, ctx) => {
        const startedAt = performance.now();
        let result: unknown;
        try {
          result = handle(wave, ctx);
        } catch (error) {
          threw(startedAt);
          throw error;
        }
        if (result instanceof Promise) {
          result.then(
            () => ended(startedAt),
            () => threw(startedAt),
          );
        } else {
          ended(startedAt);
        }
        return result;
      };
    },
  });
}

/** `read`, once for all metrics of a scrape: they are read in one turn, and so are of one moment. */
function oncePerTurn<T>(read: () => T): () => T {
  let known: { readonly value: T } | undefined;
  return () => {
    if (known === undefined) {
      known = { value: read() };
      queueMicrotask(() => {
        known = undefined;
      });
    }
    return known.value;
  };
}
