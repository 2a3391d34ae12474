/** One run of a handler: its context, and what its emits are caused by. */

import { expected } from "../../errors.ts";
import type { Channel } from "../../wave/channel.ts";
import type { Exchange } from "../../wave/exchange.ts";
import type { Wave } from "../../wave/wave.ts";
import { type EmitOptions, millisecondsOf, type QueryOptions } from "../options.ts";
import type { Receipt } from "../receipt.ts";

/** What a handler is given beside the wave. Its members are made when they are read. */
export interface HandlerContext {
  /** Aborted on handler timeout, deadline, cancellation and at the end of a drain; the reason says which. */
  readonly signal: AbortSignal;
  /** 1 for the first try. */
  readonly attempt: number;
  /** Emits a wave that is caused by the one being handled. */
  emit<In>(channel: Channel<In>, payload: NoInfer<In>, options?: EmitOptions): Promise<Receipt>;
  emit(channel: string, payload?: unknown, options?: EmitOptions): Promise<Receipt>;
  /** Asks, caused by the wave being handled, within the time that is left for it. */
  query<In, ReplyOut>(
    channel: Channel<In, unknown, unknown, ReplyOut>,
    payload: NoInfer<In>,
    options?: QueryOptions,
  ): Promise<Wave<ReplyOut>>;
  query(channel: string, payload?: unknown, options?: QueryOptions): Promise<Wave>;
  /** How often the wave was put off by `retryLater` before this run; 0 for the first. */
  readonly postponed: number;
  /** Lets the wave be handled again after `delayMs`, once this run has ended. It spends no attempt, unless it is told to. */
  retryLater(delayMs: number, options?: RetryLaterOptions): void;
}

export interface RetryLaterOptions {
  /**
   * The share of its amplitude that the wave has left then, above 0 and up to 1: for its handler, and for what that emits.
   * Its place among others stays that of its amplitude at emission. One that has faded by then is not handled again. A
   * recorded wave keeps it all. Default 1.
   */
  readonly keeps?: number | undefined;
  /** Whether the run that ends here was an attempt, so that `attempt` of the next is one more. Default false. */
  readonly spendsAttempt?: boolean | undefined;
}

/** The emitting half of a vibrator, as a handler uses it. */
export interface Emitting {
  emit(
    channel: string | Channel,
    payload: unknown,
    options: EmitOptions | undefined,
    within: Handling | undefined,
  ): Promise<Receipt>;
  query(
    channel: string | Channel,
    payload: unknown,
    options: QueryOptions | undefined,
    within: Handling | undefined,
  ): Promise<Wave>;
}

/** What a handling has only when its handler asked for it. */
interface Late {
  attempt: number;
  postponed: number;
  /** What its handler is given, if that is not the wave as it came. */
  given: Wave | undefined;
  retryMs: number | undefined;
  /** What the wave keeps of its amplitude until then. */
  keeps: number;
  spendsAttempt: boolean;
  /** Called when the run is given up, with the reason: it rejects what stands around the handler waits for. */
  giveUp: ((reason: unknown) => void) | undefined;
  controller: AbortController | undefined;
  aborted: { readonly reason: unknown } | undefined;
  onAbort: Set<(reason: unknown) => void> | undefined;
  offOver: (() => void)[] | undefined;
}

/** One wave in the hands of one handler. There is one for each delivery, so it is kept small. */
export class Handling implements HandlerContext {
  readonly wave: Wave;
  readonly #emitting: Emitting;
  #settled = false;
  #late: Late | undefined;

  constructor(wave: Wave, emitting: Emitting) {
    this.wave = wave;
    this.#emitting = emitting;
  }

  get attempt(): number {
    return this.#late?.attempt ?? 1;
  }

  get postponed(): number {
    return this.#late?.postponed ?? 0;
  }

  /** This is not the first run for its wave. */
  again(attempt: number, postponed: number): void {
    const late = this.#lateParts();
    late.attempt = attempt;
    late.postponed = postponed;
  }

  /** The handler is given `wave`, and not the wave as it came. */
  give(wave: Wave): void {
    this.#lateParts().given = wave;
  }

  /** What the handler is given, and causes what it emits. */
  get given(): Wave {
    return this.#late?.given ?? this.wave;
  }

  /** Whether the handler has settled, or is no longer waited for: it causes nothing from then on. */
  get settled(): boolean {
    return this.#settled;
  }

  /** Milliseconds after which the handler asked to be called again. */
  get retryMs(): number | undefined {
    return this.#late?.retryMs;
  }

  /** What its wave keeps of its amplitude until then. */
  get keeps(): number {
    return this.#late?.keeps ?? 1;
  }

  /** The number of the attempt that comes after it was put off. */
  get nextAttempt(): number {
    return this.attempt + (this.#late?.spendsAttempt === true ? 1 : 0);
  }

  #lateParts(): Late {
    this.#late ??= {
      attempt: 1,
      postponed: 0,
      given: undefined,
      retryMs: undefined,
      keeps: 1,
      spendsAttempt: false,
      giveUp: undefined,
      controller: undefined,
      aborted: undefined,
      onAbort: undefined,
      offOver: undefined,
    };
    return this.#late;
  }

  get signal(): AbortSignal {
    const late = this.#lateParts();
    if (late.controller === undefined) {
      const controller = new AbortController();
      late.controller = controller;
      this.onAbort((reason) => controller.abort(reason));
    }
    return late.controller.signal;
  }

  // Made when they are read, so that a handler may take them out of its context: `(wave, { emit }) => …`.
  get emit(): HandlerContext["emit"] {
    return (channel: string | Channel, payload?: unknown, options?: EmitOptions) =>
      this.#emitting.emit(channel, payload, options, this);
  }

  get query(): HandlerContext["query"] {
    return <ReplyOut>(
      channel: string | Channel<unknown, unknown, unknown, ReplyOut>,
      payload?: unknown,
      options?: QueryOptions,
    ) => this.#ask<ReplyOut>(channel, payload, options);
  }

  #ask<ReplyOut>(
    channel: string | Channel<unknown, unknown, unknown, ReplyOut>,
    payload: unknown,
    options: QueryOptions | undefined,
  ): Promise<Wave<ReplyOut>>;
  #ask(channel: string | Channel, payload: unknown, options: QueryOptions | undefined): Promise<Wave> {
    return this.#emitting.query(channel, payload, options, this);
  }

  get retryLater(): HandlerContext["retryLater"] {
    return (delayMs, { keeps = 1, spendsAttempt = false } = {}) => {
      if (typeof keeps !== "number" || !(keeps > 0 && keeps <= 1)) {
        throw expected("keeps", "a number above 0 and up to 1", keeps);
      }
      const late = this.#lateParts();
      late.retryMs = millisecondsOf("delayMs", delayMs);
      late.keeps = keeps;
      late.spendsAttempt = spendsAttempt;
    };
  }

  /** As `result`, unless the run is given up before: for what stands around the handler, which must hear of that. */
  untilGivenUp(result: PromiseLike<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const late = this.#lateParts();
      const { giveUp } = late;
      late.giveUp = reject;
      if (giveUp !== undefined) {
        // What stands around a handler may call it more than once.
        late.giveUp = (reason) => {
          giveUp(reason);
          reject(reason);
        };
      }
      result.then(resolve, reject);
    });
  }

  /** Ends the waiting for the handler; false: nobody waits that was not told before. */
  giveUp(reason: unknown): boolean {
    const late = this.#late;
    if (late?.giveUp === undefined) {
      return false;
    }
    late.giveUp(reason);
    late.giveUp = undefined;
    return true;
  }

  /** Calls `listener` once the run is of no use any more; at once when it is already. Returns the undo. */
  onAbort(listener: (reason: unknown) => void): () => void {
    const late = this.#lateParts();
    if (late.aborted !== undefined) {
      listener(late.aborted.reason);
      return () => {};
    }
    const listeners = late.onAbort ?? new Set();
    late.onAbort = listeners;
    listeners.add(listener);
    if (listeners.size === 1 && this.wave.exchange !== undefined) {
      this.onOver(this.wave.exchange, (reason) => this.abort(reason));
    }
    return () => listeners.delete(listener);
  }

  /** Calls `listener` when nobody waits for `exchange` any more, unless the run has ended before. */
  onOver(exchange: Exchange, listener: (reason: unknown) => void): void {
    const late = this.#lateParts();
    late.offOver ??= [];
    late.offOver.push(exchange.onOver(listener));
  }

  /** Tells everybody who listens that the run is of no use any more. */
  abort(reason: unknown): void {
    const late = this.#lateParts();
    if (late.aborted === undefined && !this.#settled) {
      late.aborted = { reason };
      for (const listener of late.onAbort ?? []) {
        listener(reason);
      }
    }
  }

  /** The run has ended. */
  settle(): void {
    this.#settled = true;
    const offOver = this.#late?.offOver;
    if (offOver !== undefined) {
      for (const off of offOver) {
        off();
      }
    }
  }
}
