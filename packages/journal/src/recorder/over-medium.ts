/** A medium over which a journal lies: as before, and durable. */

import { AetherError, type Link, type Medium, type Recorded, type RecordQuery, type SnapshotStore } from "@aether/core";
import type { Log } from "../log/log.ts";
import { JournalRecorder } from "./journal-recorder.ts";
import type { Ledger } from "./ledger.ts";

/** What the journal gives. */
export interface OverParts {
  /** The ledger, once it has begun. */
  ledger(): Promise<Ledger>;
  readonly log: Log;
  readonly directory: string;
  readonly snapshots: SnapshotStore;
  read(query: RecordQuery): AsyncIterable<Recorded>;
}

/** `medium` with a recorder on every link. Throws `AETHER_UNSUPPORTED` where other processes would not have it. */
export function over(medium: Medium, parts: OverParts): Medium {
  const { traits, name } = medium;
  if (traits.durable || traits.crossProcess) {
    const got = traits.durable
      ? "which records by itself"
      : "which reaches other processes that do not have the journal";
    throw new AetherError(
      "AETHER_UNSUPPORTED",
      `Expected a medium inside this process under a journal, got "${name}", ${got}. Connect without \`journal\`, or with inProcess().`,
      { details: { option: "journal", medium: name } },
    );
  }
  return {
    name: `${name}+journal`,
    traits: { ...traits, durable: true },
    async open(events): Promise<Link> {
      const ledger = await parts.ledger();
      const link = await medium.open(events);
      const recorder = new JournalRecorder({ ...parts, ledger, link, events });
      return {
        recorder,
        outlet: (channel) => link.outlet(channel),
        reflect: (reflection) => link.reflect(reflection),
        resonate: (listener) => link.resonate(listener),
        room: (channel) => link.room(channel),
        present: () => link.present(),
        heard: (channel) => link.heard(channel),
        close: async () => {
          // Both refuse from here on; what was handled is kept before it is over.
          await Promise.all([recorder.close(), link.close()]);
        },
      };
    },
  };
}
