import { readdir } from "node:fs/promises";
import { inspect } from "node:util";
import { VirtualClock } from "@aether/testing";
import { describe, expect, test } from "vitest";
import { type JournalEntry, openJournal } from "../src/index.ts";
import { testDirectory } from "./directory.ts";
import { SimDisk } from "./sim-disk.ts";
import { idsIn, readAll, sequenceIn, wave } from "./waves.ts";

const KIBIBYTE = "x".repeat(1000);

describe("a journal", () => {
  test("gives back what was appended, in order, also after it was opened again", async () => {
    await using directory = await testDirectory();
    const everything = wave(
      "w1",
      {
        kind: "broadcast",
        channel: "stock.low",
        payload: { text: "ünïcödé" },
        amplitude: 0.95,
        hops: 3,
        cause: "w0",
        trace: "t0",
        halfLifeMs: 60_000,
      },
      {
        phase: 1.5,
        weight: 2,
        key: "sku-ä",
        headers: { tenant: "a" },
        version: 2,
        named: true,
        gain: 2,
        reflects: true,
        reflectsBody: true,
        to: { group: false, name: "n", instance: "i" },
        emittedAt: 1_700_000_000_000,
      },
    );
    const plain = wave("w2", { payload: undefined });
    const bytes = wave("w3", { payload: new Uint8Array([0, 255]), kind: "command" });
    const journal = await openJournal(directory.path);
    const positions = await Promise.all([everything, plain, bytes].map((one) => journal.append(one)));
    await journal.close();
    await using again = await openJournal(directory.path);
    const entries: JournalEntry[] = [];
    for await (const entry of again.read()) {
      entries.push(entry);
    }
    expect(entries.map(({ position }) => position)).toEqual(positions);
    const about = ({ age: _, position: __, ...rest }: Record<string, unknown>): Record<string, unknown> => rest;
    for (const [at, original] of [everything, plain, bytes].entries()) {
      const found = entries[at]?.wave;
      expect(about({ ...found?.toJSON() })).toEqual(about({ ...original.toJSON() }));
      expect(found?.payload).toEqual(original.payload);
      expect(found?.position).toBe(positions[at]);
      expect(found?.fault).toBeUndefined();
      expect([found?.to, found?.reflects, found?.reflectsBody, found?.named, found?.gain]).toEqual([
        original.to,
        original.reflects,
        original.reflectsBody,
        original.named,
        original.gain,
      ]);
    }
    expect(again.health()).toMatchObject({ state: "ok", cuts: [], fallbacks: [] });
    expect(await again.verify()).toMatchObject({ segments: 1, records: 4 });
  });

  test("keeps a payload as it was at the call, and decodes it when somebody looks", async () => {
    await using journal = await openJournal("/sim", { fileSystem: new SimDisk() });
    const payload = { id: "before" };
    const kept = journal.append(wave("w1", { payload }));
    payload.id = "after";
    await kept;
    for await (const { wave: one } of journal.read()) {
      expect(one.encoded).toBe(true);
      expect(one.payload).toEqual({ id: "before" });
    }
  });

  test("shows people what an entry holds", async () => {
    await using journal = await openJournal("/sim", { fileSystem: new SimDisk() });
    const position = await journal.append(wave("w1", { payload: { sku: "lamp" } }));
    const { value: entry } = await journal.read().next();
    expect(JSON.parse(JSON.stringify(entry))).toMatchObject({ position, wave: { id: "w1", payload: { sku: "lamp" } } });
    expect(inspect(entry, { depth: 3 })).toContain("lamp");
  });

  test("reads by pattern, amplitude, position and time", async () => {
    const clock = new VirtualClock();
    const disk = new SimDisk();
    await using journal = await openJournal("/sim", { fileSystem: disk, clock, segmentBytes: 1024 });
    const positions: string[] = [];
    const times: number[] = [];
    for (let n = 0; n < 60; n++) {
      const channel = n % 2 === 0 ? "orders.created" : "stock.low";
      positions.push(await journal.append(wave(`w${n}`, { channel, amplitude: n / 60 })));
      times.push(clock.now());
      await clock.advance(1000);
    }
    const ids = (from: number, to: number, step = 1): string[] =>
      Array.from({ length: Math.ceil((to - from + 1) / step) }, (_, at) => `w${from + at * step}`);
    const time = (n: number): Date => new Date(times[n] ?? 0);
    expect(await idsIn(journal)).toEqual(ids(0, 59));
    expect(await idsIn(journal, { pattern: "orders.*" })).toEqual(ids(0, 59, 2));
    expect(await idsIn(journal, { pattern: "nobody" })).toEqual([]);
    expect(await idsIn(journal, { minAmplitude: 0.5 })).toEqual(ids(30, 59));
    expect(await idsIn(journal, { from: positions[20], to: positions[40] })).toEqual(ids(20, 40));
    expect(await idsIn(journal, { from: time(20), to: time(40) })).toEqual(ids(20, 40));
    expect(await idsIn(journal, { from: new Date((times[20] ?? 0) + 1), to: positions[21] })).toEqual(["w21"]);
    expect(await idsIn(journal, { from: time(59), pattern: "stock.>" })).toEqual(["w59"]);
    expect(await idsIn(journal, { from: new Date((times[59] ?? 0) + 1) })).toEqual([]);
    expect(await idsIn(journal, { to: new Date(0) })).toEqual([]);
  });

  test("ends a reading at what was its end at the call, and lets go of the file when it is left", async () => {
    await using journal = await openJournal("/sim", { fileSystem: new SimDisk() });
    await journal.append(wave("w1"));
    let seen = 0;
    for await (const _ of journal.read()) {
      seen++;
      await journal.append(wave("more"));
    }
    expect(seen).toBe(1);
    for await (const _ of journal.read()) {
      break;
    }
    const reading = journal.read();
    const three = await Promise.all([reading.next(), reading.next(), reading.next()]);
    expect(three.map(({ done }) => done)).toEqual([false, false, true]);
  });

  test("reads a journal far larger than what it holds in memory", async () => {
    await using directory = await testDirectory();
    await using journal = await openJournal(directory.path, { mode: "none" });
    for (let n = 0; n < 20; n++) {
      await Promise.all(Array.from({ length: 1000 }, () => journal.append(wave(`w${n}`, { payload: KIBIBYTE }))));
    }
    globalThis.gc?.();
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    let seen = 0;
    for await (const { wave: one } of journal.read()) {
      expect(one.payload).toBe(KIBIBYTE);
      if (++seen % 5000 === 0) {
        globalThis.gc?.();
        most = Math.max(most, process.memoryUsage().arrayBuffers - before);
      }
    }
    expect(seen).toBe(20_000);
    expect(most).toBeLessThan(8 * 1024 * 1024);
  }, 90_000);

  test("lets a reader inside see what comes, as soon as it is stored", async () => {
    await using journal = await openJournal("/sim", { fileSystem: new SimDisk(), segmentBytes: 1024 });
    const { log } = journal;
    const reader = log.reader(() => false);
    const sequences: number[] = [];
    const following = (async () => {
      while (reader !== undefined && sequences.length < 50) {
        if (reader.step()) {
          sequences.push(reader.sequence);
        } else if (!(await reader.load())) {
          await log.grown(sequences.at(-1) ?? 0);
        }
      }
      await reader?.close();
    })();
    for (let n = 0; n < 50; n++) {
      await journal.append(wave(`w${n}`));
    }
    await following;
    expect(sequences).toEqual(Array.from({ length: 50 }, (_, at) => at + 1));
  });

  test("refuses what is no wave, what JSON cannot express, and what is too large, and goes on", async () => {
    await using journal = await openJournal("/sim", { fileSystem: new SimDisk() });
    const loop: Record<string, unknown> = {};
    loop["self"] = loop;
    const bad = Reflect.apply(journal.append, journal, [{ id: "w1" }]);
    await expect(bad).rejects.toMatchObject({ code: "AETHER_BAD_OPTION" });
    await expect(journal.append(wave("w1", { payload: loop }))).rejects.toMatchObject({ code: "AETHER_BAD_PAYLOAD" });
    const large = new Uint8Array(65 * 1024 * 1024);
    await expect(journal.append(wave("w1", { payload: large }))).rejects.toMatchObject({ code: "AETHER_TOO_LARGE" });
    const position = await journal.append(wave("w2"));
    expect(sequenceIn(position)).toBe(1);
    expect(await idsIn(journal)).toEqual(["w2"]);
  });

  test("that is closed takes and gives nothing, and what was appended before is there", async () => {
    await using directory = await testDirectory();
    const journal = await openJournal(directory.path);
    const late = journal.append(wave("w1"));
    await journal.close();
    expect(await late).toBeTypeOf("string");
    await expect(journal.append(wave("w2"))).rejects.toMatchObject({ code: "AETHER_CLOSED" });
    await expect((async () => idsIn(journal))()).rejects.toMatchObject({ code: "AETHER_CLOSED" });
    expect(journal.health().state).toBe("closed");
    await journal.close();
    await using again = await openJournal(directory.path, { readOnly: true });
    expect(await idsIn(again)).toEqual(["w1"]);
  });
});

describe("retention", () => {
  async function filled(
    retention: object,
    clock = new VirtualClock(),
  ): Promise<[SimDisk, Awaited<ReturnType<typeof openJournal>>, string[]]> {
    const disk = new SimDisk();
    const journal = await openJournal("/sim", { fileSystem: disk, segmentBytes: 1024, retention, clock });
    const positions: string[] = [];
    for (let n = 0; n < 100; n++) {
      positions.push(await journal.append(wave(`w${n}`)));
      await clock.advance(1000);
    }
    return [disk, journal, positions];
  }

  test("by size deletes the oldest segments, and tells of each", async () => {
    const told: string[] = [];
    const disk = new SimDisk();
    await using journal = await openJournal("/sim", {
      fileSystem: disk,
      segmentBytes: 1024,
      retention: { maxBytes: 8192 },
    });
    journal.on("dropped", ({ reason }) => told.push(reason));
    for (let n = 0; n < 100; n++) {
      await journal.append(wave(`w${n}`));
      expect(journal.health().bytes).toBeLessThanOrEqual(8192);
    }
    const ids = await idsIn(journal);
    expect(ids.at(-1)).toBe("w99");
    expect(ids.length).toBeGreaterThan(20);
    expect(told.length).toBeGreaterThan(3);
    expect(new Set(told)).toEqual(new Set(["size"]));
  });

  test("by age deletes what is older, and reading from there is refused", async () => {
    const [, journal, positions] = await filled({ maxAgeMs: 20_000 });
    const ids = await idsIn(journal);
    expect(ids.length).toBeLessThan(30);
    expect(ids.length).toBeGreaterThan(15);
    await expect((async () => idsIn(journal, { from: positions[0] }))()).rejects.toMatchObject({
      code: "AETHER_BAD_POSITION",
      details: { reason: "gone" },
    });
    await journal.close();
  });

  test("deletes nothing that was not released, once anything was; full, the journal refuses", async () => {
    const disk = new SimDisk();
    await using journal = await openJournal("/sim", {
      fileSystem: disk,
      segmentBytes: 1024,
      retention: { maxBytes: 8192 },
    });
    const first = await journal.append(wave("w0"));
    await journal.release(first);
    const kept = ["w0"];
    let refused: unknown;
    for (let n = 1; refused === undefined && n < 100; n++) {
      await journal.append(wave(`w${n}`)).then(
        () => kept.push(`w${n}`),
        (error: unknown) => {
          refused = error;
        },
      );
    }
    expect(refused).toMatchObject({ code: "AETHER_JOURNAL_FULL" });
    const seen = await readAll(journal);
    expect(seen.at(-1)?.id).toBe(kept.at(-1));
    expect(kept.indexOf(seen[0]?.id ?? "")).toBeLessThanOrEqual(4);
    await journal.release(seen.at(-1)?.position ?? "");
    expect(await journal.append(wave("later"))).toBeTypeOf("string");
  });

  test("deletes what was released at once, if it is told to", async () => {
    const [disk, journal, positions] = await filled({ dropReleased: true });
    const before = disk.files.size;
    await journal.release(positions[50] ?? "");
    expect(disk.files.size).toBeLessThan(before - 5);
    expect((await idsIn(journal)).slice(-49)).toEqual(Array.from({ length: 49 }, (_, at) => `w${51 + at}`));
    expect(await idsIn(journal, { from: positions[51] })).toHaveLength(49);
    await journal.close();
    await using again = await openJournal("/sim", { fileSystem: disk });
    expect((await idsIn(again)).at(-1)).toBe("w99");
  });
});

describe("mode", () => {
  test("sync has everything on the disk when an append resolves; interval when its time is over", async () => {
    for (const [mode, stored] of [
      ["sync", 5],
      ["interval", 0],
    ] as const) {
      const clock = new VirtualClock();
      const disk = new SimDisk();
      await using journal = await openJournal("/sim", { fileSystem: disk, mode, clock, intervalMs: 100 });
      await Promise.all(Array.from({ length: 5 }, (_, at) => journal.append(wave(`w${at}`))));
      const worst = async (): Promise<number> => {
        const left = SimDisk.holding(disk.moment()(() => 0));
        await using found = await openJournal("/sim", { fileSystem: left });
        return (await idsIn(found)).length;
      };
      expect(await worst()).toBe(stored);
      await clock.advance(100);
      await expect.poll(worst).toBe(5);
    }
  });

  test("sync takes one write and one sync for all that wait", async () => {
    const disk = new SimDisk();
    await using journal = await openJournal("/sim", { fileSystem: disk });
    await journal.append(wave("first"));
    let changes = 0;
    disk.onChange = () => {
      changes++;
    };
    await Promise.all(Array.from({ length: 150 }, (_, at) => journal.append(wave(`w${at}`))));
    expect(changes).toBe(2);
  });
});

test("a journal leaves no lock behind when it is closed", async () => {
  await using directory = await testDirectory();
  const journal = await openJournal(directory.path);
  expect((await readdir(directory.path)).some((name) => name.endsWith(".lock"))).toBe(true);
  await journal.close();
  expect((await readdir(directory.path)).some((name) => name.endsWith(".lock"))).toBe(false);
});
