import { expect, test } from "vitest";
import { compose, composePlain, NO_CAUSE } from "../../src/aether/emitting/propagation.ts";
import { NO_OPTIONS } from "../../src/aether/options.ts";
import { physicsOf } from "../../src/physics/physics.ts";
import { sampleSurroundings } from "../sample-wave.ts";

test("a plain wave is the same, whichever way it is composed", () => {
  const use = {
    channel: "orders.created",
    kind: "event",
    origin: { source: "alpha", sourceId: "alpha-1" },
    halfLifeMs: 60_000,
    bytes: 512,
    contract: undefined,
  } as const;
  const moment = { at: 1000, surroundings: sampleSurroundings() };
  const payload = { sku: "a" };
  const parts = { id: "1", use, kind: use.kind, payload, bytes: use.bytes, moment, exchange: undefined };
  const composed = compose({ ...parts, options: NO_OPTIONS, cause: NO_CAUSE }, physicsOf(undefined));
  expect(composePlain("1", use, payload, moment).toInit()).toEqual(composed.toInit());
});
