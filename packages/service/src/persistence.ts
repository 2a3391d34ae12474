/** Persistence by configuration: the journal at `persistence_path`, one however many runs of the process share it. */

import { resolve } from "node:path";
import { AetherError } from "@aether/core";
import { type Journal, openJournal } from "@aether/journal";
import type { Log } from "./log.ts";

/** A run's part in a journal. */
export interface Persistence {
  readonly journal: Journal;
  /** Ends it; the last one closes the journal. To be called when the aether is closed. */
  leave(): Promise<void>;
}

/** Whom a run tells how its journal is. */
export interface PersistenceParts {
  readonly log: Log;
  /** Called when the disk has failed: nothing more is kept until the journal is opened again. */
  readonly onFailed: () => void;
}

const KEY = "aether.persistence_path";

interface Shared {
  readonly opening: Promise<Journal>;
  tenants: number;
}

/** The journals that are open here, by the absolute path of their folder. */
const journals = new Map<string, Shared>();
/** Those that are closing: a folder has one writer at a time. */
const closing = new Map<string, Promise<void>>();

/** Opens the journal at `path`. Rejects with the errors of `openJournal`, each naming the key that the path comes from. */
export async function openPersistence(path: string, { log, onFailed }: PersistenceParts): Promise<Persistence> {
  const folder = resolve(path);
  while (closing.has(folder)) {
    await closing.get(folder)?.catch(() => undefined);
  }
  const shared = journals.get(folder) ?? { opening: openJournal(folder), tenants: 0 };
  journals.set(folder, shared);
  shared.tenants += 1;
  let journal: Journal;
  try {
    journal = await shared.opening;
  } catch (cause) {
    forget(folder, shared);
    throw refusalOf(cause, path);
  }
  const { cuts, last } = journal.health();
  for (const cut of cuts) {
    log.warn("Bytes at the end of the journal were half written, and are cut off", { ...cut });
  }
  log.info("The journal is open", { key: KEY, path: folder, last });
  const offs = [
    journal.on("full", ({ error }) => log.error("The journal has no room for more", { error })),
    journal.on("fallback", (fallback) => log.warn("A snapshot was passed over", { ...fallback })),
    journal.on("failed", ({ error }) => {
      log.error("The disk has failed the journal: nothing more is kept", { error });
      onFailed();
    }),
  ];
  return { journal, leave: once(() => leave(folder, shared, journal, offs)) };
}

async function leave(folder: string, shared: Shared, journal: Journal, offs: readonly (() => void)[]): Promise<void> {
  for (const off of offs) {
    off();
  }
  if (!forget(folder, shared)) {
    return;
  }
  const closed = journal.close();
  closing.set(folder, closed);
  try {
    await closed;
  } finally {
    closing.delete(folder);
  }
}

/** Takes one tenant away; whether it was the last. */
function forget(folder: string, shared: Shared): boolean {
  shared.tenants -= 1;
  const isLast = shared.tenants === 0;
  if (isLast && journals.get(folder) === shared) {
    journals.delete(folder);
  }
  return isLast;
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}

function refusalOf(cause: unknown, path: string): unknown {
  if (!(cause instanceof AetherError)) {
    return cause;
  }
  const { code, retryable, details, message } = cause;
  return new AetherError(code, `Expected \`${KEY}\` to lead to a journal, got "${path}". ${message}`, {
    cause,
    retryable,
    details: { ...details, key: KEY },
  });
}
