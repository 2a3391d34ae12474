/** A follower that writes down what it is handed, and settles it as it is told. */

import type { Custody, Follower, Following, Presence, Wave } from "@aether/core";

/** How a hand follows. */
export interface HandOptions {
  /** Default: one of its own. */
  readonly group?: string | undefined;
  /** Default: its pattern. */
  readonly name?: string | undefined;
  /** Most waves that it has at a time. Default 100. */
  readonly most?: number | undefined;
  /** Whether it is done with each wave at once. Default true. */
  readonly settles?: boolean | undefined;
  /** Called with each wave, after it was written down. */
  readonly onWave?: ((wave: Wave, custody: Custody) => void) | undefined;
}

/** A follower of the suite. */
export class Hand implements Follower {
  readonly presence: Presence;
  /** What it was handed, in order. */
  readonly waves: Wave[] = [];
  /** What it has and has not settled, by id. */
  readonly held: Map<string, Custody> = new Map();
  /** How much came that was no wave. */
  noise = 0;
  /** Whether it was handed a wave that it did not want. */
  crowded = false;
  /** Whether one wave was handed to it while it had it. */
  doubled = false;
  readonly #most: number;
  readonly #settles: boolean;
  readonly #onWave: HandOptions["onWave"];
  readonly #isOwn: (wave: Wave) => boolean;
  #following: Following | undefined;

  constructor(pattern: string, instance: string, options: HandOptions, isOwn: (wave: Wave) => boolean) {
    const { group = instance, name = pattern, most = 100, settles = true } = options;
    this.presence = { vibrator: group, instance, pattern, group, name };
    this.#most = most;
    this.#settles = settles;
    this.#onWave = options.onWave;
    this.#isOwn = isOwn;
  }

  /** The recorder has given it its place. */
  followed(following: Following): void {
    this.#following = following;
  }

  get wanted(): number {
    return Math.max(0, this.#most - this.held.size);
  }

  /** Ids of what it was handed, in order. */
  get ids(): readonly string[] {
    return this.waves.map(({ id }) => id);
  }

  take(wave: Wave, custody: Custody): void {
    this.crowded ||= this.wanted === 0;
    this.doubled ||= this.held.has(wave.id);
    this.held.set(wave.id, custody);
    if (this.#isOwn(wave)) {
      this.waves.push(wave);
    }
    this.#onWave?.(wave, custody);
    if (this.#settles || !this.#isOwn(wave)) {
      void this.done(wave.id);
    }
  }

  malformed(count = 1): void {
    this.noise += count;
  }

  /** Is done with a wave, if it has it. */
  async done(id: string): Promise<void> {
    const custody = this.#release(id);
    await custody?.done();
  }

  /** Is done with everything that it has. */
  async doneAll(): Promise<void> {
    await Promise.all([...this.held.keys()].map((id) => this.done(id)));
  }

  /** Gives a wave back, if it has it. */
  giveBack(id: string, delayMs?: number): void {
    this.#release(id)?.giveBack(delayMs);
  }

  #release(id: string): Custody | undefined {
    const custody = this.held.get(id);
    this.held.delete(id);
    // Not while a wave is being taken.
    queueMicrotask(() => this.#following?.wants());
    return custody;
  }

  /** Follows no longer. */
  async close(): Promise<void> {
    await this.#following?.close();
  }
}
