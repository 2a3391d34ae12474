import { seededRandom } from "@aether/core";
import { describe, expect, test } from "vitest";
import { type Journal, openJournal } from "../src/index.ts";
import { seedOf } from "./seed.ts";
import { SimDisk } from "./sim-disk.ts";
import { sequenceIn, wave } from "./waves.ts";

const seed = seedOf("snapshots");
const HISTORIES = 500;

/** A sum that tells one order of waves from another. */
function folded(state: number, id: string): number {
  return (state * 31 + Number(id.slice(1))) % 1_000_000_007;
}

/** The state out of a snapshot and what follows it. */
async function restored(journal: Journal, useSnapshot = true): Promise<{ state: number; count: number }> {
  const kept = useSnapshot ? await journal.latestSnapshot("sum") : undefined;
  let { state, count } = (kept?.state ?? { state: 0, count: 0 }) as { state: number; count: number };
  for await (const entry of journal.read(kept === undefined ? {} : { from: kept.position })) {
    if (entry.position !== kept?.position) {
      state = folded(state, entry.wave.id);
      count++;
    }
  }
  return { state, count };
}

interface History {
  readonly wrong: readonly string[];
  readonly crashes: number;
}

/** A service that folds, takes snapshots and releases what is before them, and loses power at a random change. */
async function history(itsSeed: number): Promise<History> {
  const random = seededRandom(itsSeed);
  const disk = new SimDisk();
  const moments: (() => Map<string, Buffer>)[] = [];
  const sums = [0];
  let acknowledged = 0;
  let snapshots = 0;
  const known: { acknowledged: number }[] = [];
  const journal = await openJournal("/sim", {
    fileSystem: disk,
    segmentBytes: 1024,
    retention: { dropReleased: true },
  });
  disk.onChange = () => {
    // Most is learned from the steps of a snapshot, and of what is deleted after it.
    if (snapshots > 0 && random() < 0.2) {
      const leave = disk.moment();
      moments.push(() => leave(random));
      known.push({ acknowledged });
    }
  };
  const positions: string[] = [];
  for (let step = 0; step < 40; step++) {
    const id = `w${positions.length}`;
    sums.push(folded(sums.at(-1) ?? 0, id));
    positions.push(await journal.append(wave(id)));
    acknowledged = positions.length;
    if (random() < 0.15) {
      snapshots++;
      await journal.snapshot("sum", { state: sums.at(-1), count: acknowledged }, positions.at(-1) ?? "");
      await journal.release(positions.at(-1) ?? "");
    }
  }
  await journal.close();
  const wrong: string[] = [];
  for (const [at, leave] of moments.slice(0, 4).entries()) {
    try {
      await using found = await openJournal("/sim", { fileSystem: SimDisk.holding(leave()) });
      const { state, count } = await restored(found);
      if (state !== sums[count] || count < (known[at]?.acknowledged ?? 0)) {
        wrong.push(`${state} after ${count} of ${known[at]?.acknowledged}, and it is ${sums[count]}`);
      }
    } catch (error) {
      wrong.push(String(error));
    }
  }
  return { wrong, crashes: Math.min(4, moments.length) };
}

describe("a snapshot", () => {
  test(`and what follows it give the state of everything, wherever a crash falls (${HISTORIES} histories)`, async () => {
    let crashes = 0;
    for (let at = 0; at < HISTORIES; at++) {
      const { wrong, crashes: its } = await history(seed + at);
      expect({ seed: seed + at, wrong }).toEqual({ seed: seed + at, wrong: [] });
      crashes += its;
    }
    expect(crashes).toBeGreaterThan(HISTORIES);
  }, 180_000);

  test("gives another state when the log alone is read, for its beginning was deleted", async () => {
    const disk = new SimDisk();
    const journal = await openJournal("/sim", {
      fileSystem: disk,
      segmentBytes: 1024,
      retention: { dropReleased: true },
    });
    let sum = 0;
    let position = "";
    for (let n = 0; n < 50; n++) {
      sum = folded(sum, `w${n}`);
      position = await journal.append(wave(`w${n}`));
    }
    await journal.snapshot("sum", { state: sum, count: 50 }, position);
    await journal.release(position);
    expect(await restored(journal)).toEqual({ state: sum, count: 50 });
    expect((await restored(journal, false)).state).not.toBe(sum);
    await journal.close();
  });

  test("that is damaged is passed over for the one before it, and told of", async () => {
    const disk = new SimDisk();
    const journal = await openJournal("/sim", { fileSystem: disk });
    const positions = [await journal.append(wave("w1")), await journal.append(wave("w2"))];
    await journal.snapshot("sum", { upTo: 1 }, positions[0] ?? "");
    await journal.snapshot("sum", { upTo: 2 }, positions[1] ?? "");
    await journal.close();
    const files = disk.files;
    const newest =
      [...files.keys()]
        .filter((name) => name.endsWith(".snap"))
        .sort()
        .at(-1) ?? "";
    const whole = files.get(newest) ?? Buffer.alloc(0);
    for (let bit = 0; bit < whole.length * 8; bit += 3) {
      const bytes = Buffer.from(whole);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const damaged = SimDisk.holding(new Map([...files, [newest, bytes]]));
      await using found = await openJournal("/sim", { fileSystem: damaged, readOnly: true });
      const told: string[] = [];
      found.on("fallback", ({ file }) => told.push(file));
      expect(await found.latestSnapshot("sum")).toMatchObject({ state: { upTo: 1 }, position: positions[0] });
      expect(told).toEqual([`/sim/${newest}`]);
      expect(found.health().fallbacks).toHaveLength(1);
    }
    const alone = SimDisk.holding(
      [...files].filter(([name]) => !name.endsWith(".snap")).concat([[newest, whole.subarray(0, 50)]]),
    );
    await using found = await openJournal("/sim", { fileSystem: alone });
    await expect(found.latestSnapshot("sum")).rejects.toMatchObject({
      code: "AETHER_JOURNAL_DAMAGED",
      details: { file: `/sim/${newest}`, offset: 12 },
    });
    expect(await found.latestSnapshot("other")).toBeUndefined();
  });

  test("keeps bytes, values and nothing, each under its name, and no more than two of a name", async () => {
    const disk = new SimDisk();
    await using journal = await openJournal("/sim", { fileSystem: disk });
    for (let n = 0; n < 5; n++) {
      const position = await journal.append(wave(`w${n}`));
      await journal.snapshot("bytes", new Uint8Array([n, 255]), position);
      await journal.snapshot("nothing", undefined, position);
      await journal.snapshot("value", [n, "ä", null], position);
    }
    expect(await journal.latestSnapshot("bytes")).toMatchObject({ state: new Uint8Array([4, 255]) });
    expect((await journal.latestSnapshot("nothing"))?.state).toBeUndefined();
    const kept = await journal.latestSnapshot("value");
    expect(kept?.state).toEqual([4, "ä", null]);
    expect(sequenceIn(kept?.position ?? "")).toBe(5);
    expect([...disk.files.keys()].filter((name) => name.endsWith(".snap"))).toHaveLength(6);
    await expect(journal.snapshot("value", () => 1, kept?.position ?? "")).rejects.toMatchObject({
      code: "AETHER_BAD_PAYLOAD",
    });
  });

  test.each([
    ["a Map", new Map([["a", 1]]), ""],
    ["a Date", { since: new Date(0) }, "since"],
    ["a number that JSON has no word for", { sums: [1, Number.NaN] }, "sums[1]"],
    ["an instance", { total: new (class Total {})() }, "total"],
  ])("that would not come back as it was is refused: %s", async (_what, state, path) => {
    await using journal = await openJournal("/sim", { fileSystem: new SimDisk() });
    const position = await journal.append(wave("w1"));
    await expect(journal.snapshot("sum", state, position)).rejects.toMatchObject({
      code: "AETHER_BAD_PAYLOAD",
      details: { path },
    });
    expect(await journal.latestSnapshot("sum")).toBeUndefined();
  });

  test("is ahead of a log that was restored, and says so instead of giving a state that is none", async () => {
    const disk = new SimDisk();
    const journal = await openJournal("/sim", { fileSystem: disk });
    await journal.append(wave("w1"));
    const before = new Map([...disk.files].filter(([name]) => name.endsWith(".log")));
    const position = await journal.append(wave("w2"));
    await journal.snapshot("sum", { upTo: 2 }, position);
    await journal.close();
    const snapshot = [...disk.files].filter(([name]) => name.endsWith(".snap"));
    await using restoredJournal = await openJournal("/sim", { fileSystem: SimDisk.holding([...before, ...snapshot]) });
    await expect(restoredJournal.latestSnapshot("sum")).rejects.toMatchObject({ code: "AETHER_BAD_POSITION" });
  });
});
