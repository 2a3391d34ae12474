/** Folding: one open view, from its snapshot along the record, each wave once and none skipped. */

import { AetherError, expected, messageOf } from "../../errors.ts";
import type { Recorder, TailStep } from "../../medium/recorder.ts";
import type { SnapshotName } from "../../medium/snapshot-store.ts";
import type { Wave } from "../../wave/wave.ts";
import type { Deadlines } from "../deadlines.ts";
import { deferred } from "../deferred.ts";
import { guarded } from "../observers.ts";
import { assertKnown, signalOf } from "../options.ts";
import { type Frozen, freeze, thaw } from "./frozen-state.ts";
import { Reaching } from "./reaching.ts";
import { Saving } from "./saving.ts";
import type { View, ViewEvents, ViewFallback } from "./view.ts";
import type { DeepReadonly, Folded, ReachOptions } from "./view-options.ts";

/** What a view works with. */
export interface FoldingParts<State> {
  readonly name: SnapshotName;
  readonly recorder: Recorder;
  readonly deadlines: Deadlines;
  readonly patterns: readonly string[];
  readonly snapshotEvery: number;
  /** Names of the sources that may be heard; `undefined`: all. */
  readonly allowed: ReadonlySet<string> | undefined;
  /** The wave with the payload that its contract gives. Throws or rejects with `AETHER_BAD_PAYLOAD`. */
  read(wave: Wave): Wave | Promise<Wave>;
  apply(state: State, wave: Wave): Folded<State>;
  ended(): void;
}

/** Where a view begins. */
export interface Beginning {
  readonly frozen: Frozen;
  readonly steps: AsyncIterable<TailStep>;
  /** Ends {@link steps}. */
  readonly abort: AbortController;
  /** Where the record ended before the view was asked for. */
  readonly end: string | undefined;
  readonly fallbacks: readonly ViewFallback[];
}

type Listeners = { readonly [E in keyof ViewEvents]: Set<(event: ViewEvents[E]) => void> };

/** An open view. */
export class Folding<State> implements View<State> {
  readonly fallbacks: readonly ViewFallback[];
  readonly ready: Promise<void>;
  readonly closed: Promise<void>;
  readonly #parts: FoldingParts<State>;
  readonly #reaching: Reaching;
  readonly #saving: Saving | undefined;
  readonly #abort: AbortController;
  readonly #running: Promise<void>;
  readonly #listeners: Listeners = { failed: new Set(), saved: new Set(), unsaved: new Set(), skipped: new Set() };
  #state: State;
  #position: string | undefined;
  /** A state from which that of now can be made again, should `apply` leave it half changed. */
  #base: Frozen;
  /** Waves folded since then. */
  #sinceBase = 0;
  #error: AetherError | undefined;
  #isClosed = false;

  constructor(parts: FoldingParts<State>, beginning: Beginning) {
    const { frozen, end, abort, fallbacks } = beginning;
    const { recorder, name, deadlines } = parts;
    this.#parts = parts;
    this.#abort = abort;
    this.fallbacks = fallbacks;
    this.#base = frozen;
    this.#state = this.#thawed(frozen);
    this.#position = frozen.position;
    const compare = (one: string, other: string): number => recorder.compare(one, other);
    this.#reaching = new Reaching({ name: name.view, deadlines, compare });
    this.#saving =
      recorder.snapshots &&
      new Saving(recorder.snapshots, name, {
        saved: (position) => this.#tell("saved", { position }),
        unsaved: (position, error) => this.#tell("unsaved", { position, error }),
      });
    const closed = deferred<void>();
    this.closed = closed.promise;
    this.closed.catch(() => undefined);
    this.ready = end === undefined ? Promise.resolve() : this.reach(end);
    this.ready.catch(() => undefined);
    this.#running = this.#run(beginning.steps).then(() => {
      parts.ended();
      if (this.#error === undefined) {
        closed.resolve();
      } else {
        closed.reject(this.#error);
      }
    });
  }

  get name(): string {
    return this.#parts.name.view;
  }

  get state(): DeepReadonly<State> {
    // What is given out cannot be changed through its type.
    return this.#state as DeepReadonly<State>;
  }

  get position(): string | undefined {
    return this.#position;
  }

  on<E extends keyof ViewEvents>(event: E, listener: (event: ViewEvents[E]) => void): () => void {
    if (!Object.hasOwn(this.#listeners, event)) {
      throw expected("event", `one of ${Object.keys(this.#listeners).join(", ")}`, event);
    }
    if (typeof listener !== "function") {
      throw expected("listener", "a function", listener);
    }
    const own = (fact: ViewEvents[E]): void => listener(fact);
    const listeners = this.#audience(event);
    listeners.add(own);
    return () => void listeners.delete(own);
  }

  #audience<E extends keyof ViewEvents>(event: E): Listeners[E] {
    return this.#listeners[event];
  }

  #tell<E extends keyof ViewEvents>(event: E, fact: ViewEvents[E]): void {
    for (const listener of this.#audience(event)) {
      guarded(listener, fact);
    }
  }

  async reach(position: string, options: ReachOptions = {}): Promise<void> {
    assertKnown(options, { timeoutMs: true, signal: true }, "reach");
    signalOf(options.signal)?.throwIfAborted();
    if (typeof position !== "string" || position === "") {
      throw expected("position", "the position of a receipt or a wave", position);
    }
    // Says whether it is a position of this record at all.
    this.#parts.recorder.compare(position, this.#position ?? position);
    if (!this.#covers(position)) {
      this.#assertOpen();
      await this.#reaching.wait(position, options);
    }
  }

  async snapshot(): Promise<string | undefined> {
    this.#assertOpen();
    if (this.#saving === undefined) {
      throw new AetherError(
        "AETHER_UNSUPPORTED",
        `Expected a recorder that keeps snapshots for the view "${this.name}", got one that does not: it folds the record anew at every start`,
      );
    }
    const { text, position } = freeze(this.#state, this.#position);
    if (position === undefined) {
      return undefined;
    }
    this.#base = { text, position };
    this.#sinceBase = 0;
    await this.#saving.now({ text, position });
    return position;
  }

  async #run(steps: AsyncIterable<TailStep>): Promise<void> {
    try {
      for await (const step of steps) {
        if (this.#abort.signal.aborted) {
          break;
        }
        await this.#take(step);
      }
    } catch (error) {
      if (!this.#abort.signal.aborted) {
        await this.#fail(error);
      }
    }
    this.#isClosed = true;
    this.#reaching.end(this.#error ?? this.#closedError());
    await this.#saving?.settled();
  }

  /** Folds a step. What was folded before is left out, should the recorder give it out again. */
  async #take({ position, wave, malformed }: TailStep): Promise<void> {
    if (this.#covers(position)) {
      return;
    }
    if (malformed === true) {
      this.#tell("skipped", { position, reason: "malformed", wave: undefined });
    } else if (wave !== undefined && this.#isFolded(wave)) {
      await this.#fold(wave, position);
    } else if (wave !== undefined && wave.to === undefined) {
      this.#tell("skipped", { position, reason: "unauthorised", wave });
    }
    this.#position = position;
    if (this.#sinceBase >= this.#parts.snapshotEvery) {
      this.#rebase(position);
    }
    this.#reaching.covers(position);
  }

  #covers(position: string): boolean {
    return this.#position !== undefined && this.#parts.recorder.compare(position, this.#position) <= 0;
  }

  /** What is meant for one group alone has been in the record before: a dead letter that was emitted again. */
  #isFolded({ to, source }: Wave): boolean {
    const { allowed } = this.#parts;
    return to === undefined && (allowed === undefined || allowed.has(source));
  }

  async #fold(wave: Wave, position: string): Promise<void> {
    let cause: unknown;
    try {
      const read = this.#parts.read(wave);
      this.#apply(read instanceof Promise ? await read : read);
      // In the same turn: a snapshot that is asked for in between would hold the wave under the position before it.
      this.#position = position;
      this.#sinceBase++;
      return;
    } catch (error) {
      cause = error;
    }
    await this.#restore();
    throw this.#failed(wave, position, cause);
  }

  #apply(wave: Wave): void {
    const next = this.#parts.apply(this.#state, wave);
    if (next instanceof Promise) {
      next.catch(() => undefined);
      throw expected("apply", "a function that gives the state at once", next);
    }
    if (next !== undefined) {
      this.#state = next;
    }
  }

  /** Makes the state again as it is at `#position`: from the last one that is known, by the waves since. */
  async #restore(): Promise<void> {
    const { recorder, patterns } = this.#parts;
    const until = this.#position;
    this.#state = this.#thawed(this.#base);
    this.#position = this.#base.position;
    if (until === undefined || this.#covers(until)) {
      return;
    }
    const { signal } = this.#abort;
    for await (const { position, wave } of await recorder.tail({ patterns, after: this.#position }, signal)) {
      if (recorder.compare(position, until) > 0) {
        break;
      }
      if (wave !== undefined && this.#isFolded(wave)) {
        const read = this.#parts.read(wave);
        this.#apply(read instanceof Promise ? await read : read);
      }
      this.#position = position;
      if (this.#covers(until)) {
        break;
      }
    }
  }

  /** The state of now becomes the one to start from. */
  #rebase(position: string): void {
    this.#sinceBase = 0;
    try {
      this.#base = freeze(this.#state, position);
      this.#saving?.later({ position, text: this.#base.text });
    } catch (error) {
      if (!(error instanceof AetherError)) {
        throw error;
      }
      this.#tell("unsaved", { position, error });
    }
  }

  #thawed(frozen: Frozen): State {
    // It is what was frozen, or what the same `apply` made of it.
    return thaw(frozen) as State;
  }

  async #fail(cause: unknown): Promise<void> {
    this.#abort.abort();
    const error =
      cause instanceof AetherError
        ? cause
        : new AetherError("AETHER_VIEW_FAILED", `The view "${this.name}" has stopped: ${messageOf(cause)}`, { cause });
    this.#error = error;
    this.#tell("failed", { error });
  }

  #failed({ id, channel }: Wave, position: string, cause: unknown): AetherError {
    return new AetherError(
      "AETHER_VIEW_FAILED",
      `Expected the view "${this.name}" to fold wave "${id}" on "${channel}" at ${position}, got an exception: ${messageOf(cause)}. Mend \`apply\` and start again: the view goes on with this wave`,
      { cause, details: { view: this.name, vibrator: this.#parts.name.vibrator, id, channel, position } },
    );
  }

  #assertOpen(): void {
    if (this.#error !== undefined) {
      throw this.#error;
    }
    if (this.#isClosed || this.#abort.signal.aborted) {
      throw this.#closedError();
    }
  }

  #closedError(): AetherError {
    return new AetherError("AETHER_CLOSED", `Expected an open view, got "${this.name}" after it was closed`);
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
