/** Waves go from a journal into JetStream and on into another journal: the same ones, in the same order. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type CopyProgress,
  copyRecord,
  inProcess,
  openRecorder,
  type Recorder,
  systemClock,
  type Wave,
} from "@aether/core";
import { type Journal, openJournal } from "@aether/journal";
import { natsMedium } from "@aether/nats";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { rejection } from "../../packages/core/test/aether/until.ts";
import { wave } from "../../packages/journal/test/waves.ts";
import { NatsServer } from "../../packages/nats/test/nats-server.ts";

let server: NatsServer;
let directory: string;
let count = 0;
const closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  server = await NatsServer.start({ version: "2.9", jetstream: true });
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "aether-copy-"));
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) {
    await close();
  }
  await rm(directory, { recursive: true, force: true });
});

async function journalOf(name: string): Promise<{ readonly journal: Journal; readonly recorder: Recorder }> {
  const journal = await openJournal(join(directory, name));
  closing.push(() => journal.close());
  const { recorder, close } = await openRecorder(journal.over(inProcess()));
  closing.push(close);
  return { journal, recorder };
}

async function jetStream(): Promise<Recorder> {
  const medium = natsMedium({ servers: server.url, namespace: `copy${count++}` });
  const { recorder, close } = await openRecorder(medium);
  closing.push(close);
  return recorder;
}

async function factsIn(recorder: Pick<Recorder, "read">): Promise<readonly unknown[]> {
  const facts: unknown[] = [];
  for await (const { wave: one } of recorder.read({})) {
    const { id, channel, payload, amplitude, kind, key, headers, source, trace, hops, version } = one;
    facts.push({ id, channel, payload, amplitude, kind, key, headers: { ...headers }, source, trace, hops, version });
  }
  return facts;
}

function some(howMany: number): readonly Wave[] {
  return Array.from({ length: howMany }, (_, n) =>
    wave(
      `w-${n}`,
      { channel: n % 3 === 0 ? "orders.paid" : "orders.created", amplitude: ((n * 7) % 10) / 10, payload: { n } },
      n % 4 === 0 ? { key: `k${n}`, headers: { tenant: "t" }, version: 2 } : undefined,
    ),
  );
}

describe("a copy of a record", () => {
  test("goes from a journal into JetStream and on into another journal, the same waves in the same order", async () => {
    const one = await journalOf("one");
    for (const each of some(300)) {
      await one.journal.append(each);
    }
    const stream = await jetStream();
    const told: CopyProgress[] = [];
    const options = { pattern: "orders.>", onProgress: (progress: CopyProgress) => void told.push(progress) };
    const done = await copyRecord(one.journal, stream, options);
    expect(done).toEqual({ copied: 300, position: await lastOf(one.journal) });
    expect(told.map(({ copied }) => copied)).toEqual(Array.from({ length: 300 }, (_, n) => n + 1));
    const two = await journalOf("two");
    await copyRecord(stream, two.recorder, { pattern: "orders.>" });
    const facts = await factsIn(one.journal);
    expect(facts).toHaveLength(300);
    expect(await factsIn(two.recorder)).toEqual(facts);
    // Once more, and nothing is there twice.
    await copyRecord(stream, two.recorder, { pattern: "orders.>" });
    await copyRecord(one.recorder, stream, { pattern: "orders.>" });
    expect(await factsIn(two.recorder)).toEqual(facts);
    expect(await factsIn(stream)).toEqual(facts);
  });

  test("goes on where it was stopped, and copies what is asked for", async () => {
    const one = await journalOf("one");
    await Promise.all(some(100).map((each) => one.journal.append(each)));
    const two = await journalOf("two");
    const stop = new AbortController();
    let reached = "";
    const onProgress = ({ copied, position }: CopyProgress): void => {
      reached = position ?? "";
      if (copied === 40) {
        stop.abort(new Error("enough"));
      }
    };
    const query = { pattern: "orders.>", minAmplitude: 0.5, inFlight: 1 };
    const stopped = copyRecord(one.journal, two.recorder, { ...query, onProgress, signal: stop.signal });
    expect(await rejection(stopped)).toMatchObject({ message: "enough" });
    await copyRecord(one.journal, two.recorder, { ...query, from: reached });
    const wanted = some(100).filter(({ amplitude }) => amplitude >= 0.5);
    expect((await factsIn(two.recorder)).length).toBe(wanted.length);
  });

  test("refuses what it cannot read or record in, and options that are none", async () => {
    const { journal, recorder } = await journalOf("a");
    const copy = (...given: readonly unknown[]): Promise<unknown> => Reflect.apply(copyRecord, undefined, given);
    for (const [given, option] of [
      [[undefined, recorder], "from"],
      [[{}, recorder], "from"],
      [[journal], "to"],
      [[journal, journal], "to"],
      [[journal, recorder, null], "options of copyRecord"],
      [[journal, recorder, { depth: 1 }], "options of copyRecord"],
      [[journal, recorder, { onProgress: 1 }], "onProgress"],
      [[journal, recorder, { signal: 1 }], "signal"],
      [[journal, recorder, { inFlight: 0 }], "inFlight"],
      [[journal, recorder, { timeoutMs: Number.NaN }], "timeoutMs"],
    ] as const) {
      expect(await rejection(copy(...given)), option).toMatchObject({ code: "AETHER_BAD_OPTION", details: { option } });
    }
    for (const medium of [undefined, null, 5, {}]) {
      const opened = Reflect.apply(openRecorder, undefined, [medium]);
      expect(await rejection(opened)).toMatchObject({ code: "AETHER_BAD_OPTION", details: { option: "medium" } });
    }
  });

  test("refuses a channel that is not recorded where it goes", async () => {
    const one = await journalOf("one");
    const two = await journalOf("two");
    await one.recorder.record(wave("w"), systemClock.monotonic() + 1000);
    expect(await rejection(copyRecord(one.journal, two.recorder))).toMatchObject({ code: "AETHER_UNSUPPORTED" });
    expect(await rejection(copyRecord(one.journal, two.recorder, { inFlight: 0 }))).toMatchObject({
      code: "AETHER_BAD_OPTION",
    });
    expect(await rejection(openRecorder(inProcess()))).toMatchObject({ code: "AETHER_UNSUPPORTED" });
  });
});

async function lastOf(journal: Journal): Promise<string | undefined> {
  let last: string | undefined;
  for await (const { position } of journal.read()) {
    last = position;
  }
  return last;
}
