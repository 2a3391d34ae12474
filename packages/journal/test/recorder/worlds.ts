/** Aethers over a journal in a directory, and what its recorder says. */

import {
  Aether,
  type AetherOptions,
  inProcess,
  type Medium,
  type Moment,
  type RecordedGroup,
  type Recorder,
  systemClock,
} from "@aether/core";
import { type Journal, type JournalOptions, openJournal } from "../../src/index.ts";
import { testDirectory } from "../directory.ts";

/** One life of a journal: from an opening to a close. */
export interface Life {
  readonly journal: Journal;
  readonly medium: Medium;
  /** A recorder on a link of its own. */
  readonly recorder: Recorder;
  join(options?: AetherOptions): Promise<Aether>;
  /** Closes aethers and journal. */
  end(): Promise<void>;
}

/** A directory that is opened again and again. */
export interface World extends AsyncDisposable {
  readonly path: string;
  live(options?: JournalOptions): Promise<Life>;
}

function moment(): Moment {
  const at = systemClock.monotonic();
  const laws = { perHop: 0.95, minAmplitude: 0.01, maxLifetimeMs: 3_600_000 };
  return { at, surroundings: { clock: systemClock, ...laws, wallOffsetMs: systemClock.now() - at } };
}

/** A recorder on a link of its own, on which nothing arrives. */
export async function recorderOf(medium: Medium): Promise<Recorder> {
  const link = await medium.open({
    connected: () => undefined,
    disconnected: () => undefined,
    interest: () => undefined,
    reflected: () => undefined,
    moment,
  });
  if (link.recorder === undefined) {
    throw new Error("Expected a medium that records");
  }
  return link.recorder;
}

export async function world(): Promise<World> {
  const directory = await testDirectory();
  const lives = new Set<Life>();
  return {
    path: directory.path,
    async live(options = {}) {
      const journal = await openJournal(directory.path, options);
      const medium = journal.over(inProcess());
      const aethers: Aether[] = [];
      const life: Life = {
        journal,
        medium,
        recorder: await recorderOf(medium),
        async join(more = {}) {
          const aether = await Aether.connect({ medium, recorded: ["orders.>"], ...more });
          aethers.push(aether);
          return aether;
        },
        async end() {
          lives.delete(life);
          await Promise.all(aethers.map((aether) => aether.close({ deadlineMs: 0 })));
          await journal.close();
        },
      };
      lives.add(life);
      return life;
    },
    async [Symbol.asyncDispose]() {
      for (const life of lives) {
        await life.end();
      }
      await directory[Symbol.asyncDispose]();
    },
  };
}

export async function groupIn(recorder: Recorder, group: string): Promise<RecordedGroup | undefined> {
  return (await recorder.groups()).find((one) => one.group === group);
}

const PATIENCE_MS = 10_000;

/** Resolves once `condition` holds; rejects when it does not within ten seconds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const givenUpAt = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (performance.now() > givenUpAt) {
      throw new Error(`Expected ${condition} to become true within ${PATIENCE_MS} ms`);
    }
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}

/** What `promise` rejects with; `undefined`: it resolved. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return error;
  }
}
