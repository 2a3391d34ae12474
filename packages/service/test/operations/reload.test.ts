/** Reloads under load: each one whole or not at all, and no wave is lost. */

import { expect, test } from "vitest";
import { reloaded } from "./reloaded.ts";

const WRITES = 60;

test("reloads under load, invalid ones between: live keys follow, the rest needs a restart, no wave is lost", async () => {
  const { emitted, handled, givenUp, lines, count } = await reloaded(WRITES);
  expect(emitted).toBeGreaterThan(WRITES);
  expect(handled).toBe(emitted);
  expect(givenUp).toBe(0);
  expect(count("The configuration was reloaded")).toBeGreaterThan(WRITES / 4);
  expect(count("The configuration is wrong; the old one stays")).toBeGreaterThan(WRITES / 8);
  const message = "Changes of the configuration need a restart";
  expect(lines).toContainEqual({ message, keys: ["service.max_inflight"] });
});
