import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AetherError, type Recorded, type RecordQuery, Wave } from "@aether/core";
import { type ConformingJournal, journalConformance, type OpenJournal } from "@aether/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openJournal } from "../src/index.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "aether-journal-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const open: OpenJournal = (name) => openJournal(join(directory, name));

describe("a journal", () => {
  journalConformance(open, { test });
});

test("each guarantee of the doc comment is one test of the suite, and each test one guarantee", () => {
  const names = journalConformance(open, { test: false }).map(({ name }) => name);
  const source = readFileSync(new URL("../src/journal.ts", import.meta.url), "utf8");
  const comment = source.slice(0, source.indexOf("export class Journal "));
  const listed = [...comment.slice(comment.lastIndexOf("/**")).matchAll(/^ \* - (.+)$/gm)].map(([, name = ""]) => name);
  expect(names).toEqual(listed);
});

/** A journal with something changed. */
function altered(change: (journal: ConformingJournal, name: string) => Partial<ConformingJournal>): OpenJournal {
  return async (name) => {
    const journal = await open(name);
    return {
      append: (wave) => journal.append(wave),
      read: (query) => journal.read(query),
      snapshot: (token, state, position) => journal.snapshot(token, state, position),
      latestSnapshot: (token) => journal.latestSnapshot(token),
      verify: () => journal.verify(),
      close: () => journal.close(),
      ...change(journal, name),
    };
  };
}

async function* changed(
  read: AsyncIterable<Recorded>,
  change: (entry: Recorded, at: number) => readonly Recorded[],
): AsyncGenerator<Recorded> {
  let at = 0;
  for await (const entry of read) {
    yield* change(entry, at++);
  }
}

/** Reads with `change` made to each entry. */
function reading(change: (entry: Recorded, at: number) => readonly Recorded[]): OpenJournal {
  return altered((journal) => ({ read: (query) => changed(journal.read(query), change) }));
}

const memory = new Map<string, ConformingJournal>();
const snapshots = new Map<string, { state: unknown; position: string }>();

const broken: readonly { readonly name: string; readonly create: OpenJournal; readonly breaks: string }[] = [
  {
    name: "reads some waves before others",
    create: altered((journal) => ({
      async *read(query?: RecordQuery) {
        const all: Recorded[] = [];
        for await (const entry of journal.read(query)) {
          all.push(entry);
        }
        yield* all.length > 100 ? [...all.slice(100), ...all.slice(0, 100)] : all;
      },
    })),
    breaks: "what is appended is read in the order of the calls",
  },
  {
    name: "forgets the phase of a wave",
    create: reading(({ position, wave }) => {
      const init = wave.toInit();
      const again = Wave.of({ ...init, extras: { ...init.extras, phase: 0, position } });
      return [{ position, wave: again }];
    }),
    breaks: "a wave is read as it was at the call of append",
  },
  {
    name: "gives a wave the position of the one before",
    create: altered((journal) => {
      let last = "";
      return {
        async append(wave) {
          const position = await journal.append(wave);
          [last] = [position];
          return wave.channel === "orders.created" ? position.slice(0, -1) : last;
        },
      };
    }),
    breaks: "a position is that of its wave, and positions grow",
  },
  {
    name: "leaves out the end of what is asked for",
    create: altered((journal) => ({
      read: (query) => changed(journal.read(query), (entry) => (entry.position === query?.to ? [] : [entry])),
    })),
    breaks: "a reading is bounded by position, time, pattern and amplitude, both ends included",
  },
  {
    name: "goes on reading what comes",
    create: altered((journal) => ({
      async *read(query?: RecordQuery) {
        let last: string | undefined;
        for (let rounds = 0; rounds < 3; rounds++) {
          for await (const entry of journal.read({ ...query, ...(last === undefined ? {} : { from: last }) })) {
            if (entry.position !== last) {
              yield entry;
            }
            last = entry.position;
          }
        }
      },
    })),
    breaks: "a reading ends where the journal ended when it began",
  },
  {
    name: "keeps what cannot be written without its payload",
    create: altered((journal) => ({
      append: (wave) => journal.append(wave).catch(() => journal.append(wave.withPayload(undefined))),
    })),
    breaks: "what cannot be written is refused, and leaves nothing",
  },
  {
    name: "begins anew whenever it is opened",
    create: (name) => open(`${name}-${memory.size + crypto.randomUUID()}`),
    breaks: "what was acknowledged is there when it is opened again",
  },
  {
    name: "gives its first positions again",
    create: async (name) => {
      const journal = await altered(() => ({}))(name);
      let count = 0;
      const append = async (wave: Wave): Promise<string> => {
        await journal.append(wave);
        return `position-${count++}`;
      };
      return { ...journal, append };
    },
    breaks: "a position is given once, also after it was opened again",
  },
  {
    name: "loses what is on its way when it is closed",
    create: altered((journal) => {
      let closing = false;
      return {
        async append(wave) {
          await new Promise((resolve) => setTimeout(resolve, 20));
          return closing ? "lost" : await journal.append(wave);
        },
        close: () => {
          closing = true;
          return journal.close();
        },
      };
    }),
    breaks: "what was on its way when it was closed is kept",
  },
  {
    name: "gives the first snapshot of a name for ever",
    create: altered((journal, name) => ({
      async snapshot(token, state, position) {
        const key = `${name} ${token}`;
        snapshots.set(key, snapshots.get(key) ?? { state, position });
        await journal.snapshot(token, state, position);
      },
      latestSnapshot: async (token) => snapshots.get(`${name} ${token}`),
    })),
    breaks: "a snapshot is given back with its position, the newest of its name",
  },
  {
    name: "has a snapshot of everything",
    create: altered((journal) => ({
      latestSnapshot: async (token) => (await journal.latestSnapshot(token)) ?? { state: undefined, position: "" },
    })),
    breaks: "a name of which no snapshot was taken has none",
  },
  {
    name: "takes any position",
    create: altered((journal) => ({
      read: (query) => journal.read({ pattern: query?.pattern }),
      snapshot: (token, state, position) => journal.snapshot(token, state, position).catch(() => undefined),
    })),
    breaks: "a position of another journal is refused with AETHER_BAD_POSITION",
  },
  {
    name: "verifies nothing",
    create: altered(() => ({ verify: async () => ({ records: 0 }) })),
    breaks: "verify reads everything that is there",
  },
  {
    name: "lets everybody in",
    create: async (name) => {
      const known = memory.get(name);
      const journal = known ?? (await altered(() => ({}))(name));
      memory.set(name, journal);
      return journal;
    },
    breaks: "one writer has it at a time: another is refused with AETHER_JOURNAL_LOCKED",
  },
  {
    name: "reads although it is closed",
    create: altered((journal) => ({
      read: (query) => {
        const read = journal.read(query);
        return (async function* () {
          try {
            yield* read;
          } catch (error) {
            if (!(error instanceof AetherError) || error.code !== "AETHER_CLOSED") {
              throw error;
            }
          }
        })();
      },
    })),
    breaks: "a closed one refuses with AETHER_CLOSED, and closing twice is closing once",
  },
];

describe.concurrent("the suite notices a journal that", () => {
  test.each(broken)("$name", async ({ create, breaks }) => {
    const cases = journalConformance(create, { test: false, deadlineMs: 3000 });
    const failed: string[] = [];
    await Promise.all(cases.map(({ name, run }) => run().catch(() => failed.push(name))));
    expect(failed, "guarantees found broken").toContain(breaks);
    expect(failed.length, `it fails too much: ${failed.join("; ")}`).toBeLessThan(cases.length / 2);
  });
});

test("every guarantee is broken by some journal", () => {
  const names = journalConformance(open, { test: false }).map(({ name }) => name);
  expect(broken.map(({ breaks }) => breaks)).toEqual(names);
});
