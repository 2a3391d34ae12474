/** A resonance: one pattern that a vibrator listens on, with its inbox and what takes waves out of it. */

import { AetherError } from "../../errors.ts";
import type { Listener, Tuning } from "../../medium/medium.ts";
import type { Wave } from "../../wave/wave.ts";
import { assertKnown, loudnessOf, millisecondsOf } from "../options.ts";
import type { ResonanceStats, Tally } from "../stats.ts";
import type { AdaptiveSettings } from "./adaptive.ts";
import type { Consumer } from "./consumer.ts";
import type { Delivery } from "./delivery.ts";
import { Takers } from "./takers.ts";

/** How long `close()` waits for what was heard. */
export interface CloseOptions {
  /** Default 10,000. */
  readonly deadlineMs?: number | undefined;
}

const DEFAULT_DRAIN_MS = 10_000;

/** `deadlineMs` of {@link CloseOptions}, checked. */
export function drainMsOf(options: CloseOptions | undefined): number {
  assertKnown(options ?? {}, { deadlineMs: true }, "close");
  const deadlineMs = options?.deadlineMs ?? DEFAULT_DRAIN_MS;
  return deadlineMs === 0 ? 0 : millisecondsOf("deadlineMs", deadlineMs);
}

/** One pattern that a vibrator listens on. Iterate it, or give `resonateOn` a handler. */
export interface Resonance<Out = unknown> extends AsyncIterable<Wave<Out>>, AsyncDisposable {
  readonly pattern: string;
  /** Name inside its group. */
  readonly name: string;
  readonly group: string | false;
  /** Its waves, one at a time. Throws `AETHER_BAD_OPTION` when a handler takes them. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Wave<Out>>;
  /** Its waves, as many at a time as have come: arrays of 1 to `most` (default 1024). Throws as iterating does. */
  batches(most?: number): AsyncIterableIterator<Wave<Out>[]>;
  /** Stops taking waves out of the inbox; it goes on hearing. */
  pause(): void;
  resume(): void;
  /**
   * Listens to nothing below `amplitude`, 0..1, as long as that is above its own noise floor; 0 takes it back. What is
   * quieter goes to other members of its group, where the medium can tell. Recorded waves are never kept away. Throws
   * `AETHER_BAD_OPTION`.
   */
  raiseFloor(amplitude: number): void;
  /**
   * Lets other members of its group have what it would hear, for as long as there are any, until it is called with
   * false: for an instance that is in trouble. What reaches it all the same is handled as ever. Recorded waves are
   * shared by who has room: `pause` leaves them to others. Without a group it does nothing.
   */
  standAside(isAside: boolean): void;
  stats(): ResonanceStats;
  /**
   * Stops hearing, finishes what it heard until the deadline, and absorbs the rest as `closed`. A handler may await
   * the close of what it runs in: it is not waited for itself. With explicit causality nobody knows who calls, so
   * there a handler must not await it.
   */
  close(options?: CloseOptions): Promise<void>;
}

/** A resonance as its vibrator holds it. */
export class OpenResonance implements Resonance {
  readonly #delivery: Delivery;
  readonly #consumer: Consumer;
  /** Told when it has closed. */
  readonly #onClosed: (resonance: OpenResonance, delivery: Delivery, consumer: Consumer) => void;
  #tuning: Tuning | undefined;
  #closing: Promise<void> | undefined;
  #forgetSignal: (() => void) | undefined;

  constructor(
    delivery: Delivery,
    consumer: Consumer,
    onClosed: (resonance: OpenResonance, delivery: Delivery, consumer: Consumer) => void,
  ) {
    this.#delivery = delivery;
    this.#consumer = consumer;
    this.#onClosed = onClosed;
  }

  /** What the medium hears it by. */
  get listener(): Listener {
    return this.#delivery;
  }

  /** The medium has confirmed it. */
  tuned(tuning: Tuning): void {
    this.#tuning = tuning;
    this.#delivery.tuned(tuning);
  }

  get pattern(): string {
    return this.#delivery.presence.pattern;
  }

  get name(): string {
    return this.#delivery.presence.name;
  }

  get group(): string | false {
    return this.#delivery.presence.group;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Wave> {
    return this.#takers().iterate();
  }

  batches(most?: number): AsyncIterableIterator<Wave[]> {
    return this.#takers().batches(most);
  }

  #takers(): Takers {
    if (this.#consumer instanceof Takers) {
      return this.#consumer;
    }
    throw new AetherError(
      "AETHER_BAD_OPTION",
      `Expected a resonance without a handler to iterate, got the one on "${this.pattern}", whose handler takes its waves`,
    );
  }

  pause(): void {
    this.#consumer.pause();
  }

  resume(): void {
    this.#consumer.resume();
  }

  raiseFloor(amplitude: number): void {
    this.#delivery.raiseFloor("resonance", loudnessOf(amplitude));
  }

  standAside(isAside: boolean): void {
    this.#delivery.standAside(isAside);
  }

  /** As {@link raiseFloor}, for the whole vibrator. */
  raiseVibrator(amplitude: number): void {
    this.#delivery.raiseFloor("vibrator", amplitude);
  }

  /** Goes by another noise floor of its own from now on. */
  setFloor(floor: number, adaptive: AdaptiveSettings | undefined): void {
    this.#delivery.setFloor(floor, adaptive);
  }

  stats(): ResonanceStats {
    return { ...this.tally.stats(0), ...this.#delivery.load };
  }

  /** The counters behind {@link stats}. */
  get tally(): Tally {
    return this.#delivery.tally;
  }

  async close(options?: CloseOptions): Promise<void> {
    const deadlineMs = drainMsOf(options);
    this.#closing ??= this.#close(deadlineMs);
    await this.#closing;
  }

  /** Closes when `signal` aborts. */
  closeOn(signal: AbortSignal): void {
    const onAbort = (): void => void this.close();
    signal.addEventListener("abort", onAbort, { once: true });
    this.#forgetSignal = () => signal.removeEventListener("abort", onAbort);
  }

  async #close(deadlineMs: number): Promise<void> {
    this.#forgetSignal?.();
    await this.#tuning?.close();
    this.#delivery.close();
    await this.#consumer.drain(deadlineMs);
    this.#onClosed(this, this.#delivery, this.#consumer);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
