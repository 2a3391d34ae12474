/** A backend that fails at everything for ten seconds. */

import { expect, test } from "vitest";
import { storm } from "./storm.ts";

const FOR_MS = 10_000;

test("breaker and budget hold attempts to 1.1 of the calls; control: three without them", async () => {
  const retry = { max: 2, baseDelayMs: 1, maxDelayMs: 2, budget: Number.POSITIVE_INFINITY };
  const [both, budget, none] = await Promise.all([
    storm({}, undefined, FOR_MS),
    storm({}, { breaker: false }, FOR_MS),
    storm({}, { breaker: false, retry }, FOR_MS),
  ]);
  expect(both.ratio).toBeLessThanOrEqual(1.1);
  expect(budget.ratio).toBeLessThanOrEqual(1.1);
  expect(none.ratio).toBeCloseTo(3, 1);
});
