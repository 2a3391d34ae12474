/** A metric set: metrics of one registry whose values are read at each scrape, every one with its cap of label sets. */

import { Counter, Gauge, type Registry } from "prom-client";
import { Durations, type Measurements } from "./durations.ts";
import { Series } from "./series.ts";

/** Name and help of a metric. */
export interface MetricText {
  readonly name: string;
  readonly help: string;
}

/** Values of a metric at this moment, each with its labels in order. */
export type Readings<L extends readonly string[]> = Iterable<readonly [{ readonly [K in keyof L]: string }, number]>;

/** The metrics that were made here. */
export class MetricSet {
  readonly #registry: Registry;
  readonly #most: number;
  readonly #names: string[] = [];
  readonly #overflow: Counter;

  constructor(registry: Registry, most: number) {
    this.#registry = registry;
    this.#most = most;
    const text = { name: "aether_metrics_series_overflow_total", help: "Readings that went into the label set other" };
    this.#overflow = new Counter(this.#named(text));
  }

  /** A counter or gauge, by its name, that reads itself. */
  read<const L extends readonly string[]>(text: MetricText, labels: L, readings: () => Readings<L>): void {
    const series = this.#series();
    const settings = {
      ...this.#named(text),
      labelNames: labels,
      collect(): void {
        metric.reset();
        for (const [values, value] of readings()) {
          metric.inc(labelled(labels, series.of(values)), value);
        }
      },
    };
    const metric: Counter<string> | Gauge<string> = text.name.endsWith("_total")
      ? new Counter<string>(settings)
      : new Gauge<string>(settings);
  }

  /** A histogram of seconds; the function gives the place where those under some labels are counted. */
  seconds<const L extends readonly string[]>(
    text: MetricText,
    labels: L,
  ): (values: { readonly [K in keyof L]: string }) => Measurements {
    const series = this.#series();
    const durations = new Durations({ ...this.#named(text), labelNames: labels });
    const places = new Map<string, Measurements>();
    return (values) => {
      const known = series.of(values);
      const key = known.join("\u0000");
      const place = places.get(key) ?? durations.place(labelled(labels, known));
      places.set(key, place);
      return place;
    };
  }

  #series(): Series {
    return new Series(this.#most, () => this.#overflow.inc());
  }

  #named(text: MetricText): MetricText & { readonly registers: Registry[] } {
    this.#names.push(text.name);
    return { ...text, registers: [this.#registry] };
  }

  /** Takes everything out of the registry. */
  close(): void {
    for (const name of this.#names) {
      this.#registry.removeSingleMetric(name);
    }
  }
}

function labelled(names: readonly string[], values: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name, at) => [name, values[at] ?? ""]));
}
