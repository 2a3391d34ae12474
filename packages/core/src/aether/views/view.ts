/** `View`: what people hold of a state that is folded from the record. */

import type { AetherError } from "../../errors.ts";
import type { Wave } from "../../wave/wave.ts";
import type { DeepReadonly, ReachOptions } from "./view-options.ts";

/** A snapshot that was passed over when the view began, and why. */
export interface ViewFallback {
  /** The position that it says it covers; `undefined`: it cannot be read. */
  readonly position: string | undefined;
  readonly error: AetherError;
}

/** What a view tells of, by name. */
export interface ViewEvents {
  /** It has stopped for good. */
  readonly failed: { readonly error: AetherError };
  /** A snapshot is kept. */
  readonly saved: { readonly position: string };
  /** A snapshot could not be kept. The state is right all the same; only the next start takes longer. */
  readonly unsaved: { readonly position: string; readonly error: AetherError };
  /**
   * Something in the record was not folded. `malformed`: it is no wave, such as bytes that are damaged. `unauthorised`: its
   * source is not on the allow-list of this aether.
   */
  readonly skipped: {
    readonly position: string;
    readonly reason: "malformed" | "unauthorised";
    readonly wave: Wave | undefined;
  };
}

/** A state that follows from the record alone. Made by `vibrator.materialize`. */
export interface View<State> extends AsyncDisposable {
  readonly name: string;
  /** All waves up to {@link position}, folded. Only the view may change it, and goes on doing so: copy what is to stay. */
  readonly state: DeepReadonly<State>;
  /** Up to where everything is folded; `undefined`: nothing was recorded yet. */
  readonly position: string | undefined;
  /** Snapshots that were passed over at the start. */
  readonly fallbacks: readonly ViewFallback[];
  /** Resolves when everything is folded that was recorded before the view was asked for. Rejects as {@link closed} does. */
  readonly ready: Promise<void>;
  /** Resolves when the view is closed; rejects when it has stopped by itself, with `AETHER_VIEW_FAILED` or `AETHER_BAD_POSITION`. */
  readonly closed: Promise<void>;
  /**
   * Resolves once the state covers `position`, such as that of a receipt. Rejects with `AETHER_TIMEOUT`, with the reason of
   * the signal, with `AETHER_BAD_POSITION` for a position of another record, with `AETHER_CLOSED`, or as {@link closed} does.
   */
  reach(position: string, options?: ReachOptions): Promise<void>;
  /**
   * Saves a snapshot now. Resolves to its position, or to `undefined` when nothing was folded yet. Rejects with
   * `AETHER_UNSUPPORTED` where the recorder keeps none, `AETHER_TOO_LARGE`, `AETHER_BAD_PAYLOAD`.
   */
  snapshot(): Promise<string | undefined>;
  /** Calls `listener` at every `event`; returns the undo. */
  on<E extends keyof ViewEvents>(event: E, listener: (event: ViewEvents[E]) => void): () => void;
  /** Folds nothing more. The state stays as it is. */
  close(): Promise<void>;
}
