/** Causality: which wave is being handled where a wave is emitted, across every await of its handler. */

import type { AsyncLocalStorage } from "node:async_hooks";
import { atTickEnd } from "../clock.ts";
import { AetherError } from "../errors.ts";
import { Witness } from "./witness.ts";

/** The part of a platform's `process` that gives built-in modules without an import. */
interface Builtins {
  readonly process?: { getBuiltinModule?(id: "node:async_hooks"): typeof import("node:async_hooks") };
}

/** After how many handlers it is worth its while to switch the storage off, for that takes as long as ten awaits. */
const WORTH_IT = 32;

/**
 * Remembers what is being handled. The storage taxes every await of the process, so it is made for the first aether
 * that wants it and disabled with the last. As long as no handler has left anything behind that could still run, it
 * is off between the ticks in which handlers run.
 */
export class Causality<T> {
  #storage: AsyncLocalStorage<T | undefined> | undefined;
  /** There as long as it is proven that nothing carries a cause on. */
  #witness: Witness | undefined;
  #users = 0;
  #on = false;
  /** Handlers since it was switched on. */
  #entered = 0;
  #resting = false;
  readonly #rest = (): void => {
    this.#resting = false;
    if (this.#witness !== undefined) {
      this.#switchOff();
    }
  };

  /** Begins to use the storage; returns the undo. Throws `AETHER_UNSUPPORTED` where the platform has none. */
  open(): () => void {
    if (this.#storage === undefined) {
      const platform: Builtins = globalThis;
      const hooks = platform.process?.getBuiltinModule?.("node:async_hooks");
      if (hooks === undefined) {
        throw new AetherError(
          "AETHER_UNSUPPORTED",
          'Expected a platform with AsyncLocalStorage for implicit causality, got none: use `causality: "explicit"`',
        );
      }
      this.#storage = new hooks.AsyncLocalStorage<T | undefined>();
      this.#witness = Witness.find(hooks);
    }
    if (this.#users++ === 0 && this.#witness === undefined) {
      // Promises are followed from here on: what is emitted now must not be handled in this very context.
      this.#switchOn();
      this.#storage.enterWith(undefined);
    }
    let open = true;
    return () => {
      if (open) {
        open = false;
        if (--this.#users === 0) {
          this.#switchOff();
        }
      }
    };
  }

  /** Lets everything that is awaited from here on belong to `cause`, up to {@link leave}. */
  enter(cause: T): void {
    if (!this.#on) {
      if (this.#users === 0) {
        return;
      }
      this.#switchOn();
    }
    if (this.#witness !== undefined) {
      this.#entered++;
      this.#witness.watching = true;
    }
    this.#storage?.enterWith(cause);
  }

  /** The handlers that were entered have returned. What they left behind belongs to its cause, and nothing else does. */
  leave(): void {
    if (!this.#on) {
      return;
    }
    // Microtasks that were queued while the storage was off have no context of their own: they see this one.
    this.#storage?.enterWith(undefined);
    const witness = this.#witness;
    if (witness === undefined) {
      return;
    }
    witness.watching = false;
    if (witness.seen) {
      // What was left behind may run at any time, and hand its cause on: the storage is needed for good.
      witness.disable();
      this.#witness = undefined;
    } else if (this.#entered >= WORTH_IT && !this.#resting) {
      this.#resting = true;
      atTickEnd(this.#rest);
    }
  }

  #switchOn(): void {
    this.#on = true;
    this.#entered = 0;
    this.#witness?.enable();
  }

  #switchOff(): void {
    this.#on = false;
    this.#witness?.disable();
    this.#storage?.disable();
  }

  /** What is being handled here. */
  get current(): T | undefined {
    return this.#users === 0 ? undefined : this.#storage?.getStore();
  }
}
