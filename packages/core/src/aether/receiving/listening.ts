/** Listening: the receiving half of a vibrator, which makes its resonances and sends back what they cannot take. */

import type { Timekeeper } from "../../clock.ts";
import { AetherError, expected, messageOf } from "../../errors.ts";
import type { Link, Presence, Traits, Tuning } from "../../medium/medium.ts";
import type { From, Recorder } from "../../medium/recorder.ts";
import type { Physics } from "../../physics/physics.ts";
import { asItIs, Channel, parse, readerOf } from "../../wave/channel.ts";
import { assertPattern, isReserved } from "../../wave/channel-name.ts";
import type { Teller } from "../../wave/exchange.ts";
import type { Wave } from "../../wave/wave.ts";
import type { Contracts } from "../contracts.ts";
import { type AdmissionLimits, measure, prepare } from "../emitting/admission.ts";
import { cannotRecord } from "../emitting/uses.ts";
import type { DeadLetterBox } from "../failures/dead-letter-box.ts";
import type { Returns } from "../failures/returns.ts";
import { Interceptors } from "../interceptors.ts";
import { assertKnown, millisecondsOf, signalOf } from "../options.ts";
import { Retired } from "../retired.ts";
import { Tally } from "../stats.ts";
import type { Consumer } from "./consumer.ts";
import { Delivery, type DeliverySettings } from "./delivery.ts";
import { type Handler, Handlers, type HandlersShared } from "./handlers.ts";
import { type NoiseFloorOption, noiseFloorOf } from "./noise-floor.ts";
import type { Places } from "./places.ts";
import { Reception } from "./reception.ts";
import { RecordedDelivery } from "./recorded-delivery.ts";
import { OpenResonance } from "./resonance.ts";
import {
  assertLabel,
  fromOf,
  type ResonanceOptions,
  type ResonanceSettings,
  resonanceSettings,
} from "./resonance-options.ts";
import { Takers } from "./takers.ts";

/** What all listening of one aether shares. */
export interface ListeningParts extends Omit<HandlersShared, "emitting" | "replies"> {
  readonly link: Link;
  readonly traits: Traits;
  readonly physics: Physics;
  readonly clock: Timekeeper;
  readonly limits: AdmissionLimits;
  readonly places: Places;
  readonly returns: Returns;
  readonly deadLetters: DeadLetterBox;
  readonly contracts: Contracts;
}

/** Options of `receive`. */
export interface ReceiveOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds after which it resolves to `undefined`; default: never. */
  readonly timeoutMs?: number | undefined;
}

/** What is asked of {@link Listening.resonate}. */
export interface ResonanceRequest {
  readonly channel: string | Channel;
  readonly handler: Handler | undefined;
  readonly options: ResonanceOptions | undefined;
  /** Whether it sees copies and takes no part. */
  readonly observes: boolean;
}

/** Handler and options as they are given in one or two arguments. Throws `AETHER_BAD_OPTION`. */
export function requestOf<O extends object>(
  second: Handler | O | undefined,
  third: O | undefined,
): { readonly handler: Handler | undefined; readonly options: O | undefined } {
  if (typeof second === "function") {
    return { handler: second, options: third };
  }
  const isOptions = typeof second === "object" && second !== null && third === undefined;
  if (second !== undefined && !isOptions) {
    throw expected("handler", "a function", second);
  }
  return { handler: undefined, options: second ?? third };
}

/** The receiving half of one vibrator. */
export class Listening {
  readonly #parts: ListeningParts;
  readonly #teller: Teller;
  #settings: ResonanceSettings;
  /** What deliveries share whose resonances have no options of their own. */
  #shared: DeliverySettings;
  readonly #handlersShared: HandlersShared;
  /** By group and name: the identity that must be its own. `undefined` while the medium has not confirmed it. */
  readonly #resonances = new Map<string | false, Map<string, OpenResonance | undefined>>();
  readonly #reception = new Reception();
  /** What is pulled from a record: only iterators can, for they tell when a wave is done with. */
  readonly #recordedTakers = new Set<Takers>();
  readonly #retired = new Retired();
  /** Those that have said nothing about their noise floor. */
  readonly #followers = new Set<OpenResonance>();
  /** Amplitude that all its floors are raised to. */
  #raised = 0;
  #closed = false;

  constructor(
    teller: Teller,
    settings: ResonanceSettings,
    parts: ListeningParts,
    handlers: HandlersShared["emitting"],
  ) {
    this.#parts = parts;
    this.#teller = teller;
    this.#settings = settings;
    this.#shared = this.#deliverySettings(settings, false);
    this.#handlersShared = { ...parts, emitting: handlers, replies: this };
  }

  /** Makes a resonance; resolves when the medium has confirmed it. Rejects as `Vibrator.resonateOn` does. */
  async resonate({ channel, handler, options, observes }: ResonanceRequest): Promise<OpenResonance> {
    this.#assertOpen();
    const contract = channel instanceof Channel ? channel : undefined;
    const pattern: unknown = contract === undefined ? channel : contract.name;
    assertPattern(pattern, this.#parts.limits.maxChannelLength);
    const base = this.#settings;
    const settings = resonanceSettings(base, options);
    const from = fromOf(options?.from);
    const signal = options?.signal;
    signal?.throwIfAborted();
    // Reserved channels are never recorded, whatever the patterns cover that are.
    const recorder = observes || isReserved(pattern) ? undefined : this.#parts.link.recorder;
    if (contract?.recorded) {
      await declare(recorder, pattern);
      this.#assertOpen();
    }
    const record = recorder?.records(pattern) === true ? recorder : undefined;
    assertFits(pattern, settings, options, record !== undefined);
    const presence = this.#claim(pattern, settings, options?.name);
    const shared = settings === this.#settings && !observes ? this.#shared : this.#deliverySettings(settings, observes);
    const delivery =
      record === undefined
        ? new Delivery(presence, shared)
        : new RecordedDelivery(presence, shared, settings.handlers.concurrency);
    const consumer = this.#consumer(delivery, contract, handler, settings);
    delivery.attach(consumer);
    const resonance = new OpenResonance(delivery, consumer, this.#onClosed);
    try {
      const { link } = this.#parts;
      const tuning =
        record !== undefined && delivery instanceof RecordedDelivery
          ? await follow(record, from, delivery, link)
          : await link.resonate(delivery);
      resonance.tuned(tuning);
    } catch (error) {
      this.#disclaim(presence);
      throw error;
    }
    this.#resonances.get(presence.group)?.set(presence.name, resonance);
    if (!observes && options?.noiseFloor === undefined) {
      this.#followers.add(resonance);
      if (this.#settings !== base) {
        this.#follow(resonance);
      }
    }
    if (!observes && this.#raised > 0) {
      resonance.raiseVibrator(this.#raised); // It may have moved while the medium was asked.
    }
    if (contract !== undefined) {
      this.#parts.contracts.hears(contract);
    }
    if (consumer instanceof Takers && delivery.isRecorded) {
      this.#recordedTakers.add(consumer);
    } else if (consumer instanceof Takers && !observes) {
      this.#reception.add(consumer);
    }
    if (this.#closed) {
      await resonance.close({ deadlineMs: 0 });
      this.#assertOpen();
    }
    if (signal?.aborted) {
      await resonance.close({ deadlineMs: 0 });
      throw signal.reason;
    }
    if (signal !== undefined) {
      resonance.closeOn(signal);
    }
    return resonance;
  }

  /** Takes the identity of a new resonance. Throws `AETHER_AMBIGUOUS` when it is taken. */
  #claim(pattern: string, settings: ResonanceSettings, name: string = pattern): Presence {
    assertLabel("name", name);
    const { by: vibrator, byId: instance } = this.#teller;
    const group = settings.group ?? vibrator;
    const names = this.#resonances.get(group) ?? new Map<string, OpenResonance | undefined>();
    this.#resonances.set(group, names);
    if (names.has(name)) {
      throw new AetherError(
        "AETHER_AMBIGUOUS",
        `Expected a name of its own for the second resonance "${name}" of "${vibrator}", got none: give it a \`name\``,
        { details: { group, name } },
      );
    }
    this.#parts.places.take();
    names.set(name, undefined);
    return { vibrator, instance, pattern, group, name };
  }

  #disclaim({ group, name }: Presence): void {
    this.#parts.places.leave();
    const names = this.#resonances.get(group);
    names?.delete(name);
    if (names?.size === 0) {
      this.#resonances.delete(group);
    }
  }

  #consumer(
    delivery: Delivery,
    contract: Channel | undefined,
    handler: Handler | undefined,
    settings: ResonanceSettings,
  ): Consumer {
    const read = contract === undefined ? asItIs : readerOf(contract);
    if (handler !== undefined) {
      const shared = delivery.observes
        ? { ...this.#handlersShared, interceptors: new Interceptors() }
        : this.#handlersShared;
      return new Handlers(delivery, handler, read, contract, settings.handlers, shared);
    }
    const { deadlines, clock, observers } = this.#parts;
    const { available } = this.#reception;
    return new Takers({ delivery, read, replies: this, available, deadlines, clock, observers });
  }

  #deliverySettings(settings: ResonanceSettings, observes: boolean): DeliverySettings {
    const { physics, clock, observers, limits, traits, returns, deadLetters, deadlines } = this.#parts;
    return {
      teller: this.#teller,
      observes,
      gate: {
        floor: observes ? 0 : settings.floor,
        echo: settings.echo,
        allowed: limits.allowedSources,
        dedupe: traits.duplicates,
      },
      adaptive:
        settings.adaptive === undefined || observes || !physics.floors
          ? undefined
          : { options: settings.adaptive, deadlines },
      inbox: settings.inbox,
      physics,
      clock,
      observers,
      returns,
      deadLetters,
    };
  }

  readonly #onClosed = (resonance: OpenResonance, delivery: Delivery, consumer: Consumer): void => {
    this.#disclaim(delivery.presence);
    this.#followers.delete(resonance);
    if (consumer instanceof Takers) {
      this.#reception.delete(consumer);
      this.#recordedTakers.delete(consumer);
    }
    if (!delivery.observes) {
      this.#retired.add(resonance);
    }
  };

  /** What a handler returned, as it goes back: checked by the contract's `reply`, and as payloads are handed over. */
  answer(contract: Channel | undefined, value: unknown): unknown {
    const { limits } = this.#parts;
    const give = (): unknown => {
      if (limits.payloads !== "reference") {
        return prepare(value, limits).payload;
      }
      measure(value, limits);
      return value;
    };
    if (contract?.reply === undefined) {
      return give();
    }
    const checking = parse(contract.reply, value, `the answer on "${contract.name}"`);
    return checking instanceof Promise ? checking.then(give) : give();
  }

  /** Sends a wave back whose payload breaks the schema: whatever its kind, for only its emitter can mend it. */
  reject(wave: Wave, error: unknown): void {
    const { by, byId } = this.#teller;
    const message = messageOf(error);
    const cause = { code: "rejected", error: "AETHER_BAD_PAYLOAD", message, retryable: false, by, byId } as const;
    if (wave.exchange !== undefined) {
      wave.exchange.reflected(cause);
    } else {
      this.#parts.returns.send(wave, cause);
    }
  }

  /** As `Vibrator.receive`. */
  receive(options: ReceiveOptions): Promise<Wave | undefined> {
    this.#assertOpen();
    assertKnown(options, { signal: true, timeoutMs: true }, "receive");
    const { timeoutMs } = options;
    const signal = signalOf(options.signal);
    if ([...this.#recordedTakers].some(({ isIterated }) => !isIterated)) {
      throw new AetherError(
        "AETHER_UNSUPPORTED",
        `Expected no recorded resonance without a handler for \`receive\`, got one of "${this.#teller.by}": iterate it, for only that tells when a wave is done with`,
      );
    }
    if (timeoutMs !== undefined && timeoutMs !== 0) {
      millisecondsOf("timeoutMs", timeoutMs);
    }
    return this.#reception.receive(this.#parts.deadlines, timeoutMs, signal);
  }

  /** The sum of all counters, those of closed resonances included, observers left out. */
  get tally(): Tally {
    const sum = new Tally();
    sum.add(this.#retired.tally);
    for (const resonance of this.resonances()) {
      sum.add(resonance.tally);
    }
    return sum;
  }

  /** As `Vibrator.setNoiseFloor`. */
  setNoiseFloor(option: NoiseFloorOption): void {
    this.#settings = { ...this.#settings, ...noiseFloorOf(option) };
    this.#shared = this.#deliverySettings(this.#settings, false);
    for (const resonance of this.#followers) {
      this.#follow(resonance);
    }
  }

  #follow(resonance: OpenResonance): void {
    const { gate, adaptive } = this.#shared;
    resonance.setFloor(gate.floor, adaptive);
  }

  /** As `Vibrator.raiseFloor`. */
  raiseFloor(amplitude: number): void {
    this.#raised = amplitude;
    for (const resonance of this.resonances()) {
      resonance.raiseVibrator(amplitude);
    }
  }

  /** The resonances that are open, those of observers left out. */
  *resonances(): Iterable<OpenResonance> {
    for (const resonance of this.#all()) {
      if (!resonance.listener.observes) {
        yield resonance;
      }
    }
  }

  *#all(): Iterable<OpenResonance> {
    for (const names of this.#resonances.values()) {
      for (const resonance of names.values()) {
        if (resonance !== undefined) {
          yield resonance;
        }
      }
    }
  }

  /** Drains every resonance; nothing is heard after it. */
  async close(deadlineMs: number): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#all()].map((resonance) => resonance.close({ deadlineMs })));
    this.#reception.close();
  }

  #assertOpen(): void {
    if (this.#closed) {
      throw new AetherError("AETHER_CLOSED", `Expected an open vibrator, got "${this.#teller.by}" after it was closed`);
    }
  }
}

/** Has `pattern` recorded. Rejects with `AETHER_UNSUPPORTED` where nothing can. */
async function declare(recorder: Recorder | undefined, pattern: string): Promise<void> {
  if (recorder === undefined) {
    throw cannotRecord(pattern);
  }
  await recorder.declare([pattern]);
}

/** Throws `AETHER_UNSUPPORTED` for what a recorded resonance, or one that is not, cannot be. */
function assertFits(
  pattern: string,
  { group }: ResonanceSettings,
  options: ResonanceOptions | undefined,
  recorded: boolean,
): void {
  const details = { channel: pattern };
  if (!recorded && options?.from !== undefined) {
    const message = `Expected a recorded channel for \`from\`, got "${pattern}", of which nothing is kept`;
    throw new AetherError("AETHER_UNSUPPORTED", message, { details: { ...details, option: "from" } });
  }
  if (recorded && group === false) {
    const message = `Expected a group for the recorded "${pattern}", got \`group: false\`: its place is kept by the name of its group`;
    throw new AetherError("AETHER_UNSUPPORTED", message, { details: { ...details, option: "group" } });
  }
}

/** Gives `delivery` its place in the record, and lets it hear queries. */
async function follow(recorder: Recorder, from: From, delivery: RecordedDelivery, link: Link): Promise<Tuning> {
  const following = await recorder.follow(delivery.follower, from);
  delivery.followed(following);
  try {
    const tuning = await link.resonate(delivery);
    return {
      pressure: () => tuning.pressure(),
      close: async () => {
        await Promise.all([following.close(), tuning.close()]);
      },
    };
  } catch (error) {
    await following.close();
    delivery.end();
    delivery.clear("all");
    delivery.giveBackAll(undefined);
    throw error;
  }
}
