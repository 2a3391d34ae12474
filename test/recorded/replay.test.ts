/** Replays: what was recorded once more, at another pace, somewhere else, and marked as what it is. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Aether,
  inProcess,
  openRecorder,
  REPLAY_HEADER,
  REPLAY_POSITION_HEADER,
  type ReplayOptions,
  type Wave,
} from "@aether/core";
import { type Journal, openJournal } from "@aether/journal";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { connect } from "../../packages/core/test/aether/connect.ts";
import { ManualClock, turns } from "../../packages/core/test/aether/manual-clock.ts";
import { rejection } from "../../packages/core/test/aether/until.ts";
import { wave } from "../../packages/journal/test/waves.ts";

let directory: string;
beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), "aether-replay-")), "journal");
  await using journal = await openJournal(directory);
  for (let n = 0; n < 10; n++) {
    const channel = n % 2 === 0 ? "orders.created" : "payments";
    // A wave every second.
    const extras = { emittedAt: 1_700_000_000_000 + 1000 * n, key: `k${n}`, version: 3 };
    await journal.append(
      wave(`w-${n}`, { channel, payload: n, amplitude: (n + 1) / 10, kind: n === 4 ? "command" : "event" }, extras),
    );
  }
});
afterEach(() => rm(join(directory, ".."), { recursive: true, force: true }));

/** Everything that is heard on an aether of its own. */
async function listening(pattern = ">"): Promise<{ readonly aether: Aether; readonly heard: Wave[] }> {
  const aether = await connect();
  const heard: Wave[] = [];
  await aether.observe(pattern, (one) => void heard.push(one));
  return { aether, heard };
}

describe("a replay", () => {
  test("emits what a journal that is only read holds, marked, on channels with a prefix", async () => {
    await using offline = await openJournal(directory, { readOnly: true });
    const { aether, heard } = await listening("again.>");
    const { replay, replayed, position } = await aether.replay(offline, { speed: "full", prefix: "again" });
    await turns();
    expect(replayed).toBe(10);
    expect(heard.map(({ payload }) => payload)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const [first, , , , command] = heard;
    expect(first).toMatchObject({
      channel: "again.orders.created",
      cause: "w-0",
      source: "alpha",
      key: "k0",
      version: 3,
    });
    expect(first?.id).not.toBe("w-0");
    expect(command?.kind).toBe("event");
    expect(heard.map(({ headers }) => headers[REPLAY_HEADER])).toEqual(new Array(10).fill(replay));
    expect(heard.at(-1)?.headers[REPLAY_POSITION_HEADER]).toBe(position);
  });

  test("takes what is asked for: pattern, positions, times and amplitude", async () => {
    await using offline = await openJournal(directory, { readOnly: true });
    const positions: string[] = [];
    for await (const { position } of offline.read()) {
      positions.push(position);
    }
    const queries: readonly (readonly [ReplayOptions, readonly number[]])[] = [
      [{ pattern: "orders.*" }, [0, 2, 4, 6, 8]],
      [{ from: positions[7] }, [7, 8, 9]],
      [{ from: positions[2], to: positions[3] }, [2, 3]],
      [{ to: new Date(0) }, []],
      [{ minAmplitude: 0.9 }, [8, 9]],
    ];
    for (const [query, expected] of queries) {
      const { aether, heard } = await listening();
      await aether.replay(offline, { speed: "full", ...query });
      await turns();
      expect(
        heard.map(({ payload }) => payload),
        JSON.stringify(query),
      ).toEqual(expected);
    }
  });

  test.each([
    [1, 9000],
    [10, 900],
    [0.5, 18_000],
  ])("at speed %s takes the time that it should", async (speed, lastAt) => {
    await using offline = await openJournal(directory, { readOnly: true });
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const times: number[] = [];
    const began = clock.monotonic();
    await aether.observe(">", () => void times.push(clock.monotonic() - began));
    let over = false;
    const replaying = aether.replay(offline, { speed }).finally(() => {
      over = true;
    });
    while (!over) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(10);
    }
    await replaying;
    await turns();
    const last = (times.at(-1) ?? 0) - (times[0] ?? 0);
    expect(last).toBeGreaterThanOrEqual(lastAt - 20);
    expect(last).toBeLessThan(lastAt * 1.2);
  });

  test("is handled by groups of recorded channels, although they had the same waves before", async () => {
    await using journal: Journal = await openJournal(directory);
    const medium = journal.over(inProcess());
    const aether = await connect({ medium, recorded: ["orders.>"] });
    const handled: unknown[] = [];
    await aether.vibrator("beta").resonateOn(
      "orders.*",
      ({ payload, headers }) => {
        handled.push([payload, REPLAY_HEADER in headers]);
      },
      { from: "start" },
    );
    await aether.replay(journal, { speed: "full", pattern: "orders.*" });
    await using own = await openRecorder(medium);
    while ((await own.recorder.groups()).some(({ pending }) => pending > 0)) {
      await turns();
    }
    const expected = [false, true].flatMap((marked) => [0, 2, 4, 6, 8].map((n) => [n, marked]));
    expect([...handled].sort()).toEqual([...expected].sort());
    await aether.close({ deadlineMs: 1000 });
  });

  test("ends by its signal, by a close, and before it begins where it is asked for what cannot be", async () => {
    await using offline = await openJournal(directory, { readOnly: true });
    const { aether } = await listening();
    const stop = new AbortController();
    const stopped = rejection(
      aether.replay(offline, { signal: stop.signal, onProgress: () => stop.abort(new Error("enough")) }),
    );
    expect(await stopped).toMatchObject({ message: "enough" });
    expect(await rejection(aether.replay(offline, { speed: 0 }))).toMatchObject({ code: "AETHER_BAD_OPTION" });
    expect(await rejection(aether.replay(offline, { prefix: "a..b" }))).toMatchObject({ code: "AETHER_BAD_CHANNEL" });
    const untold = Reflect.apply(aether.replay, aether, [offline, { onProgress: 5 }]);
    expect(await rejection(untold)).toMatchObject({ code: "AETHER_BAD_OPTION", details: { option: "onProgress" } });
    const closed = rejection(aether.replay(offline, { onProgress: () => void aether.close() }));
    expect(await closed).toMatchObject({ code: "AETHER_CLOSED" });
  });
});
