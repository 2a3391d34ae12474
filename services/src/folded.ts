/**
 * States of services, each folded from waves: from the record where the medium keeps them, so that a restart has it again
 * and all instances have the same; else from those that come to this instance, and then it ends with the process.
 */

import { AetherError, type Channel, type DeepReadonly, type FoldedWave, type Vibrator, type Wave } from "@aether/core";
import type { Log } from "@aether/service";
import { Recent } from "./recent.ts";

/** How a state comes about. */
export interface Fold<State, C extends Channel> {
  readonly channels: readonly C[];
  readonly initial: () => State;
  /** Changes the state by one wave. It must follow from its arguments alone. */
  readonly apply: (state: State, wave: FoldedWave<C>) => void;
}

/** A state that grows with the waves. */
export interface Folded<State> {
  readonly state: DeepReadonly<State>;
  /** Resolves when `wave` is part of the state, and with it all that was recorded before. */
  include(wave: Wave, signal?: AbortSignal): Promise<void>;
}

/** The state called `name` of a service; `undefined` where nothing is kept. It has what was recorded until now. */
export async function kept<State, C extends Channel>(
  name: string,
  fold: Fold<State, C>,
  { vibrator, log }: { readonly vibrator: Vibrator; readonly log: Log },
): Promise<Folded<State> | undefined> {
  try {
    const view = await vibrator.materialize(name, fold);
    view.on("failed", ({ error }) => log.error("A state has stopped", { name, error }));
    view.on("unsaved", ({ error }) => log.warn("A snapshot was not saved", { name, error }));
    for (const { error } of view.fallbacks) {
      log.warn("A snapshot was passed over", { name, error });
    }
    await view.ready;
    return {
      get state() {
        return view.state;
      },
      async include({ position }, signal) {
        if (position !== undefined) {
          await view.reach(position, { signal });
        }
      },
    };
  } catch (error) {
    if (error instanceof AetherError && error.code === "AETHER_UNSUPPORTED") {
      return undefined;
    }
    throw error;
  }
}

/** The same where nothing is kept: of the waves that are included here, each once. */
export function heard<State, C extends Channel>({ initial, apply }: Fold<State, C>): Folded<DeepReadonly<State>> {
  const state = initial();
  const known = new Recent<true>();
  return {
    state: state as DeepReadonly<DeepReadonly<State>>,
    async include(wave) {
      if (known.get(wave.id) === undefined) {
        known.set(wave.id, true);
        // Whoever includes it has heard it by one of the channels.
        apply(state, wave as FoldedWave<C>);
      }
    },
  };
}
