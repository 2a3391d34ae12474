/** A vibrator: one instance of a service, which resonates on channels and emits waves. */

import { expected } from "../errors.ts";
import { Channel } from "../wave/channel.ts";
import type { Reflection } from "../wave/reflection.ts";
import type { Wave } from "../wave/wave.ts";
import type { Causality } from "./causality.ts";
import { Emission, type EmissionParts } from "./emitting/emission.ts";
import { gatherAnswers } from "./emitting/gather.ts";
import type { RepeatOptions, RepeatReceipt } from "./emitting/repeats.ts";
import { guarded } from "./observers.ts";
import { type EmitOptions, type GatherOptions, loudnessOf, type QueryOptions } from "./options.ts";
import type { Receipt } from "./receipt.ts";
import type { Handler } from "./receiving/handlers.ts";
import type { Handling } from "./receiving/handling.ts";
import { Listening, type ListeningParts, type ReceiveOptions, requestOf } from "./receiving/listening.ts";
import type { NoiseFloorOption } from "./receiving/noise-floor.ts";
import { type CloseOptions, drainMsOf, type Resonance } from "./receiving/resonance.ts";
import { type ResonanceOptions, type VibratorOptions, vibratorSettings } from "./receiving/resonance-options.ts";
import type { View } from "./views/view.ts";
import { snapshotEveryOf, type ViewOptions } from "./views/view-options.ts";
import { Views } from "./views/views.ts";

/** Everything the vibrators of one aether work with. */
export interface VibratorParts extends EmissionParts, ListeningParts {
  readonly causality: Causality<Handling> | undefined;
}

/** One service instance. Made by `aether.vibrator`. */
export class Vibrator implements AsyncDisposable {
  readonly name: string;
  /** Id of this instance. */
  readonly id: string;
  /** The emitting half. */
  readonly emission: Emission;
  /** The receiving half. */
  readonly listening: Listening;
  readonly #views: Views;
  readonly #parts: VibratorParts;
  readonly #onReflection = new Set<(reflection: Reflection) => void>();
  readonly #onClosed: (vibrator: Vibrator) => void;
  #closing: Promise<void> | undefined;

  constructor(
    name: string,
    id: string,
    options: VibratorOptions | undefined,
    parts: VibratorParts,
    onClosed: (vibrator: Vibrator) => void,
  ) {
    this.name = name;
    this.id = id;
    this.#parts = parts;
    this.#onClosed = onClosed;
    const settings = vibratorSettings(options);
    this.emission = new Emission(parts, { source: name, sourceId: id }, (reflection) => this.reflected(reflection));
    this.listening = new Listening({ by: name, byId: id }, settings, parts, this.emission);
    this.#views = new Views(name, snapshotEveryOf(options?.snapshotEvery), parts);
  }

  /**
   * Listens on `channel`, a name, a pattern or a contract. Resolves when the medium has confirmed it: a wave emitted
   * after that is heard. Without a handler the resonance is iterated, or `receive` takes from it. Rejects with
   * `AETHER_BAD_CHANNEL`, `AETHER_BAD_OPTION`, `AETHER_AMBIGUOUS`, `AETHER_UNSUPPORTED` or `AETHER_CLOSED`.
   */
  resonateOn<Out, ReplyIn>(
    channel: Channel<unknown, Out, ReplyIn>,
    handler?: Handler<Out, NoInfer<ReplyIn>>,
    options?: ResonanceOptions,
  ): Promise<Resonance<Out>>;
  resonateOn(channel: string, handler?: Handler, options?: ResonanceOptions): Promise<Resonance>;
  resonateOn<Out>(channel: Channel<unknown, Out>, options: ResonanceOptions): Promise<Resonance<Out>>;
  resonateOn(channel: string, options: ResonanceOptions): Promise<Resonance>;
  async resonateOn(
    channel: string | Channel,
    second?: Handler | ResonanceOptions,
    third?: ResonanceOptions,
  ): Promise<Resonance> {
    return await this.listening.resonate({ channel, observes: false, ...requestOf(second, third) });
  }

  /**
   * The next wave of any resonance that has no handler and is not being iterated; `undefined` after `timeoutMs`.
   * Rejects with the reason of `signal`, or with `AETHER_CLOSED`.
   */
  async receive(options: ReceiveOptions = {}): Promise<Wave | undefined> {
    return await this.listening.receive(options);
  }

  /**
   * Emits a wave. Resolves to its receipt; rejects with an `AetherError` when it is refused. A command resolves when
   * the first receiver has taken it, and rejects with `AETHER_NO_RESONATOR`, `AETHER_SHED`, `AETHER_DRAINING` or
   * `AETHER_TIMEOUT`.
   */
  emit<In>(channel: Channel<In>, payload: NoInfer<In>, options?: EmitOptions): Promise<Receipt>;
  emit(channel: string, payload?: unknown, options?: EmitOptions): Promise<Receipt>;
  emit(channel: string | Channel, payload?: unknown, options?: EmitOptions): Promise<Receipt> {
    return this.emission.emit(channel, payload, options, this.#parts.causality?.current);
  }

  /**
   * Asks, and resolves to the first response. Rejects as a command does, and with `AETHER_NO_ANSWER` when everybody
   * kept silent, or `AETHER_HANDLER_FAILED`.
   */
  query<In, ReplyOut>(
    channel: Channel<In, unknown, unknown, ReplyOut>,
    payload: NoInfer<In>,
    options?: QueryOptions,
  ): Promise<Wave<ReplyOut>>;
  query(channel: string, payload?: unknown, options?: QueryOptions): Promise<Wave>;
  query(channel: string | Channel, payload?: unknown, options?: QueryOptions): Promise<Wave> {
    return this.emission.query(channel, payload, options, this.#parts.causality?.current);
  }

  /** Asks everybody, and yields each response until all have answered or the time has passed. */
  gather<In, ReplyOut>(
    channel: Channel<In, unknown, unknown, ReplyOut>,
    payload: NoInfer<In>,
    options?: GatherOptions,
  ): AsyncIterableIterator<Wave<ReplyOut>>;
  gather(channel: string, payload?: unknown, options?: GatherOptions): AsyncIterableIterator<Wave>;
  gather(channel: string | Channel, payload?: unknown, options?: GatherOptions): AsyncIterableIterator<Wave> {
    const within = this.#parts.causality?.current;
    return gatherAnswers(channel instanceof Channel ? channel.reply : undefined, (outcome) =>
      this.emission.gather(channel, payload, options, within, outcome),
    );
  }

  /**
   * Sends an event or broadcast that was heard on, as a repeater: the same id, trace, cause, key, kind and payload, one
   * hop further, from this vibrator, and amplified by at most what its crossing has cost. The guards that bound loops
   * are no errors: see {@link RepeatReceipt}. Rejects with `AETHER_BAD_OPTION` for a larger `gain`, and as `emit` does.
   */
  repeat(wave: Wave, options?: RepeatOptions): Promise<RepeatReceipt> {
    return this.emission.repeat(wave, options);
  }

  /**
   * Makes all its resonances, those to come included, listen to nothing below `amplitude`, 0..1, as long as that is
   * above their own noise floors; 0 takes it back. For pressure that no inbox shows, such as memory that runs out.
   * Recorded waves are never kept away. Throws `AETHER_BAD_OPTION`.
   */
  raiseFloor(amplitude: number): void {
    this.listening.raiseFloor(loudnessOf(amplitude));
  }

  /**
   * Gives another noise floor to all its resonances that have none of their own, those to come included, from now on:
   * as the option `noiseFloor` of a vibrator. Throws `AETHER_BAD_OPTION`.
   */
  setNoiseFloor(noiseFloor: NoiseFloorOption): void {
    this.listening.setNoiseFloor(noiseFloor);
  }

  /**
   * Folds all waves of recorded channels into a state, in the order of the record: from the last snapshot, or from the
   * first wave, and on with what comes. Every instance has the same state. Resolves when the view has begun; `view.ready`
   * tells when it has caught up. Rejects with `AETHER_UNSUPPORTED` for channels of which nothing is kept,
   * `AETHER_BAD_POSITION` where no snapshot fits and the record no longer has its first wave, `AETHER_AMBIGUOUS`,
   * `AETHER_BAD_PAYLOAD` for an `initial` that is no plain value, `AETHER_BAD_CHANNEL`, `AETHER_BAD_OPTION`,
   * `AETHER_CLOSED`. docs/recorded.md
   */
  materialize<State, const C extends string | Channel>(
    name: string,
    options: ViewOptions<State, C>,
  ): Promise<View<State>> {
    return this.#views.open(name, options);
  }

  /** Calls `listener` with each wave of this vibrator that comes back; returns the undo. */
  onReflection(listener: (reflection: Reflection) => void): () => void {
    if (typeof listener !== "function") {
      throw expected("listener", "a function", listener);
    }
    const own = (reflection: Reflection): void => listener(reflection);
    this.#onReflection.add(own);
    return () => this.#onReflection.delete(own);
  }

  /** A wave of this vibrator came back. */
  reflected(reflection: Reflection): void {
    const { observers } = this.#parts;
    if (observers.reflected.listens) {
      const { of: id, on: channel, code, by, message } = reflection;
      observers.reflected.tell({ id, channel, wave: reflection, code, by, message });
    }
    for (const listener of this.#onReflection) {
      guarded(listener, reflection);
    }
  }

  /**
   * Stops hearing, finishes what it heard, and waits for the record to have what was emitted, until the deadline; then
   * stops emitting.
   */
  async close(options?: CloseOptions): Promise<void> {
    const deadlineMs = drainMsOf(options);
    this.#closing ??= this.#close(deadlineMs);
    await this.#closing;
  }

  async #close(deadlineMs: number): Promise<void> {
    const { clock } = this.#parts;
    const endsAt = clock.monotonic() + deadlineMs;
    await this.listening.close(deadlineMs);
    await this.#views.close();
    await this.emission.drain(endsAt - clock.monotonic());
    this.emission.close();
    this.#onClosed(this);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
