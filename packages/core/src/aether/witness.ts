/** A witness: sees whether anything comes into being that could carry a handler's causality on after its return. */

type AsyncHooks = typeof import("node:async_hooks");

/**
 * Before Node 24 AsyncLocalStorage hands a store on in one way only: its init hook copies it to each promise, timer,
 * microtask and request that is created. The witness is such a hook of our own, called for the very same objects.
 */
export class Witness {
  readonly #hook: { enable(): unknown; disable(): unknown };
  /** Whether something was created while it watched. */
  seen = false;
  watching = false;

  constructor({ createHook }: AsyncHooks) {
    this.#hook = createHook({
      init: () => {
        this.seen ||= this.watching;
      },
    });
  }

  /** A witness that can be relied upon; `undefined` where the platform hands stores on in another way. */
  static find(hooks: AsyncHooks): Witness | undefined {
    const witness = new Witness(hooks);
    witness.enable();
    witness.watching = true;
    const trial = new hooks.AsyncLocalStorage<object>();
    const mark = {};
    const isMarked = trial.run(mark, () => {
      const promise = new Promise(() => {});
      return Object.getOwnPropertySymbols(promise).some((key) => Reflect.get(promise, key) === mark);
    });
    trial.disable();
    witness.disable();
    witness.watching = false;
    const reliable = isMarked && witness.seen;
    witness.seen = false;
    return reliable ? witness : undefined;
  }

  enable(): void {
    this.#hook.enable();
  }

  disable(): void {
    this.#hook.disable();
  }
}
