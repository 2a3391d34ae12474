/** One guarantee as a test that any runner can run. */

import { assertKnown, expected } from "../expected.ts";

/** A named check. `run` rejects with an assertion error when what it is checked on does not keep the guarantee. */
export interface ConformanceCase {
  /** The guarantee, word for word as in the doc comment of the contract. */
  readonly name: string;
  readonly run: () => Promise<void>;
}

/** Options of a conformance suite. */
export interface ConformanceOptions {
  /**
   * Called with each case to make it a test of the runner. Default: the global `test` or `it` of Jest, Mocha or
   * Vitest with globals, if there is one, so that calling the suite inside `describe` is enough. `false`: the cases
   * are only returned.
   */
  readonly test?: ((name: string, run: () => Promise<void>) => unknown) | false | undefined;
  /** Milliseconds that something may take which must happen; default 2000. What is kept never waits for it. */
  readonly deadlineMs?: number | undefined;
}

/** A guarantee and how it is checked on a stage of its own. */
export interface Checked<S> {
  readonly name: string;
  readonly check: (stage: S) => Promise<void>;
}

/** `options` with the deadline filled in. Throws `AETHER_BAD_OPTION`, also for a `create` that makes nothing. */
export function checkedSuite(
  create: unknown,
  options: ConformanceOptions,
  defaultMs: number,
): { readonly deadlineMs: number; readonly test: ConformanceOptions["test"] } {
  if (typeof create !== "function") {
    throw expected("create", "a function that makes what is under test", create);
  }
  assertKnown("options of the suite", options, ["test", "deadlineMs"]);
  const { test, deadlineMs = defaultMs } = options;
  if (test !== undefined && test !== false && typeof test !== "function") {
    throw expected("test", "the `test` of a runner, or false", test);
  }
  if (!(typeof deadlineMs === "number" && deadlineMs > 0 && deadlineMs < 2 ** 31)) {
    throw expected("deadlineMs", "a number of milliseconds above 0", deadlineMs);
  }
  return { deadlineMs, test };
}

/** The cases of a suite, given to the runner as `test` says. Each has a stage of its own, opened by `open`. */
export function suiteOf<S extends { close(): Promise<void> }>(
  guarantees: readonly Checked<S>[],
  open: () => Promise<S>,
  test: ConformanceOptions["test"],
): readonly ConformanceCase[] {
  const cases = guarantees.map(({ name, check }) => ({
    name,
    run: async (): Promise<void> => {
      const stage = await open();
      try {
        await check(stage);
      } finally {
        await stage.close();
      }
    },
  }));
  register(cases, test);
  return cases;
}

/** Makes each case a test of the runner, as `test` says. */
function register(cases: readonly ConformanceCase[], test: ConformanceOptions["test"]): void {
  const runner = test ?? globalTest();
  if (runner !== false && runner !== undefined) {
    for (const { name, run } of cases) {
      runner(name, run);
    }
  }
}

function globalTest(): ((name: string, run: () => Promise<void>) => unknown) | undefined {
  for (const word of ["test", "it"]) {
    const found: unknown = Reflect.get(globalThis, word);
    if (typeof found === "function") {
      return (name, run) => Reflect.apply(found, undefined, [name, run]);
    }
  }
  return undefined;
}
