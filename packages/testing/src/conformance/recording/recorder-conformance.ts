/** The conformance suite of the Recorder contract: one test for each guarantee, for every medium that is durable. */

import type { Medium } from "@aether/core";
import { type ConformanceCase, type ConformanceOptions, checkedSuite, suiteOf } from "../conformance-case.ts";
import { buryings } from "./burying.ts";
import { handing } from "./handing.ts";
import { places } from "./places.ts";
import { reading } from "./reading.ts";
import { RecordStage } from "./record-stage.ts";
import { settling } from "./settling.ts";
import { rememberings } from "./snapshots.ts";
import { tailing } from "./tailing.ts";

const GUARANTEES = [...handing, ...settling, ...places, ...reading, ...tailing, ...buryings, ...rememberings];

const DEFAULT_DEADLINE_MS = 5000;

/**
 * The tests that the recorder of a durable medium must pass beside those of `mediumConformance`, each named by one
 * guarantee of the `Recorder` contract, word for word. Every test calls `create` as `mediumConformance` does, and closes
 * links with waves in hand: what is lost in that way must come again before `options.deadlineMs` (default 5000) is over.
 *
 * ```ts
 * recorderConformance(() => myMedium({ ackWaitMs: 500 }), { test });
 * ```
 */
export function recorderConformance(
  create: () => Medium | Promise<Medium>,
  options: ConformanceOptions = {},
): readonly ConformanceCase[] {
  const { deadlineMs, test } = checkedSuite(create, options, DEFAULT_DEADLINE_MS);
  return suiteOf(GUARANTEES, () => RecordStage.open(create, deadlineMs), test);
}
