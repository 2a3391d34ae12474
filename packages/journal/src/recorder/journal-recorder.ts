/** The recorder of one link over a journal. */

import {
  AetherError,
  type DeadLetterStore,
  type Follower,
  type Following,
  type From,
  type Link,
  type MediumEvents,
  type Outlet,
  type Recorded,
  type RecordedGroup,
  type Recorder,
  type RecordQuery,
  type SnapshotStore,
  type TailQuery,
  type TailStep,
  type Wave,
} from "@aether/core";
import type { Log } from "../log/log.ts";
import { JournalLetters } from "./journal-letters.ts";
import { closedLink, comparePlaces, journalTail } from "./journal-tail.ts";
import type { Kept, Ledger } from "./ledger.ts";
import type { Member } from "./place.ts";

/** What the recorder of a link works with. */
export interface JournalRecorderParts {
  readonly ledger: Ledger;
  readonly log: Log;
  readonly directory: string;
  readonly snapshots: SnapshotStore;
  readonly link: Link;
  readonly events: MediumEvents;
  read(query: RecordQuery): AsyncIterable<Recorded>;
}

const MOST_OUTLETS = 1000;
/** How late a deadline may be told, in milliseconds. */
const SWEEP_MS = 100;

/** Somebody who waits for a wave to be kept. */
interface Waiter {
  readonly wave: Wave;
  readonly deadline: number;
  reject(error: AetherError): void;
}

/** One aether's way to the journal. */
export class JournalRecorder implements Recorder {
  readonly deadLetters: DeadLetterStore;
  readonly #parts: JournalRecorderParts;
  readonly #outlets = new Map<string, Outlet>();
  readonly #waiting = new Set<Waiter>();
  #sweep: NodeJS.Timeout | undefined;
  /** Whether the last look at the file for a group has failed. */
  #isTroubled = false;
  #closed = false;

  constructor(parts: JournalRecorderParts) {
    this.#parts = parts;
    this.deadLetters = new JournalLetters(parts.ledger.letters, () => parts.events.moment());
  }

  async declare(patterns: readonly string[]): Promise<void> {
    this.#assertOpen();
    await this.#parts.ledger.declare(patterns);
  }

  records(pattern: string): boolean {
    return this.#parts.ledger.records(pattern);
  }

  record(wave: Wave, deadline: number): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#assertOpen();
      const waiter = { wave, deadline, reject };
      this.#waiting.add(waiter);
      this.#sweep ??= setInterval(() => this.#expire(), SWEEP_MS).unref();
      const over = (): void => void this.#waiting.delete(waiter);
      this.#parts.ledger
        .record(wave)
        .then((kept) => this.#carry(wave, kept))
        .then(resolve, reject)
        .finally(over);
    });
  }

  /** Those who listen live hear what is new. */
  async #carry(wave: Wave, { position, isNew }: Kept): Promise<string> {
    if (isNew && !this.#closed) {
      try {
        await this.#outlet(wave.channel).propagate(wave);
      } catch {
        // It is kept; nobody was promised to hear it live.
      }
    }
    return position;
  }

  #outlet(channel: string): Outlet {
    let outlet = this.#outlets.get(channel);
    if (outlet === undefined) {
      if (this.#outlets.size >= MOST_OUTLETS) {
        this.#outlets.clear();
      }
      outlet = this.#parts.link.outlet(channel);
      this.#outlets.set(channel, outlet);
    }
    return outlet;
  }

  #expire(): void {
    const now = this.#parts.ledger.clock.monotonic();
    for (const waiter of this.#waiting) {
      if (waiter.deadline <= now) {
        this.#waiting.delete(waiter);
        waiter.reject(uncertain(waiter.wave));
      }
    }
    if (this.#waiting.size === 0) {
      clearInterval(this.#sweep);
      this.#sweep = undefined;
    }
  }

  async follow(follower: Follower, from: From): Promise<Following> {
    this.#assertOpen();
    const { ledger, events } = this.#parts;
    const place = await ledger.place(follower, from);
    this.#assertOpen();
    const member: Member = {
      follower,
      link: this,
      open: true,
      read: (sequence) => {
        const wave = ledger.read(sequence, () => events.moment());
        return wave instanceof Promise ? this.#watched(wave) : wave;
      },
    };
    place.join(member);
    return {
      wants: () => place.wants(),
      close: async () => place.leave(member),
    };
  }

  /** What is read for a group. That it cannot be read is told, and that it can again. */
  async #watched(reading: Promise<Wave | undefined>): Promise<Wave | undefined> {
    try {
      const wave = await reading;
      if (this.#isTroubled) {
        this.#isTroubled = false;
        this.#parts.events.connected();
      }
      return wave;
    } catch (error) {
      if (!this.#isTroubled && !this.#closed) {
        this.#isTroubled = true;
        this.#parts.events.disconnected(error);
      }
      throw error;
    }
  }

  async *read(query: RecordQuery): AsyncGenerator<Recorded> {
    this.#assertOpen();
    yield* this.#parts.read(query);
  }

  async tail(query: TailQuery, signal: AbortSignal): Promise<AsyncIterable<TailStep>> {
    this.#assertOpen();
    const { log, directory, events } = this.#parts;
    return await journalTail(query, signal, {
      ...{ log, directory },
      moment: () => events.moment(),
      assertOpen: () => this.#assertOpen(),
    });
  }

  async end(): Promise<string | undefined> {
    this.#assertOpen();
    return this.#parts.log.last;
  }

  compare(one: string, other: string): number {
    return comparePlaces(one, other);
  }

  get snapshots(): SnapshotStore {
    return this.#parts.snapshots;
  }

  async groups(): Promise<readonly RecordedGroup[]> {
    this.#assertOpen();
    return await this.#parts.ledger.groups();
  }

  async drop(group: string, name: string): Promise<void> {
    this.#assertOpen();
    await this.#parts.ledger.drop(group, name);
  }

  /** Its followers are gone, what they had in hand goes to others, and what they were done with is kept. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#sweep);
    await this.#parts.ledger.lost(this);
  }

  #assertOpen(): void {
    if (this.#closed) {
      throw closedLink();
    }
  }
}

function uncertain({ id, channel }: Wave): AetherError {
  return new AetherError(
    "AETHER_UNCERTAIN",
    `Expected the journal to have the wave on "${channel}" by its deadline, got no word of it: emit it again under its id`,
    { details: { id, channel } },
  );
}
