/** Everything that `@aether/testing` gives out. */

// Conformance
export type { ConformanceCase, ConformanceOptions } from "./conformance/conformance-case.ts";
export { journalConformance } from "./conformance/journal/journal-conformance.ts";
export type { ConformingJournal, OpenJournal } from "./conformance/journal/journal-stage.ts";
export { mediumConformance } from "./conformance/medium-conformance.ts";
export { recorderConformance } from "./conformance/recording/recorder-conformance.ts";
// Faults
export {
  type FaultProxy,
  type FaultProxyOptions,
  type FaultProxyTarget,
  type Faults,
  faultProxy,
} from "./fault-proxy.ts";
// Tests of services
export { type TestAether, type TestAetherOptions, testAether } from "./test-aether.ts";
// Time
export { VirtualClock } from "./virtual-clock.ts";
