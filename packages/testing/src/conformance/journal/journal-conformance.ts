/** The conformance suite of journals: one test for each guarantee, for every journal. */

import { type ConformanceCase, type ConformanceOptions, checkedSuite, suiteOf } from "../conformance-case.ts";
import { appending } from "./appending.ts";
import { type JournalGuarantee, JournalStage, type OpenJournal } from "./journal-stage.ts";
import { lasting } from "./lasting.ts";

const GUARANTEES: readonly JournalGuarantee[] = [...appending, ...lasting];
const DEFAULT_DEADLINE_MS = 10_000;

/**
 * The tests that a journal must pass, each named by one guarantee of `Journal` of the journal package, word for word.
 * Every test calls `create` with names of its own; called twice with one name, it opens one journal again.
 *
 * ```ts
 * journalConformance((name) => openJournal(join(directory, name)), { test });
 * ```
 */
export function journalConformance(create: OpenJournal, options: ConformanceOptions = {}): readonly ConformanceCase[] {
  const { deadlineMs, test } = checkedSuite(create, options, DEFAULT_DEADLINE_MS);
  return suiteOf(GUARANTEES, async () => new JournalStage(create, deadlineMs), test);
}
