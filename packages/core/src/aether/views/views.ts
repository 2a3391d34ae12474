/** Views: those of one vibrator, each begun where its latest snapshot that fits the record ends. */

import { AetherError, type ErrorCode } from "../../errors.ts";
import type { Link } from "../../medium/medium.ts";
import type { Recorder, TailStep } from "../../medium/recorder.ts";
import type { SnapshotName } from "../../medium/snapshot-store.ts";
import { asItIs, Channel, type Reader, readerOf } from "../../wave/channel.ts";
import { coverOf } from "../../wave/cover.ts";
import { matches } from "../../wave/pattern.ts";
import type { Wave } from "../../wave/wave.ts";
import type { Deadlines } from "../deadlines.ts";
import type { AdmissionLimits } from "../emitting/admission.ts";
import { cannotRecord } from "../emitting/uses.ts";
import { assertName } from "../receiving/resonance-options.ts";
import { type Beginning, Folding } from "./folding.ts";
import { type Frozen, freeze, frozenOf } from "./frozen-state.ts";
import type { View, ViewFallback } from "./view.ts";
import { type FoldedWave, patternOf, type ViewOptions, viewSettings } from "./view-options.ts";

/** What views take from their aether. */
export interface ViewsParts {
  readonly link: Link;
  readonly limits: AdmissionLimits;
  readonly deadlines: Deadlines;
}

interface Open {
  close(): Promise<void>;
}

/** The views of one vibrator. */
export class Views {
  readonly #parts: ViewsParts;
  readonly #vibrator: string;
  readonly #snapshotEvery: number;
  /** By name; `undefined` while it begins. */
  readonly #views = new Map<string, Open | undefined>();
  #closed = false;

  constructor(vibrator: string, snapshotEvery: number, parts: ViewsParts) {
    this.#vibrator = vibrator;
    this.#snapshotEvery = snapshotEvery;
    this.#parts = parts;
  }

  /** As `Vibrator.materialize`. */
  async open<State, C extends string | Channel>(name: string, options: ViewOptions<State, C>): Promise<View<State>> {
    this.#assertOpen();
    assertName("name", name);
    const { channels, snapshotEvery, signal } = viewSettings(options, {
      snapshotEvery: this.#snapshotEvery,
      longest: this.#parts.limits.maxChannelLength,
    });
    const { initial, apply } = options;
    const frozen = freeze(isFunction(initial) ? initial() : initial, undefined);
    signal?.throwIfAborted();
    const patterns = coverOf(channels.map(patternOf));
    this.#claim(name);
    try {
      const recorder = await this.#recorder(channels);
      const identity: SnapshotName = { vibrator: this.#vibrator, view: name };
      const beginning = await beginningOf(recorder, identity, patterns, frozen);
      const view = new Folding<State>(
        {
          ...{ name: identity, recorder, patterns, snapshotEvery },
          deadlines: this.#parts.deadlines,
          allowed: this.#parts.limits.allowedSources,
          read: readerOfAll(channels),
          // It was read by the contract of its channel.
          apply: (state, wave) => apply(state, wave as FoldedWave<C>),
          ended: () => this.#views.delete(name),
        },
        beginning,
      );
      this.#views.set(name, view);
      if (this.#closed || signal?.aborted) {
        await view.close();
        signal?.throwIfAborted();
        this.#assertOpen();
      }
      closeOn(view, signal);
      return view;
    } catch (error) {
      this.#views.delete(name);
      throw error;
    }
  }

  #claim(name: string): void {
    if (this.#views.has(name)) {
      throw new AetherError(
        "AETHER_AMBIGUOUS",
        `Expected a name of its own for the second view "${name}" of "${this.#vibrator}", got none: give it another`,
        { details: { name } },
      );
    }
    this.#views.set(name, undefined);
  }

  /** What records all of `channels`. Rejects with `AETHER_UNSUPPORTED`. */
  async #recorder(channels: readonly (string | Channel)[]): Promise<Recorder> {
    const { recorder } = this.#parts.link;
    const [first = ""] = channels.map(patternOf);
    if (recorder === undefined) {
      throw cannotRecord(first);
    }
    const declared = channels.filter((channel) => channel instanceof Channel && channel.recorded).map(patternOf);
    if (declared.length > 0) {
      await recorder.declare(declared);
    }
    const missing = channels.map(patternOf).find((pattern) => !recorder.records(pattern));
    if (missing !== undefined) {
      throw new AetherError(
        "AETHER_UNSUPPORTED",
        `Expected recorded channels for a view, got "${missing}", of which nothing is kept: add it to \`recorded\` of Aether.connect, or declare its contract with \`recorded: true\``,
        { details: { channel: missing } },
      );
    }
    return recorder;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#views.values()].map((view) => view?.close()));
  }

  #assertOpen(): void {
    if (this.#closed) {
      throw new AetherError("AETHER_CLOSED", `Expected an open vibrator, got "${this.#vibrator}" after it was closed`);
    }
  }
}

/** The latest snapshot that is whole and of which the record has all that follows; else the first wave. */
async function beginningOf(
  recorder: Recorder,
  name: SnapshotName,
  patterns: readonly string[],
  initial: Frozen,
): Promise<Beginning> {
  const end = await recorder.end();
  const fallbacks: ViewFallback[] = [];
  const begin = async (frozen: Frozen): Promise<Beginning> => {
    const abort = new AbortController();
    const steps: AsyncIterable<TailStep> = await recorder.tail({ patterns, after: frozen.position }, abort.signal);
    return { frozen, steps, abort, end, fallbacks };
  };
  for await (const loaded of recorder.snapshots?.load(name) ?? []) {
    if ("error" in loaded) {
      fallbacks.push({ position: undefined, error: loaded.error });
      continue;
    }
    const { position } = loaded;
    try {
      return await begin(frozenOf(loaded));
    } catch (error) {
      if (!isMisfit(error)) {
        throw error;
      }
      fallbacks.push({ position, error });
    }
  }
  return await begin(initial);
}

const MISFITS: ReadonlySet<ErrorCode> = new Set(["AETHER_BAD_SNAPSHOT", "AETHER_BAD_POSITION", "AETHER_BAD_OPTION"]);

/** Whether `error` says that a snapshot cannot be used, and not that nothing can. */
function isMisfit(error: unknown): error is AetherError {
  return error instanceof AetherError && MISFITS.has(error.code);
}

/** Reads each wave by the first of `channels` that covers it. */
function readerOfAll(channels: readonly (string | Channel)[]): Reader<unknown> {
  const readers = channels.map((channel): readonly [string, Reader<unknown>] =>
    channel instanceof Channel ? [channel.name, readerOf(channel)] : [channel, asItIs],
  );
  return (wave: Wave) => {
    const [, read = asItIs] = readers.find(([pattern]) => matches(pattern, wave.channel)) ?? [];
    return read(wave);
  };
}

function closeOn(view: Open & { readonly closed: Promise<void> }, signal: AbortSignal | undefined): void {
  if (signal !== undefined) {
    const aborted = (): void => void view.close();
    signal.addEventListener("abort", aborted, { once: true });
    const undo = (): void => signal.removeEventListener("abort", aborted);
    view.closed.then(undo, undo);
  }
}

function isFunction<State>(initial: State | (() => State)): initial is () => State {
  return typeof initial === "function";
}
