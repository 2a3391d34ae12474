/** A configured service under more waves than it can handle, in virtual time: Poisson arrivals, exponential service. */

import { seededRandom, type Stats } from "@aether/core";
import { VirtualClock } from "@aether/testing";
import { defineService, type Flags, loadConfig, runService } from "../../src/index.ts";

/** Amplitudes by class, with the share of all waves that each has. */
const CLASSES = [
  { name: "critical", upTo: 0.1, from: 0.8, to: 1 },
  { name: "normal", upTo: 0.4, from: 0.4, to: 0.6 },
  { name: "bulk", upTo: 1, from: 0.05, to: 0.25 },
] as const;
type Name = (typeof CLASSES)[number]["name"];

const SERVICE_MS = 2;
/** What is handled later than that is of no use. */
const USEFUL_MS = 250;

export interface Overloaded {
  /** The share of each class that was handled in time. */
  readonly inTime: Readonly<Record<Name, number>>;
  /** Waves handled in time, over all that could be. */
  readonly goodput: number;
  /** Milliseconds from arrival to end of the slowest critical wave of a hundred. */
  readonly p99: number;
  /** Waves that were shed while none of the quietest class was, by 100 ms, over all waves. */
  readonly inversions: number;
  readonly stats: Stats;
}

/** Runs a service by the configuration of `flags` with `load` times what it can handle, for `seconds`. */
export async function overloaded(flags: Flags, load: number, seconds: number, seed: number): Promise<Overloaded> {
  const random = seededRandom(seed);
  const exponential = (mean: number): number => -Math.log(1 - random()) * mean;
  const clock = new VirtualClock();
  const { config } = loadConfig("worker", {
    cwd: "/nonexistent",
    env: {},
    flags: {
      "operations.health_enabled": false,
      "logging.level": "silent",
      "service.max_inflight": 1,
      "aether.channel_buffer_size": 1000,
      "resource_monitoring.enabled": false,
      ...flags,
    },
  });
  const offered = { critical: 0, normal: 0, bulk: 0 };
  const useful = { critical: 0, normal: 0, bulk: 0 };
  const delays: number[] = [];
  const worker = defineService("worker", async ({ vibrator }) => {
    await vibrator.resonateOn(
      "work.*",
      (wave) =>
        new Promise<void>((resolve) => {
          clock.schedule(() => {
            const name = nameIn(wave.channel);
            const delay = clock.monotonic() - wave.arrivedAt;
            useful[name] += delay <= USEFUL_MS ? 1 : 0;
            if (name === "critical") {
              delays.push(delay);
            }
            resolve();
          }, exponential(SERVICE_MS));
        }),
    );
  });
  const run = await runService(worker, { config, clock, causality: "explicit", random: seededRandom(seed + 1) });
  /** Classes that were shed in each 100 ms. */
  const windows = new Map<number, Name[]>();
  const { aether } = run;
  aether.on("absorbed", ({ channel = "" }) => {
    const at = Math.floor(clock.monotonic() / 100);
    windows.set(at, [...(windows.get(at) ?? []), nameIn(channel)]);
  });
  const emitter = aether.vibrator("emitter");
  const end = clock.monotonic() + seconds * 1000;
  const arrive = (): void => {
    if (clock.monotonic() >= end) {
      return;
    }
    const chance = random();
    const kind = CLASSES.find(({ upTo }) => chance < upTo) ?? CLASSES[2];
    offered[kind.name]++;
    const amplitude = kind.from + (kind.to - kind.from) * random();
    void emitter.emit(`work.${kind.name}`, {}, { amplitude });
    clock.schedule(arrive, exponential(SERVICE_MS / load));
  };
  clock.schedule(arrive, 0);
  await clock.advance(seconds * 1000);
  const stats = aether.stats();
  const inverted = [...windows.values()].map((shed) => (shed.includes("bulk") ? 0 : shed.length));
  const closing = run.close({ deadlineMs: 100 });
  await clock.advance(1000);
  await closing;
  const all = offered.critical + offered.normal + offered.bulk;
  const done = useful.critical + useful.normal + useful.bulk;
  return {
    inTime: {
      critical: useful.critical / offered.critical,
      normal: useful.normal / offered.normal,
      bulk: useful.bulk / offered.bulk,
    },
    goodput: (done * SERVICE_MS) / (seconds * 1000),
    p99: delays.sort((a, b) => a - b)[Math.floor(delays.length * 0.99)] ?? Number.NaN,
    inversions: inverted.reduce((sum, count) => sum + count, 0) / all,
    stats,
  };
}

function nameIn(channel: string): Name {
  const name = channel.split(".")[1];
  return name === "critical" || name === "normal" ? name : "bulk";
}
