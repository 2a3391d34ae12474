/** One receiver under more waves than it can handle, in simulated time: Poisson arrivals, exponential service. */

import { AmplitudeQueue } from "../../src/inbox/amplitude-queue.ts";
import { AdaptiveFloor } from "../../src/physics/adaptive-floor.ts";
import { hash01 } from "../../src/physics/hash.ts";
import { ServiceRate } from "../../src/physics/service-rate.ts";
import { seededRandom } from "../../src/wave/seeded-random.ts";

/** Waves of one class: its share of all, and where its amplitudes lie. */
export interface WaveClass {
  readonly name: string;
  readonly share: number;
  readonly from: number;
  readonly to: number;
}

/** Few critical waves, many bulk ones. */
export const MIXED: readonly WaveClass[] = [
  { name: "critical", share: 0.1, from: 0.8, to: 1 },
  { name: "normal", share: 0.3, from: 0.4, to: 0.6 },
  { name: "bulk", share: 0.6, from: 0.05, to: 0.25 },
];

export interface Scenario {
  /** Arrivals over service at `now` (ms). */
  readonly load: (now: number) => number;
  readonly seconds: number;
  readonly policy: "adaptive" | "fifo" | "priority";
  readonly classes?: readonly WaveClass[];
  readonly seed: number;
}

export interface Result {
  /** Share of each class that was finished in time, in percent. */
  readonly inTime: Readonly<Record<string, number>>;
  /** Waves finished in time, over what the receiver could have done, in percent. */
  readonly goodput: number;
  /** Mean of backlog over service rate after the first second, ms. */
  readonly meanDelayMs: number;
  /** Delay at each tick, ms. */
  readonly delays: readonly number[];
}

const CAPACITY = 1000;
const USEFUL_MS = 250;
const TICK_MS = 20;

interface Job {
  readonly kind: WaveClass;
  readonly arrivedAt: number;
}

/** Plays `scenario` with a service time of 1 ms on average. */
export function simulate({ load, seconds, policy, classes = MIXED, seed }: Scenario): Result {
  const random = seededRandom(seed);
  const exponential = (mean: number): number => -Math.log(1 - random()) * mean;
  const queue = new AmplitudeQueue<Job>({ cap: CAPACITY, order: policy === "fifo" ? "fifo" : "banded" });
  const floor = policy === "adaptive" ? new AdaptiveFloor() : undefined;
  const rate = new ServiceRate();
  const offered = new Map<string, number>();
  const useful = new Map<string, number>();
  const delays: number[] = [];
  const end = seconds * 1000;
  let now = 0;
  let served: Job | undefined;
  let freeAt = Number.POSITIVE_INFINITY;
  let arrivesAt = exponential(1 / load(0));
  let tickAt = TICK_MS;
  let busySince: number | undefined;
  let busyMs = 0;
  let completions = 0;
  let count = 0;

  const sense = (): void => {
    if (busySince !== undefined) {
      busyMs += now - busySince;
    }
    busySince = queue.size > 0 ? now : undefined;
  };
  const serve = (): void => {
    served = queue.pop();
    freeAt = served === undefined ? Number.POSITIVE_INFINITY : now + exponential(1);
    sense();
  };
  const arrive = (): void => {
    const kind = draw(classes, random());
    const amplitude = kind.from + (kind.to - kind.from) * random();
    offered.set(kind.name, (offered.get(kind.name) ?? 0) + 1);
    if (floor?.admit(amplitude, hash01(`simulated-${(++count).toString(36)}`)) !== false) {
      queue.push({ kind, arrivedAt: now }, amplitude);
      sense();
      if (served === undefined) {
        serve();
      }
    }
    arrivesAt = now + exponential(1 / load(now));
  };
  const complete = (): void => {
    if (served !== undefined && now - served.arrivedAt <= USEFUL_MS) {
      useful.set(served.kind.name, (useful.get(served.kind.name) ?? 0) + 1);
    }
    completions += queue.size > 0 ? 1 : 0;
    serve();
  };
  const tick = (): void => {
    sense();
    rate.observe(completions, busyMs);
    completions = 0;
    busyMs = 0;
    const { perMs } = rate;
    const delayMs = perMs > 0 ? queue.size / perMs : 0;
    floor?.tick(delayMs, perMs, perMs > 0 ? 4 / perMs : 0);
    delays.push(queue.size);
    tickAt += TICK_MS;
  };

  for (;;) {
    now = Math.min(arrivesAt, freeAt, tickAt);
    if (now > end) {
      break;
    }
    if (now === tickAt) {
      tick();
    } else if (now === freeAt) {
      complete();
    } else {
      arrive();
    }
  }
  const settled = delays.slice(1000 / TICK_MS);
  const finished = [...useful.values()].reduce((sum, n) => sum + n, 0);
  return {
    inTime: Object.fromEntries(
      classes.map(({ name }) => [name, (100 * (useful.get(name) ?? 0)) / (offered.get(name) ?? 1)]),
    ),
    goodput: (100 * finished) / end,
    meanDelayMs: settled.reduce((sum, delay) => sum + delay, 0) / settled.length,
    delays,
  };
}

function draw(classes: readonly WaveClass[], chance: number): WaveClass {
  let left = chance;
  for (const kind of classes) {
    left -= kind.share;
    if (left < 0) {
      return kind;
    }
  }
  throw new RangeError("Expected shares that sum up to 1");
}
