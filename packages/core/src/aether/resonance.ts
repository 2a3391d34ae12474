/** A resonance: one pattern that a vibrator listens on, with its inbox and what takes waves out of it. */

import { AetherError } from "../errors.ts";
import type { Listener, Presence, Spare, Tuning, Uptake } from "../medium/medium.ts";
import type { Wave } from "../wave/wave.ts";
import type { Consumer } from "./consumer.ts";
import type { Delivery } from "./delivery.ts";
import { millisecondsOf } from "./options.ts";
import type { Stats, Tally } from "./stats.ts";
import { Takers } from "./takers.ts";

/** How long `close()` waits for what was heard. */
export interface CloseOptions {
  /** Default 10,000. */
  readonly deadlineMs?: number | undefined;
}

const DEFAULT_DRAIN_MS = 10_000;

/** `deadlineMs` of {@link CloseOptions}, checked. */
export function drainMsOf(options: CloseOptions | undefined): number {
  const deadlineMs = options?.deadlineMs ?? DEFAULT_DRAIN_MS;
  return deadlineMs === 0 ? 0 : millisecondsOf("deadlineMs", deadlineMs);
}

/** What a resonance is made of. */
export interface ResonanceParts<Out> {
  readonly delivery: Delivery;
  readonly consumer: Consumer | Takers<Out>;
  readonly observes: boolean;
  /** Told when it has closed. */
  readonly onClosed: (resonance: Resonance<Out>) => void;
}

/** One subscription. Iterate it, or give `resonateOn` a handler. */
export class Resonance<Out = unknown> implements AsyncIterable<Wave<Out>>, AsyncDisposable {
  readonly #delivery: Delivery;
  readonly #consumer: Consumer | Takers<Out>;
  readonly #listener: Listener;
  readonly #onClosed: (resonance: Resonance<Out>) => void;
  #tuning: Tuning | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: ResonanceParts<Out>) {
    this.#delivery = parts.delivery;
    this.#consumer = parts.consumer;
    this.#onClosed = parts.onClosed;
    this.#listener = new Ear(parts.delivery, parts.consumer, parts.observes);
  }

  /** What the medium hears it by. */
  get listener(): Listener {
    return this.#listener;
  }

  /** The medium has confirmed it. */
  tuned(tuning: Tuning): void {
    this.#tuning = tuning;
  }

  get pattern(): string {
    return this.#delivery.presence.pattern;
  }

  /** Name inside its group. */
  get name(): string {
    return this.#delivery.presence.name;
  }

  get group(): string | false {
    return this.#delivery.presence.group;
  }

  /** Whether a handler is pushed its waves. */
  get hasHandler(): boolean {
    return !(this.#consumer instanceof Takers);
  }

  /** Its waves, one at a time. Throws `AETHER_BAD_OPTION` when a handler takes them. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Wave<Out>> {
    return this.#takers().iterate();
  }

  /** Its waves, as many at a time as have come: arrays of 1 to `most` (default 1024). */
  batches(most?: number): AsyncIterableIterator<Wave<Out>[]> {
    return this.#takers().batches(most);
  }

  #takers(): Takers<Out> {
    if (this.#consumer instanceof Takers) {
      return this.#consumer;
    }
    throw new AetherError(
      "AETHER_BAD_OPTION",
      `Expected a resonance without a handler to iterate, got the one on "${this.pattern}", whose handler takes its waves`,
    );
  }

  /** Stops taking waves out of the inbox; it goes on hearing. */
  pause(): void {
    this.#consumer.pause();
  }

  resume(): void {
    this.#consumer.resume();
  }

  stats(): Stats {
    return this.#delivery.tally.stats(0);
  }

  /** The counters behind {@link stats}. */
  get tally(): Tally {
    return this.#delivery.tally;
  }

  /** Stops hearing, finishes what it heard until the deadline, and absorbs the rest as `closed`. */
  close(options?: CloseOptions): Promise<void> {
    this.#closing ??= this.#close(drainMsOf(options));
    return this.#closing;
  }

  async #close(deadlineMs: number): Promise<void> {
    await this.#tuning?.close();
    this.#delivery.close();
    await this.#consumer.drain(deadlineMs);
    this.#onClosed(this);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The side of a resonance that faces the medium. */
class Ear implements Listener {
  readonly #delivery: Delivery;
  readonly #consumer: Consumer;
  readonly observes: boolean;

  constructor(delivery: Delivery, consumer: Consumer, observes: boolean) {
    this.#delivery = delivery;
    this.#consumer = consumer;
    this.observes = observes;
  }

  get presence(): Presence {
    return this.#delivery.presence;
  }

  get full(): boolean {
    return this.#delivery.full;
  }

  get threshold(): number {
    return this.#delivery.threshold;
  }

  get spare(): Spare {
    return this.#delivery.spare;
  }

  receive(wave: Wave): Uptake {
    const uptake = this.#delivery.offer(wave);
    if (uptake !== "refused") {
      this.#consumer.wake();
    }
    return uptake;
  }

  receiveRun(waves: readonly Wave[], from: number, to: number, mayHandle: boolean): void {
    if (from < to) {
      this.#consumer.receiveRun(waves, from, to, mayHandle);
    }
  }

  room(): Promise<void> {
    return this.#delivery.room();
  }
}
