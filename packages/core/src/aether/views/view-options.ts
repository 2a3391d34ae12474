/** The options of views, checked, and the types of what they fold. */

import { expected } from "../../errors.ts";
import { Channel } from "../../wave/channel.ts";
import { assertPattern } from "../../wave/channel-name.ts";
import type { Wave } from "../../wave/wave.ts";
import { assertKnown, type Known, signalOf, wholeOf } from "../options.ts";

/** `T`, of which nothing can be changed. */
export type DeepReadonly<T> = T extends (...args: never[]) => unknown
  ? T
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;

/** The waves of a channel: those of a contract have its payload. */
export type FoldedWave<C> = C extends Channel<unknown, infer Out> ? Wave<Out> : Wave;

/** The new state; nothing where the state that was given was changed. */
// biome-ignore lint/suspicious/noConfusingVoidType: a function that changes its state returns nothing.
export type Folded<State> = State | undefined | void;

/** What a view is made of. */
export interface ViewOptions<State, C extends string | Channel = string | Channel> {
  /** Names, patterns or contracts. All must be recorded, whole. */
  readonly channels: readonly C[];
  /** The state before the first wave: plain values, which travel as payloads do. It is copied. */
  readonly initial: State | (() => State);
  /**
   * Folds one wave into the state, and gives the new state, or changes the one that it was given and returns nothing. It
   * must follow from its arguments alone: no clock, no chance, nothing from outside, and nothing awaited. It must leave the
   * wave as it is.
   */
  readonly apply: (state: State, wave: FoldedWave<C>) => Folded<State>;
  /** Waves after which a snapshot is saved. Default: that of the vibrator, 1000. */
  readonly snapshotEvery?: number | undefined;
  /** Closes the view when it aborts. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of `reach`. */
export interface ReachOptions {
  /** Milliseconds after which it rejects with `AETHER_TIMEOUT`; default: never. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const VIEW_OPTIONS: Known<ViewOptions<unknown>> = {
  channels: true,
  initial: true,
  apply: true,
  snapshotEvery: true,
  signal: true,
};
const DEFAULT_SNAPSHOT_EVERY = 1000;

/** What is the same for all options. */
export interface ViewSettings {
  readonly channels: readonly (string | Channel)[];
  readonly snapshotEvery: number;
  readonly signal: AbortSignal | undefined;
}

/** After how many waves views save a snapshot that do not say it themselves. Throws `AETHER_BAD_OPTION`. */
export function snapshotEveryOf(given: number | undefined): number {
  return wholeOf("snapshotEvery", given ?? DEFAULT_SNAPSHOT_EVERY, 1);
}

/** What is the same for all views of a vibrator. */
interface ViewDefaults {
  readonly snapshotEvery: number;
  /** Longest name of a channel. */
  readonly longest: number;
}

/** `options`, checked. Throws `AETHER_BAD_OPTION` or `AETHER_BAD_CHANNEL`. */
export function viewSettings<State, C extends string | Channel>(
  options: ViewOptions<State, C>,
  { longest, ...defaults }: ViewDefaults,
): ViewSettings {
  assertKnown<object>(options, VIEW_OPTIONS, "materialize");
  const { channels, apply, snapshotEvery = defaults.snapshotEvery } = options;
  if (!Array.isArray(channels) || channels.length === 0) {
    throw expected("channels", "an array of at least one name, pattern or contract", channels);
  }
  for (const channel of channels) {
    assertPattern(patternOf(channel), longest);
  }
  if (typeof apply !== "function") {
    throw expected("apply", "a function of the state and a wave", apply);
  }
  return {
    channels: [...channels],
    snapshotEvery: wholeOf("snapshotEvery", snapshotEvery, 1),
    signal: signalOf(options.signal),
  };
}

/** The name or pattern of `channel`. */
export function patternOf(channel: string | Channel): string {
  return channel instanceof Channel ? channel.name : channel;
}
