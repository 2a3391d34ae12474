/** The conformance suite of the Medium contract: one test for each guarantee, for every medium and every wrapper. */

import type { Medium } from "@aether/core";
import { type ConformanceCase, type ConformanceOptions, checkedSuite, suiteOf } from "./conformance-case.ts";
import { bands } from "./guarantees/bands.ts";
import { closing } from "./guarantees/closing.ts";
import { counting } from "./guarantees/counting.ts";
import { detours } from "./guarantees/detours.ts";
import { exchanges } from "./guarantees/exchanges.ts";
import { groups } from "./guarantees/groups.ts";
import { links } from "./guarantees/links.ts";
import { observing } from "./guarantees/observing.ts";
import { passage } from "./guarantees/passage.ts";
import { patterns } from "./guarantees/patterns.ts";
import { presence } from "./guarantees/presence.ts";
import { readiness } from "./guarantees/readiness.ts";
import { room } from "./guarantees/room.ts";
import { runs } from "./guarantees/runs.ts";
import { type Guarantee, Stage } from "./stage.ts";

const GUARANTEES: readonly Guarantee[] = [
  ...patterns,
  ...readiness,
  ...groups,
  ...detours,
  ...observing,
  ...passage,
  ...counting,
  ...bands,
  ...room,
  ...exchanges,
  ...presence,
  ...links,
  ...closing,
  ...runs,
];

const DEFAULT_DEADLINE_MS = 2000;

/**
 * The tests that a medium must pass, each named by one guarantee of the `Medium` contract, word for word. Every test
 * calls `create` for media of its own: once, and for a medium with the trait `crossProcess` a second time, which
 * stands for another process and must join the first (same servers, same namespace). The tests may share a namespace if
 * they run one after the other. They read the traits: what a trait rules out is checked in the form that is left.
 *
 * Returns the cases, and gives them to the runner as `options.test` says:
 *
 * ```ts
 * mediumConformance(() => myMedium(), { test });                                  // Vitest, node:test
 * describe("my medium", () => void mediumConformance(() => myMedium()));          // Jest, Mocha, Vitest with globals
 * for (const { run } of mediumConformance(() => myMedium(), { test: false })) await run();
 * ```
 */
export function mediumConformance(
  create: () => Medium | Promise<Medium>,
  options: ConformanceOptions = {},
): readonly ConformanceCase[] {
  const { deadlineMs, test } = checkedSuite(create, options, DEFAULT_DEADLINE_MS);
  return suiteOf(GUARANTEES, () => Stage.open(create, deadlineMs), test);
}
