/** The stage of one test of a journal: the journal under test, opened again and again, and waves for it. */

import assert from "node:assert/strict";
import type { Recorded, RecordQuery, Wave } from "@aether/core";
import type { Checked } from "../conformance-case.ts";
import { type TestWaveInit, testWave } from "../test-wave.ts";
import { within } from "../wait.ts";

/** What a journal must be able to do: `openJournal` of the journal package gives one. */
export interface ConformingJournal {
  append(wave: Wave): Promise<string>;
  read(query?: RecordQuery): AsyncIterable<Recorded>;
  snapshot(name: string, state: unknown, position: string): Promise<void>;
  latestSnapshot(name: string): Promise<{ readonly state: unknown; readonly position: string } | undefined>;
  verify(): Promise<{ readonly records: number }>;
  close(): Promise<void>;
}

/** Opens the journal of that name, or begins it: twice the same name is twice the same journal. */
export type OpenJournal = (name: string) => Promise<ConformingJournal>;

let stages = 0;

/** Everything that one test of a journal works with. */
export class JournalStage {
  readonly #create: OpenJournal;
  readonly #deadlineMs: number;
  readonly #token: string = `j${++stages}x${crypto.randomUUID().slice(0, 8)}`;
  readonly #open = new Set<ConformingJournal>();
  #count = 0;

  constructor(create: OpenJournal, deadlineMs: number) {
    this.#create = create;
    this.#deadlineMs = deadlineMs;
  }

  /** The journal `name` of this stage. */
  async open(name = "one"): Promise<ConformingJournal> {
    const journal = await this.within(this.#create(`${this.#token}-${name}`), "a journal opens");
    this.#open.add(journal);
    return journal;
  }

  async close(journal?: ConformingJournal): Promise<void> {
    const all = journal === undefined ? [...this.#open] : [journal];
    for (const one of all) {
      this.#open.delete(one);
      await this.within(one.close(), "a journal closes");
    }
  }

  wave(init: Partial<TestWaveInit> = {}): Wave {
    const channel = init.channel ?? "orders.created";
    return testWave({ halfLifeMs: Number.POSITIVE_INFINITY, id: `${this.#token}-${++this.#count}`, ...init, channel });
  }

  waves(count: number, init: Partial<TestWaveInit> = {}): readonly Wave[] {
    return Array.from({ length: count }, (_, n) => this.wave({ payload: { n }, ...init }));
  }

  async append(journal: ConformingJournal, wave: Wave): Promise<string> {
    return await this.within(journal.append(wave), "a wave is appended");
  }

  /** Appends all of them without waiting for each; their positions. */
  async appendAll(journal: ConformingJournal, waves: readonly Wave[]): Promise<readonly string[]> {
    return await this.within(Promise.all(waves.map((wave) => journal.append(wave))), "waves are appended");
  }

  async read(journal: ConformingJournal, query: RecordQuery = {}): Promise<readonly Recorded[]> {
    const found: Recorded[] = [];
    const reading = async (): Promise<void> => {
      for await (const entry of journal.read(query)) {
        found.push(entry);
      }
    };
    await this.within(reading(), "a reading ends");
    return found;
  }

  async ids(journal: ConformingJournal, query: RecordQuery = {}): Promise<readonly string[]> {
    return (await this.read(journal, query)).map(({ wave }) => wave.id);
  }

  /** Holds when `promise` rejects, with `code` where one is given. */
  async refuses(promise: () => Promise<unknown>, what: string, code?: string): Promise<void> {
    let outcome: unknown;
    try {
      await this.within(promise(), what);
    } catch (error) {
      outcome = error;
    }
    assert.ok(outcome instanceof Error, `Expected ${what} to be refused`);
    if (code !== undefined) {
      assert.equal(Reflect.get(outcome, "code"), code, `the code by which ${what} is refused`);
    }
  }

  async within<T>(promise: Promise<T>, what: string): Promise<T> {
    return await within(promise, what, this.#deadlineMs);
  }
}

/** A guarantee of journals, and how it is checked. */
export type JournalGuarantee = Checked<JournalStage>;
