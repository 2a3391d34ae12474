/** One run: an aether, a receiver with one policy, and somebody who emits more than it can handle. */

import { Aether, seededRandom, type Wave } from "@aether/core";
import { classAt, classOn } from "./classes.ts";
import type { Policy } from "./policies.ts";
import { Record } from "./record.ts";
import { SERVICE_MS, type Waker, Worker } from "./worker.ts";

/** What a run is asked to be. Times are milliseconds. */
export interface Plan {
  readonly policy: Policy;
  /** Arrivals over capacity at `ms` since the beginning. */
  readonly load: (ms: number) => number;
  readonly durationMs: number;
  /** Waves that are emitted before this do not count. */
  readonly warmUpMs: number;
  readonly clock: Waker;
  readonly seed: number;
  /** Lets the time of the run pass. */
  readonly pass: (ms: number) => Promise<unknown>;
}

/** Time between two looks at the receiver. */
export const LOOK_MS = 20;
const INBOX = 1000;

/** Carries `plan` out. */
export async function run({ policy, load, durationMs, warmUpMs, clock, seed, pass }: Plan): Promise<Record> {
  const random = seededRandom(seed);
  const chances = seededRandom(seed + 1);
  const aether = await Aether.connect({ clock, causality: "explicit", random: chances });
  const worker = new Worker(clock, random);
  const start = clock.monotonic();
  const end = start + durationMs;
  const record = new Record(durationMs - warmUpMs);
  const counts = (at: number): boolean => at - start >= warmUpMs;

  const receiver = aether.vibrator("receiver", { concurrency: 1, inbox: { capacity: INBOX } });
  const handle = async (wave: Wave): Promise<void> => {
    await worker.work(wave.arrivedAt);
    const name = classOn(wave.channel);
    if (name !== undefined && counts(wave.arrivedAt)) {
      record.handled(name, clock.monotonic() - wave.arrivedAt);
    }
  };
  const resonance = await receiver.resonateOn("work.*", handle, policy.options);

  const emitter = aether.vibrator("emitter");
  let next = start;
  let ended = false;
  const emitDue = (): void => {
    for (const now = clock.monotonic(); next <= now && next < end && !ended; ) {
      const { name, quietest, loudest } = classAt(random());
      const amplitude = quietest + (loudest - quietest) * random();
      if (counts(now)) {
        record.offered(name);
      }
      void emitter.emit(`work.${name}`, {}, { amplitude });
      next -= (Math.log(1 - random()) * SERVICE_MS) / load(next - start);
    }
    if (next < end && !ended) {
      clock.schedule(emitDue, next - clock.monotonic());
    }
  };
  emitDue();
  const look = (): void => {
    const { queued, floor } = resonance.stats();
    const ms = clock.monotonic() - start;
    record.look({ ms, delayMs: queued * SERVICE_MS, floor, counts: ms >= warmUpMs });
    if (ms < durationMs && !ended) {
      clock.schedule(look, LOOK_MS);
    }
  };
  look();
  await pass(durationMs);
  ended = true;
  record.close();
  const closing = aether.close({ deadlineMs: 0 });
  await pass(1);
  await closing;
  return record;
}
