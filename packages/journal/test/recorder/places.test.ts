import { cp } from "node:fs/promises";
import {
  type Custody,
  type Follower,
  type Following,
  type From,
  inProcess,
  openRecorder,
  type Recorder,
  systemClock,
  type Wave,
} from "@aether/core";
import { describe, expect, test } from "vitest";
import { type FileSystem, nodeFileSystem, openJournal } from "../../src/index.ts";
import { testDirectory } from "../directory.ts";
import { idsIn, wave } from "../waves.ts";
import { groupIn, until, world } from "./worlds.ts";

/** A follower that has up to `most` waves and is done with them when it is told. */
class Hand implements Follower {
  readonly presence;
  readonly waves: Wave[] = [];
  readonly held = new Map<string, Custody>();
  damaged = 0;
  readonly #most: number;
  readonly #settles: boolean;
  #following: Following | undefined;

  constructor(pattern: string, most = 100, settles = true, group = "beta") {
    this.presence = { vibrator: group, instance: `${group}-1`, pattern, group, name: pattern };
    this.#most = most;
    this.#settles = settles;
  }

  get wanted(): number {
    return Math.max(0, this.#most - this.held.size);
  }

  get ids(): readonly string[] {
    return this.waves.map(({ id }) => id);
  }

  take(one: Wave, custody: Custody): void {
    this.waves.push(one);
    this.held.set(one.id, custody);
    if (this.#settles) {
      void this.done(one.id);
    }
  }

  malformed(count = 1): void {
    this.damaged += count;
  }

  async done(id: string): Promise<void> {
    const custody = this.held.get(id);
    this.held.delete(id);
    queueMicrotask(() => this.#following?.wants());
    await custody?.done();
  }

  async follow(recorder: Recorder, from: From = "start"): Promise<this> {
    this.#following = await recorder.follow(this, from);
    return this;
  }

  async close(): Promise<void> {
    await this.#following?.close();
  }
}

function recordAll(recorder: Recorder, waves: readonly Wave[]): Promise<readonly string[]> {
  return Promise.all(waves.map((one) => recorder.record(one, systemClock.monotonic() + 30_000)));
}

function many(prefix: string, count: number, amplitude = 0.2): Wave[] {
  return Array.from({ length: count }, (_, i) => wave(`${prefix}-${i}`, { amplitude, payload: i }));
}

/** The file system of the machine, which does `before` whenever a file that was read is closed. */
function closingAfter(before: () => Promise<unknown>): FileSystem {
  return {
    ...nodeFileSystem,
    async open(path, how) {
      const file = await nodeFileSystem.open(path, how);
      if (how === "read") {
        const close = file.close.bind(file);
        file.close = async () => {
          await before();
          await close();
        };
      }
      return file;
    },
  };
}

describe("a place in a journal", () => {
  test("has what is appended while the journal is still being read", async () => {
    await using directory = await testDirectory();
    let late = 0;
    let append = (): Promise<unknown> => Promise.resolve();
    const fileSystem = closingAfter(() => append());
    await using journal = await openJournal(directory.path, { fileSystem });
    await journal.append(wave("early"));
    append = () => journal.append(wave(`late-${late++}`));
    await using own = await openRecorder(journal.over(inProcess()));
    append = () => Promise.resolve();
    const hand = await new Hand("orders.*").follow(own.recorder);
    await journal.append(wave("last"));
    await until(() => hand.ids.includes("last"));
    expect(late).toBeGreaterThan(0);
    expect(hand.ids.toSorted()).toEqual(["early", "last", ...Array.from({ length: late }, (_, n) => `late-${n}`)]);
  });

  test("that has ended says nothing more of how far it came, so that another one of its name may begin", async () => {
    await using here = await world();
    const first = await here.live();
    await recordAll(first.recorder, many("a", 10));
    const hand = await new Hand("orders.*", 10, false).follow(first.recorder);
    await until(() => hand.waves.length === 10);
    // Five changes wait to be kept.
    const settled = ["a-0", "a-1", "a-2", "a-3", "a-4"].map((id) => hand.done(id));
    await first.recorder.drop("beta", "orders.*");
    await new Hand("orders.*", 0).follow(first.recorder);
    await Promise.all(settled);
    // What a crash would leave now.
    await using left = await testDirectory();
    await cp(here.path, left.path, { recursive: true, filter: (path) => !path.endsWith("lock") });
    await using journal = await openJournal(left.path);
    await using own = await openRecorder(journal.over(inProcess()));
    const heir = await new Hand("orders.*").follow(own.recorder);
    await until(() => heir.waves.length === 10);
    expect(await groupIn(own.recorder, "beta")).toMatchObject({ pending: 0 });
  });

  test("lets a critical wave behind a backlog of 20,000 bulk waves be handled among the first 300", async () => {
    await using here = await world();
    const first = await here.live();
    await first.recorder.declare(["orders.>"]);
    const bulk = many("bulk", 20_000);
    await recordAll(first.recorder, bulk);
    await recordAll(first.recorder, many("critical", 1, 0.95));
    await first.end();
    const { recorder } = await here.live();
    const hand = await new Hand("orders.*", 200).follow(recorder);
    await until(() => hand.waves.length === 20_001);
    expect(hand.ids.indexOf("critical-0")).toBeLessThan(300);
    expect(hand.ids.filter((id) => id !== "critical-0")).toEqual(bulk.map(({ id }) => id));
  });

  test("goes on after a restart where it was, holes included", async () => {
    await using here = await world();
    const first = await here.live();
    const hand = await new Hand("orders.*", 100, false).follow(first.recorder);
    await recordAll(first.recorder, many("a", 10));
    await until(() => hand.held.size === 10);
    await Promise.all([0, 1, 3, 4, 7].map((i) => hand.done(`a-${i}`)));
    await first.end();
    const second = await here.live();
    expect((await groupIn(second.recorder, "beta"))?.pending).toBe(5);
    const heir = await new Hand("orders.*", 100, true).follow(second.recorder, "new");
    await recordAll(second.recorder, many("b", 2));
    await until(() => heir.waves.length === 7);
    expect([...heir.ids].sort()).toEqual(["a-2", "a-5", "a-6", "a-8", "a-9", "b-0", "b-1"]);
  });

  test("remembers which attempt is next", async () => {
    await using here = await world();
    const first = await here.live();
    const hand = await new Hand("orders.*", 10, false).follow(first.recorder);
    await recordAll(first.recorder, many("a", 2));
    await until(() => hand.held.size === 2);
    hand.held.get("a-0")?.retries?.(4);
    await hand.done("a-1");
    await first.end();
    const { recorder } = await here.live();
    const heir = await new Hand("orders.*", 10, false).follow(recorder);
    await until(() => heir.held.size === 1);
    expect(heir.held.get("a-0")?.attempt).toBe(4);
  });

  test("begins before what the index holds, for a group that comes late", async () => {
    await using here = await world();
    const { recorder } = await here.live();
    const early = many("a", 9000);
    const positions = await recordAll(recorder, early);
    const one = await new Hand("orders.*").follow(recorder, "new");
    await recordAll(recorder, many("b", 10));
    await until(() => one.waves.length === 10);
    const all = await new Hand("orders.*", 100, true, "gamma").follow(recorder, "start");
    const some = await new Hand("orders.*", 100, true, "delta").follow(recorder, { position: positions[4000] ?? "" });
    await until(() => all.waves.length === 9010 && some.waves.length === 5010);
    expect(all.ids.slice(0, 9000)).toEqual(early.map(({ id }) => id));
    expect(some.ids[0]).toBe("a-4000");
  });

  test("keeps an id for the waves that come after it, and after a restart", async () => {
    await using here = await world();
    const first = await here.live();
    const [position] = await recordAll(first.recorder, many("a", 1));
    await recordAll(first.recorder, many("b", 1000));
    expect(await recordAll(first.recorder, many("a", 1))).toEqual([position]);
    await first.end();
    const { recorder, journal } = await here.live();
    expect(await recordAll(recorder, many("a", 1))).toEqual([position]);
    expect((await idsIn(journal)).length).toBe(1001);
  });

  test("notices what is appended to the journal directly", async () => {
    await using here = await world();
    const { recorder, journal } = await here.live();
    const hand = await new Hand("orders.*").follow(recorder);
    await journal.append(wave("direct"));
    await until(() => hand.waves.length === 1);
    expect(hand.ids).toEqual(["direct"]);
  });

  test("writes far fewer records than waves are handled", async () => {
    await using here = await world();
    const { recorder, journal } = await here.live();
    const hand = await new Hand("orders.*", 200).follow(recorder);
    await recordAll(recorder, many("a", 5000));
    await until(() => hand.waves.length === 5000);
    await until(async () => (await groupIn(recorder, "beta"))?.pending === 0);
    const { records } = await journal.verify();
    expect(records - 5000).toBeLessThan(500);
  });
});

describe("what every group has read", () => {
  const retention = { dropReleased: true } as const;

  test("is deleted, and what some group has not read is not", async () => {
    await using here = await world();
    const first = await here.live({ segmentBytes: 16 * 1024, retention });
    const quick = await new Hand("orders.*").follow(first.recorder);
    const slow = await new Hand("orders.*", 1, false, "gamma").follow(first.recorder);
    await recordAll(first.recorder, many("a", 2000));
    await until(() => quick.waves.length === 2000);
    const before = first.journal.health().segments;
    expect(before).toBeGreaterThan(10);
    await first.journal.release(first.journal.health().last ?? "");
    expect((await idsIn(first.journal))[0]).toBe("a-0");
    await slow.close();
    await first.recorder.drop("gamma", "orders.*");
    await until(() => first.journal.health().segments < before / 2);
    await first.end();
    // What is gone stays gone, and what is left is whole.
    const second = await here.live({ segmentBytes: 16 * 1024, retention });
    expect((await groupIn(second.recorder, "beta"))?.pending).toBe(0);
    await recordAll(second.recorder, many("b", 3));
    const heir = await new Hand("orders.*").follow(second.recorder);
    await until(() => heir.waves.length === 3);
  });

  test("a full journal takes waves again once its groups have read", async () => {
    await using here = await world();
    const life = await here.live({ segmentBytes: 8 * 1024, retention: { maxBytes: 64 * 1024 } });
    const slow = await new Hand("orders.*", 1, false).follow(life.recorder);
    const outcomes = await Promise.allSettled(
      many("a", 2000).map((one) => life.recorder.record(one, systemClock.monotonic() + 30_000)),
    );
    const kept = outcomes.filter(({ status }) => status === "fulfilled").length;
    const refused = outcomes.find(({ status }) => status === "rejected");
    expect(refused).toMatchObject({ reason: { code: "AETHER_JOURNAL_FULL" } });
    await slow.close();
    const quick = await new Hand("orders.*", 100).follow(life.recorder);
    await slow.done("a-0");
    await until(() => quick.waves.length + 1 === kept);
    await until(async () => {
      const [outcome] = await Promise.allSettled([
        life.recorder.record(wave("late"), systemClock.monotonic() + 30_000),
      ]);
      return outcome?.status === "fulfilled";
    });
    await until(() => quick.ids.includes("late"));
  });

  test("what no group has read stays, whatever limits the journal is opened with", async () => {
    await using here = await world();
    const first = await here.live({ segmentBytes: 16 * 1024 });
    await new Hand("orders.*", 1, false).follow(first.recorder);
    await recordAll(first.recorder, many("a", 2000));
    await first.end();
    await using journal = await openJournal(here.path, { segmentBytes: 16 * 1024, retention: { maxBytes: 64 * 1024 } });
    expect((await idsIn(journal)).length).toBe(2000);
    // It is far over its limit: nothing is taken, but what is there can be handled, and that makes room.
    await using own = await openRecorder(journal.over(inProcess()));
    expect(await Promise.allSettled([journal.append(wave("late"))])).toMatchObject([
      { status: "rejected", reason: { code: "AETHER_JOURNAL_FULL" } },
    ]);
    const quick = await new Hand("orders.*").follow(own.recorder);
    await until(() => quick.waves.length === 2000);
    await until(
      async () =>
        await journal.append(wave("late")).then(
          () => true,
          () => false,
        ),
    );
    await until(() => quick.ids.includes("late"));
  });

  test("dead letters outlive the segments they were written to", async () => {
    await using here = await world();
    const first = await here.live({ segmentBytes: 16 * 1024, retention });
    const hand = await new Hand("orders.*").follow(first.recorder);
    const letters = first.recorder.deadLetters;
    const failed = wave("failed", {}, { position: "7" });
    const error = { code: "AETHER_HANDLER_FAILED", message: "broken", stack: undefined } as const;
    const facts = { attempts: 3, group: "beta", name: "orders.*", instance: "beta-1", at: 1000 };
    const origin = { source: "alpha", sourceId: "alpha-1" };
    const id = await letters?.add({ wave: failed, error, origin, ...facts });
    await recordAll(first.recorder, many("a", 3000));
    await until(() => hand.waves.length === 3000 && first.journal.health().segments < 8);
    await first.end();
    const { recorder } = await here.live({ segmentBytes: 16 * 1024, retention });
    const letter = await recorder.deadLetters?.take(id ?? "");
    expect(letter).toMatchObject({
      id,
      attempts: 3,
      error: { message: "broken" },
      wave: { id: "failed", position: "7" },
    });
    expect(await recorder.deadLetters?.stats()).toMatchObject({ entered: 1, kept: 1 });
  });
});
