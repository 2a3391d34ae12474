/** Everything that `@aether/journal` gives out. */

export type { Done, FileSystem, OpenFile, Standing } from "./files/file-system.ts";
export { nodeFileSystem } from "./files/node-file-system.ts";
export {
  type Journal,
  type JournalEvents,
  type JournalHealth,
  openJournal,
  type Verified,
} from "./journal.ts";
export type { Mode } from "./log/log-writer.ts";
export type { Drop, DropReason, RetentionOptions } from "./log/retention.ts";
export type { Cut } from "./log/segments.ts";
export type { JournalOptions, ReadOptions } from "./options.ts";
export type { Fallback, Snapshot } from "./snapshot/snapshots.ts";
export type { JournalEntry } from "./wave-reading.ts";
