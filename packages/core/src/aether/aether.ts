/** The aether: one service process's connection to the medium. It makes vibrators and sees what becomes of waves. */

import { AetherError, expected } from "../errors.ts";
import type { Presence } from "../medium/medium.ts";
import { assertChannelName } from "../wave/channel-name.ts";
import { randomToken } from "../wave/ids.ts";
import type { Wave } from "../wave/wave.ts";
import { type AetherOptions, type Connected, connect } from "./connect.ts";
import { type ReplayOptions, type ReplayProgress, type ReplaySource, replay } from "./emitting/replay.ts";
import type { DeadLetters } from "./failures/dead-letters.ts";
import { type Emitted, type Graph, graphOf } from "./graph.ts";
import type { Draft, Interceptor } from "./interceptors.ts";
import type { AetherEvents, EventName } from "./observers.ts";
import { assertKnown, millisecondsOf, signalOf } from "./options.ts";
import type { Handler } from "./receiving/handlers.ts";
import { requestOf } from "./receiving/listening.ts";
import { type CloseOptions, drainMsOf, type Resonance } from "./receiving/resonance.ts";
import { assertName, type ResonanceOptions, type VibratorOptions } from "./receiving/resonance-options.ts";
import { Retired } from "./retired.ts";
import { type AetherStats, Tally } from "./stats.ts";
import { Vibrator } from "./vibrator.ts";

/** Options of `whenHeard`. */
export interface WhenHeardOptions {
  /** Milliseconds after which it rejects with `AETHER_TIMEOUT`; default: never. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A resonance, and whose it is. */
export interface OwnResonance {
  /** Name of the vibrator. */
  readonly vibrator: string;
  /** Id of its instance. */
  readonly instance: string;
  readonly resonance: Resonance;
}

/** Options of `observe`. */
export type ObserveOptions = Pick<ResonanceOptions, "concurrency" | "inbox" | "order" | "signal">;

const INSTANCE_LENGTH = 12;
const KINDS: ReadonlySet<string> = new Set<Draft["kind"]>(["event", "broadcast", "command", "query"]);

/** A connection to the medium. */
export class Aether implements AsyncDisposable {
  readonly #connected: Connected;
  readonly #vibrators = new Map<string, Vibrator>();
  readonly #retired = new Retired();
  readonly #retiredEmissions = { emitted: 0, faded: 0, exhausted: 0, refused: 0 };
  #observer: Vibrator | undefined;
  #observations = 0;
  #closing: Promise<void> | undefined;

  // biome-ignore lint/style/useConsistentMemberAccessibility: a constructor cannot be named #private
  private constructor(connected: Connected) {
    this.#connected = connected;
  }

  /**
   * Joins the medium; without options an in-process one of its own, which needs no server. Rejects with
   * `AETHER_BAD_OPTION` or `AETHER_UNSUPPORTED`.
   */
  static async connect(options: AetherOptions = {}): Promise<Aether> {
    const connected = await connect(options, (instance) => aether.#vibrators.get(instance));
    const aether = new Aether(connected);
    return aether;
  }

  /** Makes an instance of the service `name`. Throws `AETHER_BAD_OPTION` or `AETHER_CLOSED`. */
  vibrator(name: string, options?: VibratorOptions): Vibrator {
    this.#assertOpen();
    assertName("name", name);
    const vibrator = this.#newVibrator(name, options);
    this.#vibrators.set(vibrator.id, vibrator);
    return vibrator;
  }

  #newVibrator(name: string, options: VibratorOptions | undefined): Vibrator {
    const { parts } = this.#connected;
    const id = `${name}-${randomToken(parts.random, INSTANCE_LENGTH)}`;
    return new Vibrator(name, id, options, parts, (closed) => this.#retire(closed));
  }

  #retire(vibrator: Vibrator): void {
    if (this.#vibrators.delete(vibrator.id)) {
      this.#retired.add(vibrator.listening);
      const { emitted, faded, exhausted, refused } = vibrator.emission;
      this.#retiredEmissions.emitted += emitted;
      this.#retiredEmissions.faded += faded;
      this.#retiredEmissions.exhausted += exhausted;
      this.#retiredEmissions.refused += refused;
    }
  }

  /**
   * Sees a copy of every wave on `pattern`: events, broadcasts, commands and queries, not what goes back to one
   * instance (responses, reflections). It joins no group, is no receiver of anything, and can slow nobody: when it
   * does not keep up, its own inbox sheds. In process it costs a push a wave.
   */
  observe(pattern: string, handler?: Handler, options?: ObserveOptions): Promise<Resonance>;
  observe(pattern: string, options: ObserveOptions): Promise<Resonance>;
  async observe(pattern: string, second?: Handler | ObserveOptions, third?: ObserveOptions): Promise<Resonance> {
    this.#assertOpen();
    const { handler, options = {} } = requestOf(second, third);
    assertKnown(options, { concurrency: true, inbox: true, order: true, signal: true }, "observe");
    this.#observer ??= this.#newVibrator("observer", undefined);
    const name = `observer-${++this.#observations}`;
    const named = { ...options, name };
    return await this.#observer.listening.resonate({ channel: pattern, handler, options: named, observes: true });
  }

  /** Puts `interceptor` around every emit and handling, inside those that are there; returns the undo. */
  use(interceptor: Interceptor): () => void {
    const { emit, handle, around }: Partial<Interceptor> = interceptor ?? {};
    const parts = [emit, handle, around].filter((part) => part !== undefined);
    const isOne = parts.length > 0 && parts.every((part) => typeof part === "function");
    if (!isOne || (handle !== undefined && around !== undefined)) {
      throw expected("interceptor", "an object with a function `emit`, and one of `handle` and `around`", interceptor);
    }
    const { kinds } = interceptor;
    if (kinds !== undefined && !(Array.isArray(kinds) && kinds.every((kind) => KINDS.has(kind)))) {
      throw expected("interceptor.kinds", `an array of ${[...KINDS].join(", ")}`, kinds);
    }
    return this.#connected.parts.interceptors.use(interceptor);
  }

  /** Calls `listener` at every `event`; returns the undo. */
  on<E extends EventName>(event: E, listener: (event: AetherEvents[E]) => void): () => void {
    return this.#connected.parts.observers.on(event, listener);
  }

  /** Waves whose handling failed for good: to look at, to emit again, to remove. docs/physics.md §7 */
  get deadLetters(): DeadLetters {
    return this.#connected.parts.deadLetters;
  }

  /**
   * Emits the waves of a record once more: those of a recorder, or of a journal, also one of other days that is only read.
   * Each leaves under a new id, caused by the wave that it repeats, and bears the headers `aether-replay` (the id of this
   * replay) and `aether-replay-position`; a command leaves as an event. Rejects as `Vibrator.emit` does, and with the
   * signal's reason.
   */
  async replay(source: ReplaySource, options: ReplayOptions = {}): Promise<ReplayProgress> {
    this.#assertOpen();
    const { parts, onClose } = this.#connected;
    return await replay(source, options, {
      ids: parts.ids,
      deadlines: parts.deadlines,
      maxChannelLength: parts.limits.maxChannelLength,
      onClose,
      moment: () => parts.time.moment,
      emit: (wave) => parts.deadLetters.reemission.emit(wave),
    });
  }

  /** What became of all waves of this aether's vibrators, at this moment. */
  stats(): AetherStats {
    const sum = new Tally();
    const { returns, deadLetters } = this.#connected.parts;
    const emissions = { ...this.#retiredEmissions };
    sum.add(this.#retired.tally);
    for (const vibrator of this.#vibrators.values()) {
      sum.add(vibrator.listening.tally);
    }
    const emitting = [...this.#vibrators.values()].map(({ emission }) => emission);
    for (const { emitted, faded, exhausted, refused } of [...emitting, deadLetters.reemission]) {
      emissions.emitted += emitted;
      emissions.faded += faded;
      emissions.exhausted += exhausted;
      emissions.refused += refused;
    }
    const { emitted, ...rest } = emissions;
    return { ...sum.stats(emitted), ...rest, reflections: returns.stats, deadLetters: deadLetters.lastStats };
  }

  /** The open resonances of this aether's vibrators, each with its vibrator; observers are left out. */
  *resonances(): Iterable<OwnResonance> {
    for (const { name: vibrator, id: instance, listening } of this.#vibrators.values()) {
      for (const resonance of listening.resonances()) {
        yield { vibrator, instance, resonance };
      }
    }
  }

  /**
   * The wave that is being handled where this is asked, across every await of its handler; `undefined` elsewhere, and
   * with explicit causality.
   */
  get current(): Wave | undefined {
    const handling = this.#connected.parts.causality?.current;
    return handling?.settled === false ? handling.wave : undefined;
  }

  /** Who resonates with whom, as far as this aether knows. */
  graph(): Graph {
    return graphOf(this.present(), this.#emitted());
  }

  /** Everybody who is known to resonate, here and elsewhere, observers left out. */
  present(): Iterable<Presence> {
    return this.#connected.parts.link.present();
  }

  *#emitted(): Iterable<Emitted> {
    for (const { name, id, emission } of this.#vibrators.values()) {
      for (const { channel, waves } of emission.channels()) {
        yield { vibrator: name, instance: id, channel, waves };
      }
    }
  }

  /**
   * Resolves when somebody resonates on `channel`. Rejects with `AETHER_TIMEOUT`, with the signal's reason, or with
   * `AETHER_CLOSED`.
   */
  async whenHeard(channel: string | { readonly name: string }, options: WhenHeardOptions = {}): Promise<void> {
    this.#assertOpen();
    assertKnown(options, { timeoutMs: true, signal: true }, "whenHeard");
    signalOf(options.signal);
    const name: unknown = typeof channel === "object" && channel !== null ? channel.name : channel;
    const { parts, onInterest, onClose } = this.#connected;
    assertChannelName(name, parts.limits.maxChannelLength);
    const { timeoutMs, signal } = options;
    signal?.throwIfAborted();
    if (parts.link.heard(name)) {
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const undos: (() => void)[] = [];
      const settle = (then: () => void): void => {
        for (const undo of undos) {
          undo();
        }
        then();
      };
      const look = (): void => {
        if (parts.link.heard(name)) {
          settle(resolve);
        }
      };
      const onAbort = (): void => settle(() => reject(signal?.reason));
      undos.push(addTo(onInterest, look));
      undos.push(addTo(onClose, () => settle(() => reject(this.#closedError()))));
      if (timeoutMs !== undefined) {
        const late = (): void => settle(() => reject(unheard(name, timeoutMs)));
        undos.push(parts.deadlines.after(millisecondsOf("timeoutMs", timeoutMs), late));
      }
      if (signal !== undefined) {
        signal.addEventListener("abort", onAbort, { once: true });
        undos.push(() => signal.removeEventListener("abort", onAbort));
      }
    });
  }

  /**
   * Drains every vibrator, then leaves the medium: stops hearing, finishes what was heard until the deadline, sends
   * queued commands and queries back with `AETHER_DRAINING`, and absorbs the rest as `closed`.
   */
  async close(options?: CloseOptions): Promise<void> {
    const deadlineMs = drainMsOf(options);
    this.#closing ??= this.#close(deadlineMs);
    await this.#closing;
  }

  async #close(deadlineMs: number): Promise<void> {
    const vibrators = [...this.#vibrators.values(), ...(this.#observer === undefined ? [] : [this.#observer])];
    // All drain before any stops emitting: a handler that finishes may emit by whichever vibrator it likes.
    const { clock } = this.#connected.parts;
    const endsAt = clock.monotonic() + deadlineMs;
    const leftMs = (): number => Math.max(0, endsAt - clock.monotonic());
    await Promise.all(vibrators.map((vibrator) => vibrator.listening.close(deadlineMs)));
    await Promise.all(vibrators.map((vibrator) => vibrator.close({ deadlineMs: leftMs() })));
    await this.#connected.close(leftMs());
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) {
      throw this.#closedError();
    }
  }

  #closedError(): AetherError {
    return new AetherError("AETHER_CLOSED", "Expected an open aether, got one after it was closed");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function addTo<T>(set: Set<T>, item: T): () => void {
  set.add(item);
  return () => set.delete(item);
}

function unheard(channel: string, timeoutMs: number): AetherError {
  return new AetherError("AETHER_TIMEOUT", `Nobody resonated on "${channel}" within ${timeoutMs} ms`, {
    details: { channel, timeoutMs },
  });
}
