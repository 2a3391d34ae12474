/** Random traffic in which every way out of the street is taken. */

import type { Aether, Resonance, Stats, Vibrator } from "@aether/core";
import { expect } from "vitest";
import { absorbedOf, expectBalance } from "./connect.ts";
import { turns } from "./manual-clock.ts";
import { until } from "./until.ts";

/** One world of random traffic, with every way out of the street. */
export class World {
  readonly resonances: Resonance[] = [];
  readonly emitters: Vibrator[] = [];
  readonly absorbed = new Map<string, number>();
  readonly aether: Aether;
  readonly #random: () => number;
  readonly #isWatched: boolean;
  settled = 0;
  asked = 0;
  delivered = 0;

  /** With `isWatched` somebody listens to every event; without, waves go the short way. */
  constructor(aether: Aether, random: () => number, isWatched = true) {
    this.aether = aether;
    this.#random = random;
    this.#isWatched = isWatched;
    if (isWatched) {
      aether.on("absorbed", ({ reason }) => void this.absorbed.set(reason, (this.absorbed.get(reason) ?? 0) + 1));
      aether.on("delivered", () => void this.delivered++);
    }
  }

  async build(): Promise<void> {
    const random = this.#random;
    const handle = (wave: { readonly hops: number }, ctx: { emit(name: string): Promise<unknown> }): unknown => {
      const chance = random();
      if (chance < 0.02) {
        throw new Error("broken");
      }
      if (chance < 0.04) {
        void ctx.emit("a.caused");
        return wave.hops;
      }
      return chance < 0.06 ? turns(1) : chance < 0.5 ? undefined : chance;
    };
    const { aether } = this;
    const add = async (name: string, pattern: string, options: object): Promise<void> => {
      this.resonances.push(await aether.vibrator(name).resonateOn(pattern, handle, options));
    };
    await add("plain", "a.*", {});
    await add("small", "a.*", { inbox: { capacity: 30 }, concurrency: 2 });
    await add("small", "a.*", { inbox: { capacity: 5, bytes: 2000 }, concurrency: 1, order: "fifo" });
    await add("picky", "a.>", { noiseFloor: 0.6 });
    await add("loaded", "a.*", { noiseFloor: { static: 0.05, targetMs: 5, tickMs: 5 }, concurrency: 2 });
    await add("alone", ">", { group: false, echo: false, inbox: { capacity: 100 } });
    await add("keyed", "a.*", { order: "key", inbox: { capacity: 20 }, concurrency: 3 });
    await add("retrying", "a.0", { maxAttempts: 3, backoffMs: { base: 1, max: 2 }, inbox: { capacity: 50 } });
    const pulled = await aether.vibrator("pulling").resonateOn("a.1", { inbox: { capacity: 40 } });
    this.resonances.push(pulled as Resonance);
    void (async () => {
      for await (const _ of pulled) {
        if (random() < 0.01) {
          await turns(1);
        }
      }
    })();
    this.emitters.push(aether.vibrator("one"), aether.vibrator("two"), aether.vibrator("alone"));
  }

  emit(): Promise<unknown> {
    const random = this.#random;
    const emitter = this.emitters[Math.floor(random() * this.emitters.length)];
    if (emitter === undefined) {
      throw new Error("Expected an emitter");
    }
    const chance = random();
    const name = `a.${Math.floor(random() * 3)}`;
    const amplitude = random() < 0.05 ? random() * 0.02 : random();
    if (chance < 0.7) {
      return emitter.emit(name, undefined, { amplitude });
    }
    if (chance < 0.75) {
      return emitter.emit(name, "x".repeat(Math.floor(random() * 1500)), { amplitude, kind: "broadcast" });
    }
    if (chance < 0.8) {
      return emitter.emit(name, undefined, { amplitude, id: `id-${Math.floor(random() * 1000)}` });
    }
    if (chance < 0.9) {
      return emitter.emit(name, undefined, { amplitude, key: `key-${Math.floor(random() * 5)}` });
    }
    if (chance < 0.95) {
      return emitter.emit(name, undefined, { amplitude, halfLifeMs: 0.5 + random() });
    }
    this.asked++;
    const asked =
      chance < 0.97
        ? emitter.emit(name, undefined, { amplitude, kind: "command", timeoutMs: 60_000 })
        : emitter.query(name, undefined, { amplitude, timeoutMs: 60_000 });
    const done = (): void => void this.settled++;
    asked.then(done, done);
    return Promise.resolve();
  }

  /** Lets `count` random waves pass, looks at the balance at random moments, and waits until all is done. */
  async run(count: number): Promise<void> {
    const random = this.#random;
    let burst = 0;
    for (let i = 0; i < count; i++) {
      const emitted = this.emit();
      if (--burst <= 0) {
        burst = 1 + Math.floor(random() * 200);
        await (random() < 0.3 ? turns(1) : emitted);
      }
      if (random() < 0.0005) {
        this.check();
      }
      if (random() < 0.0002) {
        const resonance = this.resonances[Math.floor(random() * this.resonances.length)];
        resonance?.pause();
        await emitted;
        this.check();
        resonance?.resume();
      }
    }
    await until(() => this.sum().queued === 0 && this.sum().running === 0);
    await until(() => this.settled === this.asked);
    this.check();
  }

  check(): void {
    for (const resonance of this.resonances) {
      expectBalance(resonance.stats());
    }
    const all = this.aether.stats();
    expectBalance(all);
    if (!this.#isWatched) {
      return;
    }
    expect(absorbedOf(all)).toBe([...this.absorbed.values()].reduce((sum, count) => sum + count, 0));
  }

  sum(): Pick<Stats, "received" | "delivered" | "queued" | "failed" | "running"> {
    const sum = { received: 0, delivered: 0, queued: 0, failed: 0, running: 0 };
    for (const resonance of this.resonances) {
      const stats = resonance.stats();
      for (const name of Object.keys(sum) as (keyof typeof sum)[]) {
        sum[name] += stats[name];
      }
    }
    return sum;
  }
}
