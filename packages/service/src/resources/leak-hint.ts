/** The leak hint: whether what is left after garbage collections only grows. Pure; knows no clock. */

/** Memory after one garbage collection. */
interface Sample {
  readonly atMs: number;
  readonly bytes: number;
}

/** Samples that are looked at, and the least that say anything. */
const MOST = 120;
const LEAST = 6;
/** The time that they must span. */
const LEAST_SPAN_MS = 30_000;
/** The share of steps that must go up: what is taken and given back in turns is no leak. */
const UPWARDS = 0.7;

/** Follows memory after garbage collections. */
export class LeakHint {
  readonly #leastSpanMs: number;
  #samples: readonly Sample[] = [];

  /** Says nothing before its samples span `leastSpanMs`. */
  constructor(leastSpanMs: number = LEAST_SPAN_MS) {
    this.#leastSpanMs = leastSpanMs;
  }

  /** A garbage collection has left `bytes` at `atMs`, monotonic milliseconds. */
  add(atMs: number, bytes: number): void {
    this.#samples = [...this.#samples, { atMs, bytes }].slice(-MOST);
  }

  /** Growth in bytes a minute, by least squares; 0 while too little is known, or while it does not grow steadily. */
  get growthPerMin(): number {
    const samples = this.#samples;
    const [first, last] = [samples[0], samples.at(-1)];
    if (first === undefined || last === undefined || samples.length < LEAST) {
      return 0;
    }
    const isLong = last.atMs - first.atMs >= this.#leastSpanMs;
    const ups = samples.filter(({ bytes }, at) => at > 0 && bytes > (samples[at - 1]?.bytes ?? bytes)).length;
    return isLong && ups >= UPWARDS * (samples.length - 1) ? Math.max(0, slopeOf(samples) * 60_000) : 0;
  }

  /** Whether it grows by at least `bytesPerMin`. */
  grows(bytesPerMin: number): boolean {
    return this.growthPerMin >= bytesPerMin;
  }
}

function slopeOf(samples: readonly Sample[]): number {
  const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const at = meanOf(samples.map(({ atMs }) => atMs));
  const bytes = meanOf(samples.map((sample) => sample.bytes));
  const over = samples.reduce((sum, sample) => sum + (sample.atMs - at) * (sample.bytes - bytes), 0);
  const under = samples.reduce((sum, sample) => sum + (sample.atMs - at) ** 2, 0);
  return under === 0 ? 0 : over / under;
}
