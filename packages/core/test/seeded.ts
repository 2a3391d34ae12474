/** fast-check for every property of core: AETHER_SEED repeats a run, and a failure prints the seed that it had. */

import fc from "fast-check";

const given = process.env["AETHER_SEED"];
const seed = given === undefined ? undefined : Number(given);

if (seed !== undefined && !Number.isInteger(seed)) {
  throw new RangeError(`Expected AETHER_SEED to be a whole number, got ${JSON.stringify(given)}`);
}

fc.configureGlobal({
  ...fc.readConfigureGlobal(),
  ...(seed !== undefined && { seed }),
  // Looking for a smaller counterexample may take longer than anybody waits: it ends before the test does.
  interruptAfterTimeLimit: 60_000,
  markInterruptAsFailure: true,
});

export { fc };
