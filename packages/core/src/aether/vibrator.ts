/** A vibrator: one instance of a service, which resonates on channels and emits waves. */

import type { Timekeeper } from "../clock.ts";
import { AetherError, expected } from "../errors.ts";
import type { Link, Presence, Traits } from "../medium/medium.ts";
import type { Physics } from "../physics/physics.ts";
import { asItIs, Channel, parse, type Reader, readerOf } from "../wave/channel.ts";
import { assertPattern } from "../wave/channel-name.ts";
import type { Teller } from "../wave/exchange.ts";
import type { Random } from "../wave/ids.ts";
import { reflect, type Reflection } from "../wave/reflection.ts";
import type { Wave } from "../wave/wave.ts";
import { prepare } from "./admission.ts";
import type { Causality } from "./causality.ts";
import type { Consumer } from "./consumer.ts";
import { Delivery } from "./delivery.ts";
import { Emission, type EmissionParts } from "./emission.ts";
import { gatherAnswers } from "./gather.ts";
import { type Handler, Handlers, type HandlersShared } from "./handlers.ts";
import type { Handling } from "./handling.ts";
import { guarded } from "./observers.ts";
import { type EmitOptions, millisecondsOf, type QueryOptions } from "./options.ts";
import type { Pump } from "./pump.ts";
import type { Receipt } from "./receipt.ts";
import { Reception } from "./reception.ts";
import type { ReflectionLimit } from "./reflection-limit.ts";
import { type CloseOptions, drainMsOf, OpenResonance, type Resonance } from "./resonance.ts";
import { assertLabel, type ResonanceOptions, type ResonanceSettings, resonanceSettings } from "./resonance-options.ts";
import { Tally } from "./stats.ts";
import { Takers } from "./takers.ts";

/** Everything the vibrators of one aether work with. */
export interface VibratorParts extends EmissionParts {
  readonly link: Link;
  readonly traits: Traits;
  readonly physics: Physics;
  readonly clock: Timekeeper;
  readonly causality: Causality<Handling> | undefined;
  readonly pump: Pump;
  readonly random: Random;
  readonly reflectionLimit: ReflectionLimit;
}

/** Options of `receive`. */
export interface ReceiveOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds after which it resolves to `undefined`; default: never. */
  readonly timeoutMs?: number | undefined;
}

/** One service instance. Made by `aether.vibrator`. */
export class Vibrator implements AsyncDisposable {
  readonly name: string;
  /** Id of this instance. */
  readonly id: string;
  readonly #parts: VibratorParts;
  readonly #settings: ResonanceSettings;
  readonly #teller: Teller;
  readonly #emission: Emission;
  readonly #handlersShared: HandlersShared;
  readonly #resonances = new Set<OpenResonance>();
  /** What is taken: (group, name) of each resonance. */
  readonly #identities = new Set<string>();
  readonly #reception = new Reception();
  readonly #onReflection = new Set<(reflection: Reflection) => void>();
  readonly #retired = new Tally();
  readonly #onClosed: (vibrator: Vibrator) => void;
  #closing: Promise<void> | undefined;

  constructor(
    name: string,
    id: string,
    settings: ResonanceSettings,
    parts: VibratorParts,
    onClosed: (vibrator: Vibrator) => void,
  ) {
    this.name = name;
    this.id = id;
    this.#settings = settings;
    this.#parts = parts;
    this.#onClosed = onClosed;
    this.#teller = { by: name, byId: id };
    const emission = new Emission(parts, { source: name, sourceId: id }, (reflection) => this.reflected(reflection));
    this.#emission = emission;
    this.#handlersShared = { ...parts, emitting: emission };
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
    handlerOrOptions?: Handler | ResonanceOptions,
    given?: ResonanceOptions,
  ): Promise<Resonance> {
    const handler = typeof handlerOrOptions === "function" ? handlerOrOptions : undefined;
    const options = typeof handlerOrOptions === "object" ? handlerOrOptions : given;
    if (handlerOrOptions !== undefined && handler === undefined && options === undefined) {
      throw expected("handler", "a function", handlerOrOptions);
    }
    const contract = channel instanceof Channel ? channel : undefined;
    const read = contract === undefined ? asItIs : readerOf(contract);
    return await this.#resonate(contract?.name ?? channel, read, contract, handler, options, false);
  }

  /** Listens without taking part: sees a copy of every wave. */
  observe(pattern: string, handler: Handler | undefined, options: ResonanceOptions | undefined): Promise<Resonance> {
    return this.#resonate(pattern, asItIs, undefined, handler, options, true);
  }

  async #resonate(
    pattern: unknown,
    read: Reader<unknown>,
    contract: Channel | undefined,
    handler: Handler | undefined,
    options: ResonanceOptions | undefined,
    observes: boolean,
  ): Promise<Resonance> {
    this.#assertOpen();
    assertPattern(pattern, this.#parts.limits.maxChannelLength);
    const settings = resonanceSettings(this.#settings, options);
    if (contract?.recorded) {
      throw new AetherError(
        "AETHER_UNSUPPORTED",
        `Expected a medium that can record for "${pattern}", got ${JSON.stringify(this.#parts.traits)}`,
        { details: { channel: pattern } },
      );
    }
    const signal = options?.signal;
    signal?.throwIfAborted();
    const presence = this.#presence(pattern, settings, options?.name);
    const identity = `${presence.group}\n${presence.name}`;
    if (this.#identities.has(identity)) {
      throw new AetherError(
        "AETHER_AMBIGUOUS",
        `Expected a name of its own for the second resonance "${presence.name}" of "${this.name}", got none: give it a \`name\``,
        { details: { group: presence.group, name: presence.name } },
      );
    }
    this.#identities.add(identity);
    const delivery = this.#delivery(presence, settings, observes);
    const reject = (wave: Wave, error: unknown): void => this.#sendBack(wave, error, delivery);
    let forget: (() => void) | undefined;
    let consumer: Consumer | Takers;
    if (handler === undefined) {
      const takers = new Takers({
        delivery,
        read,
        reject,
        available: this.#reception.available,
        deadlines: this.#parts.deadlines,
        clock: this.#parts.clock,
        observers: this.#parts.observers,
      });
      forget = observes ? undefined : this.#reception.add(takers);
      consumer = takers;
    } else {
      const answer = (value: unknown): unknown => this.#answer(contract, value);
      const { handlers } = settings;
      consumer = new Handlers(this.#handlersShared, { delivery, read, reject, handler, answer, settings: handlers });
    }
    delivery.attach(consumer);
    const resonance = new OpenResonance({
      delivery,
      consumer,
      onClosed: (closed) => {
        this.#identities.delete(identity);
        forget?.();
        this.#resonances.delete(closed);
        if (!delivery.observes) {
          this.#retired.add(closed.tally);
        }
      },
    });
    try {
      resonance.tuned(await this.#parts.link.resonate(resonance.listener));
    } catch (error) {
      this.#identities.delete(identity);
      forget?.();
      throw error;
    }
    this.#resonances.add(resonance);
    if (this.#closing !== undefined) {
      await resonance.close({ deadlineMs: 0 });
      this.#assertOpen();
    }
    signal?.addEventListener("abort", () => void resonance.close(), { once: true });
    return resonance;
  }

  #presence(pattern: string, settings: ResonanceSettings, name: string = pattern): Presence {
    assertLabel("name", name);
    return { vibrator: this.name, instance: this.id, pattern, group: settings.group ?? this.name, name };
  }

  #delivery(presence: Presence, settings: ResonanceSettings, observes: boolean): Delivery {
    const { physics, clock, observers, limits, traits } = this.#parts;
    return new Delivery({
      presence,
      teller: this.#teller,
      observes,
      gate: {
        floor: observes ? 0 : settings.floor,
        echo: settings.echo,
        allowed: limits.allowedSources,
        dedupe: traits.duplicates,
      },
      inbox: settings.inbox,
      physics,
      clock,
      observers,
    });
  }

  /** What a handler returned, as it goes back: checked by the contract's `reply`, and as payloads are handed over. */
  #answer(contract: Channel | undefined, value: unknown): unknown {
    const { limits } = this.#parts;
    const give = (): unknown => (limits.payloads === "reference" ? value : prepare(value, limits).payload);
    if (contract?.reply === undefined) {
      return give();
    }
    const checking = parse(contract.reply, value, `the answer on "${contract.name}"`);
    return checking instanceof Promise ? checking.then(give) : give();
  }

  /** Sends a wave back whose payload breaks the schema: whatever its kind, for only its emitter can mend it. */
  #sendBack(wave: Wave, error: unknown, delivery: Delivery): void {
    const message = error instanceof Error ? error.message : String(error);
    const cause = { code: "rejected", message, retryable: false, ...delivery.teller } as const;
    if (wave.exchange !== undefined) {
      wave.exchange.reflected(cause);
      return;
    }
    const now = this.#parts.clock.monotonic();
    const reflection = this.#parts.reflectionLimit.allows(wave.sourceId, now) ? reflect(wave, cause, now) : undefined;
    if (reflection !== undefined) {
      this.#parts.link.reflect(reflection);
    }
  }

  /**
   * The next wave of any resonance that has no handler and is not being iterated; `undefined` after `timeoutMs`.
   * Rejects with the reason of `signal`, or with `AETHER_CLOSED`.
   */
  receive(options: ReceiveOptions = {}): Promise<Wave | undefined> {
    try {
      this.#assertOpen();
      const { signal, timeoutMs } = options;
      if (timeoutMs !== undefined && timeoutMs !== 0) {
        millisecondsOf("timeoutMs", timeoutMs);
      }
      return this.#reception.receive(this.#parts.deadlines, timeoutMs, signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Emits a wave. Resolves to its receipt; rejects with an `AetherError` when it is refused. A command resolves when
   * the first receiver has taken it, and rejects with `AETHER_NO_RESONATOR`, `AETHER_SHED`, `AETHER_DRAINING` or
   * `AETHER_TIMEOUT`.
   */
  emit<In>(channel: Channel<In>, payload: NoInfer<In>, options?: EmitOptions): Promise<Receipt>;
  emit(channel: string, payload?: unknown, options?: EmitOptions): Promise<Receipt>;
  emit(channel: string | Channel, payload?: unknown, options?: EmitOptions): Promise<Receipt> {
    return this.#emission.emit(channel, payload, options, this.#parts.causality?.current);
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
    return this.#emission.query(channel, payload, options, this.#parts.causality?.current);
  }

  /** Asks everybody, and yields each response until all have answered or the time has passed. */
  gather<In, ReplyOut>(
    channel: Channel<In, unknown, unknown, ReplyOut>,
    payload: NoInfer<In>,
    options?: QueryOptions,
  ): AsyncIterableIterator<Wave<ReplyOut>>;
  gather(channel: string, payload?: unknown, options?: QueryOptions): AsyncIterableIterator<Wave>;
  gather(channel: string | Channel, payload?: unknown, options?: QueryOptions): AsyncIterableIterator<Wave> {
    const within = this.#parts.causality?.current;
    return gatherAnswers(channel instanceof Channel ? channel.reply : undefined, (outcome) =>
      this.#emission.gather(channel, payload, options, within, outcome),
    );
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

  /** Its resonances that take part. */
  get resonances(): Iterable<OpenResonance> {
    return this.#resonances;
  }

  /** What it has emitted. */
  get emission(): Emission {
    return this.#emission;
  }

  /** The sum of its resonances' counters, the closed ones included, observers left out. */
  get tally(): Tally {
    const sum = new Tally();
    sum.add(this.#retired);
    for (const resonance of this.#resonances) {
      if (!resonance.listener.observes) {
        sum.add(resonance.tally);
      }
    }
    return sum;
  }

  /** Stops hearing, finishes what it heard until the deadline, then stops emitting. */
  close(options?: CloseOptions): Promise<void> {
    this.#closing ??= this.#close(drainMsOf(options));
    return this.#closing;
  }

  async #close(deadlineMs: number): Promise<void> {
    await Promise.all([...this.#resonances].map((resonance) => resonance.close({ deadlineMs })));
    this.#emission.close();
    this.#reception.close();
    this.#onClosed(this);
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) {
      throw new AetherError("AETHER_CLOSED", `Expected an open vibrator, got "${this.name}" after it was closed`);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
