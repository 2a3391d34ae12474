/** Causality: which wave is being handled where a wave is emitted, across every await of its handler. */

import type { AsyncLocalStorage } from "node:async_hooks";
import { AetherError } from "../errors.ts";

/** The part of a platform's `process` that gives built-in modules without an import. */
interface Builtins {
  readonly process?: { getBuiltinModule?(id: "node:async_hooks"): typeof import("node:async_hooks") };
}

/**
 * Remembers what is being handled. The storage taxes every await of the process, so it is made for the first aether
 * that wants it and disabled with the last.
 */
export class Causality<T> {
  #storage: AsyncLocalStorage<T | undefined> | undefined;
  #users = 0;

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
    }
    if (this.#users++ === 0) {
      // Promises are followed from here on: what is emitted now must not be handled in this very context.
      this.#storage.enterWith(undefined);
    }
    let open = true;
    return () => {
      if (open) {
        open = false;
        if (--this.#users === 0) {
          this.#storage?.disable();
        }
      }
    };
  }

  /** Lets everything that is awaited from here on belong to `cause`. */
  enter(cause: T): void {
    this.#storage?.enterWith(cause);
  }

  /** What is being handled here. */
  get current(): T | undefined {
    return this.#users === 0 ? undefined : this.#storage?.getStore();
  }
}
