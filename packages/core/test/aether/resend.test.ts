import type { Aether, EmitOptions, Wave } from "@aether/core";
import { describe, expect, test } from "vitest";
import { connect, expectBalance } from "./connect.ts";
import { ManualClock, turns } from "./manual-clock.ts";
import { rejection } from "./until.ts";

/** An aether on a clock, with the chance that makes every wait as long as it may be, nearly. */
async function calm(): Promise<{ aether: Aether; clock: ManualClock; sent: Wave[] }> {
  const clock = new ManualClock();
  const aether = await connect({ clock, random: () => 0.999 });
  const sent: Wave[] = [];
  aether.on("emitted", ({ wave }) => void sent.push(wave));
  return { aether, clock, sent };
}

/** Whether `promise` has settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(
    () => {
      settled = true;
    },
    () => {
      settled = true;
    },
  );
  await turns();
  return settled;
}

describe("resend", () => {
  test("is off by default: nobody resonates, and that is all", async () => {
    const { aether, sent } = await calm();
    const alpha = aether.vibrator("alpha");
    expect(await rejection(alpha.emit("a", 1, { kind: "command" }))).toMatchObject({ code: "AETHER_NO_RESONATOR" });
    expect(await rejection(alpha.query("a", 1, { resend: false }))).toMatchObject({ code: "AETHER_NO_RESONATOR" });
    expect(sent).toHaveLength(2);
  });

  test.each(["command", "query"] as const)(
    "physics §2: a %s reaches a receiver that comes a little later: same id, A0 and age",
    async (kind) => {
      const { aether, clock, sent } = await calm();
      const alpha = aether.vibrator("alpha");
      const options = { amplitude: 0.8, resend: true };
      const ends = kind === "command" ? alpha.emit("a", 1, { ...options, kind }) : alpha.query("a", 1, options);
      expect(await isSettled(ends)).toBe(false);
      await clock.advance(50);
      const heard: Wave[] = [];
      const ages: number[] = [];
      await aether.vibrator("beta").resonateOn("a", (wave) => {
        heard.push(wave);
        ages.push(wave.age);
        return "answer";
      });
      await clock.advance(50);
      expect(await ends).toMatchObject(kind === "command" ? { outcome: "travelled", heard: 1 } : { payload: "answer" });
      expect(heard).toHaveLength(1);
      expect(ages).toEqual([100]);
      expect(sent.map(({ id, amplitude, hops }) => [id, amplitude, hops])).toEqual([
        [sent[0]?.id, 0.8, 1],
        [sent[0]?.id, 0.8, 1],
      ]);
      expect(sent[1]?.emittedAt).toBe(sent[0]?.emittedAt);
      expect(aether.stats()).toMatchObject({ emitted: 1, received: 1, delivered: 1 });
    },
  );

  test("physics §2: at most three sendings, the waits doubled; then the last error is told", async () => {
    const { aether, clock, sent } = await calm();
    const ends = rejection(aether.vibrator("alpha").query("a", 1, { resend: true, timeoutMs: 60_000 }));
    const counts: number[] = [];
    for (const ms of [0, 99, 1, 199, 1, 60_000]) {
      await clock.advance(ms);
      counts.push(sent.length);
    }
    expect(counts).toEqual([1, 1, 2, 2, 3, 3]);
    expect(await ends).toMatchObject({ code: "AETHER_NO_RESONATOR" });
  });

  test("a receiver whose floor is too high, and one that drains, are asked again", async () => {
    const { aether, clock } = await calm();
    const loud = await aether.vibrator("loud", { noiseFloor: 0.9 }).resonateOn("a", () => "loud");
    const asked = aether.vibrator("alpha").query("a", 1, { resend: true });
    expect(await isSettled(asked)).toBe(false);
    await loud.close();
    await aether.vibrator("beta").resonateOn("a", () => "fine");
    await clock.advance(100);
    expect((await asked).payload).toBe("fine");
    expectBalance(aether.stats());
  });

  test("physics §2: not after its timeoutMs: it is given up at once when the next sending would be too late", async () => {
    const { aether, sent } = await calm();
    const error = await rejection(aether.vibrator("alpha").query("a", 1, { resend: true, timeoutMs: 90 }));
    expect(error).toMatchObject({ code: "AETHER_NO_RESONATOR" });
    expect(sent).toHaveLength(1);
  });

  test("physics §2: only while it is audible: what matters more is tried longer", async () => {
    const { aether, clock, sent } = await calm();
    const resend = { attempts: 100, baseMs: 100, capMs: 100, budget: Number.POSITIVE_INFINITY };
    const alpha = aether.vibrator("alpha");
    const tries: number[] = [];
    for (const amplitude of [0.05, 0.2, 0.9]) {
      const before = sent.length;
      const options = { amplitude, halfLifeMs: 200, resend, timeoutMs: 100_000 };
      const ends = rejection(alpha.query("a", 1, options));
      await clock.advance(20_000);
      expect(await ends).toMatchObject({ code: "AETHER_NO_RESONATOR" });
      tries.push(sent.length - before);
    }
    // hl · log2(A·β/Amin) in steps of 100 ms, and the first sending.
    expect(tries).toEqual([5, 9, 13]);
  });

  test("what was handled is not sent again: a handler that failed, kept silent, or answered", async () => {
    const { aether, clock, sent } = await calm();
    const beta = aether.vibrator("beta");
    await beta.resonateOn("fails", () => {
      throw new Error("no");
    });
    await beta.resonateOn("silent", () => undefined);
    const silent = aether.vibrator("gamma");
    await silent.resonateOn("mixed", () => undefined);
    await aether.vibrator("loud", { noiseFloor: 0.9 }).resonateOn("mixed", () => "never");
    const alpha = aether.vibrator("alpha");
    for (const name of ["fails", "silent", "mixed"]) {
      const ends = rejection(alpha.query(name, 1, { resend: true }));
      await clock.advance(1000);
      await ends;
    }
    expect(sent).toHaveLength(3);
  });

  test("an abort and the end of the vibrator end the waiting", async () => {
    const { aether, clock, sent } = await calm();
    const alpha = aether.vibrator("alpha");
    const controller = new AbortController();
    const aborted = rejection(alpha.query("a", 1, { resend: true, signal: controller.signal }));
    await turns();
    controller.abort(new Error("enough"));
    expect(await aborted).toMatchObject({ message: "enough" });
    const closed = rejection(alpha.emit("a", 1, { kind: "command", resend: true }));
    await turns();
    await alpha.close();
    expect(await closed).toMatchObject({ code: "AETHER_CLOSED" });
    await clock.advance(10_000);
    expect(sent).toHaveLength(2);
  });

  test.each<[string, EmitOptions]>([
    ["an event", { resend: true }],
    ["a broadcast", { resend: true, kind: "broadcast" }],
    ["attempts 0", { kind: "command", resend: { attempts: 0 } }],
    ["attempts 1.5", { kind: "command", resend: { attempts: 1.5 } }],
    ["attempts 101", { kind: "command", resend: { attempts: 101 } }],
    ["baseMs 0", { kind: "command", resend: { baseMs: 0 } }],
    ["capMs NaN", { kind: "command", resend: { capMs: Number.NaN } }],
    ["budget 0", { kind: "command", resend: { budget: 0 } }],
    ["an unknown option", { kind: "command", resend: { tries: 3 } as object }],
    ["a text", { kind: "command", resend: "yes" as never }],
    ["null", { kind: "command", resend: null as never }],
  ])("refuses %s", async (_, options) => {
    const { aether } = await calm();
    await aether.vibrator("beta").resonateOn("a", () => 1);
    const error = await rejection(aether.vibrator("alpha").emit("a", 1, options));
    expect(error).toMatchObject({ code: "AETHER_BAD_OPTION" });
  });

  test("refuses a gather, which takes every answer as it is", async () => {
    const { aether } = await calm();
    const gather = async (): Promise<void> => {
      for await (const _ of aether.vibrator("alpha").gather("a", 1, { resend: true })) {
        // Nothing comes.
      }
    };
    expect(await rejection(gather())).toMatchObject({ code: "AETHER_BAD_OPTION" });
  });

  /** A backend that is down for ten seconds while a hundred commands a second come; how often each was sent. */
  async function storm(resend: EmitOptions["resend"]): Promise<number> {
    const { aether, clock, sent } = await calm();
    const alpha = aether.vibrator("alpha");
    const ends: Promise<unknown>[] = [];
    for (let tick = 0; tick < 1000; tick++) {
      ends.push(rejection(alpha.emit("backend", tick, { kind: "command", resend, timeoutMs: 5000 })));
      await clock.advance(10);
    }
    await clock.advance(5000);
    expect(await Promise.all(ends)).toHaveLength(1000);
    expect(aether.stats().emitted).toBe(1000);
    return sent.length / 1000;
  }

  test("physics §2: while a backend is down for 10 s, resends add at most a tenth; without a budget they triple it", async () => {
    expect(await storm(undefined)).toBe(1);
    const held = await storm(true);
    expect(held).toBeGreaterThan(1.05);
    expect(held).toBeLessThanOrEqual(1.103);
    expect(await storm({ budget: Number.POSITIVE_INFINITY })).toBe(3);
  });
});
