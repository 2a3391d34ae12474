/** Health: what one run says about itself, check by check. It tells whether, not why: reasons go to the log. */

/** The checks of a run, in the order in which they are shown. */
export const CHECKS = ["started", "medium", "memory", "open"] as const;

/**
 * `started`: every setup is done and every need was heard. `medium`: it is connected. `memory`: there is enough.
 * `open`: it is not shutting down.
 */
export type Check = (typeof CHECKS)[number];

/** The state of one run. */
export class Health {
  /** Names of its services. */
  readonly services: readonly string[];
  readonly #failing = new Set<Check>(["started"]);
  #hasStarted = false;

  constructor(services: readonly string[]) {
    this.services = services;
  }

  /** Says whether `check` is well. */
  set(check: Check, isWell: boolean): void {
    if (isWell) {
      this.#failing.delete(check);
      this.#hasStarted ||= check === "started";
    } else {
      this.#failing.add(check);
    }
  }

  isWell(check: Check): boolean {
    return !this.#failing.has(check);
  }

  /** Whether it can take work. */
  get isReady(): boolean {
    return this.#failing.size === 0;
  }

  /** Whether it was ever up. */
  get hasStarted(): boolean {
    return this.#hasStarted;
  }
}
