/** Durations: a histogram of seconds that counts in plain numbers, and makes a metric of them only when it is scraped. */

import { Histogram, type HistogramConfiguration, type MetricObjectWithValues, type MetricValueWithName } from "prom-client";

/** Seconds: from a handler that only counts to one that is about to time out. */
const BUCKETS = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** The measurements of one set of labels. */
export class Measurements {
  readonly labels: Readonly<Record<string, string>>;
  /** By bucket, not cumulated; the last are beyond all of them. */
  readonly #counts = new Float64Array(BUCKETS.length + 1);
  #seconds = 0;

  constructor(labels: Readonly<Record<string, string>>) {
    this.labels = labels;
  }

  add(seconds: number): void {
    let at = 0;
    while (seconds > (BUCKETS[at] ?? Number.POSITIVE_INFINITY)) {
      at++;
    }
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#seconds += seconds;
  }

  *values(name: string): Iterable<MetricValueWithName<string>> {
    let count = 0;
    for (const [at, own] of this.#counts.entries()) {
      count += own;
      yield { metricName: `${name}_bucket`, labels: { ...this.labels, le: BUCKETS[at] ?? "+Inf" }, value: count };
    }
    yield { metricName: `${name}_sum`, labels: { ...this.labels }, value: this.#seconds };
    yield { metricName: `${name}_count`, labels: { ...this.labels }, value: count };
  }
}

/** The client's own histogram looks its labels up at each measurement, which takes longer than most handlers. */
export class Durations extends Histogram<string> {
  /** One of the client's own that measures nothing: what it says of itself. */
  readonly #empty: Histogram<string>;
  readonly #name: string;
  readonly #all = new Set<Measurements>();

  constructor(configuration: Omit<HistogramConfiguration<string>, "buckets">) {
    super({ ...configuration, buckets: BUCKETS });
    this.#empty = new Histogram({ ...configuration, registers: [] });
    this.#name = configuration.name;
  }

  /** A place for measurements under `labels`. */
  place(labels: Readonly<Record<string, string>>): Measurements {
    const place = new Measurements(labels);
    this.#all.add(place);
    return place;
  }

  override get(): Promise<MetricObjectWithValues<MetricValueWithName<string>>> {
    return this.getForPromString();
  }

  /** The client asks for this where it writes a page. */
  async getForPromString(): Promise<MetricObjectWithValues<MetricValueWithName<string>>> {
    const object = await this.#empty.get();
    const values = [...this.#all].flatMap((place) => [...place.values(this.#name)]);
    return { ...object, values };
  }
}
