import { AetherError, type HedgeOptions, type QueryOptions, seededRandom, type Wave } from "@aether/core";
import { describe, expect, test } from "vitest";
import { connect, expectBalance } from "./connect.ts";
import { ManualClock, turns } from "./manual-clock.ts";
import { rejection } from "./until.ts";

const QUICK_MS = 10;
const SLOW_MS = 200;

/** A service of two instances that answers quickly, but for waves that `isSlow` picks. */
async function service(isSlow: (wave: Wave) => boolean, physics?: { readonly diffraction: boolean }) {
  const clock = new ManualClock();
  const aether = await connect({ clock, random: seededRandom(5), physics });
  const aborted: unknown[] = [];
  const heard: Wave[] = [];
  const beta = [aether.vibrator("beta"), aether.vibrator("beta")];
  for (const member of beta) {
    await member.resonateOn("price", (wave, ctx) => {
      heard.push(wave);
      ctx.signal.addEventListener("abort", () => void aborted.push(wave.payload));
      return new Promise((resolve) => {
        clock.schedule(() => resolve(member.id), isSlow(wave) ? SLOW_MS : QUICK_MS);
      });
    });
  }
  const alpha = aether.vibrator("alpha");
  /** How long the query takes, in milliseconds. */
  const ask = async (payload: unknown, hedge?: boolean | HedgeOptions): Promise<number> => {
    const from = clock.monotonic();
    let tookMs: number | undefined;
    void alpha.query("price", payload, { hedge }).then(() => {
      tookMs = clock.monotonic() - from;
    });
    while (tookMs === undefined) {
      await clock.advance(5);
    }
    return tookMs;
  };
  return { aether, clock, alpha, heard, aborted, ask };
}

const isFirstTry = (wave: Wave): boolean => wave.around.length === 0;
const isUnlucky = (wave: Wave): boolean => (wave.payload as number) % 66 === 0 && isFirstTry(wave);

describe("a hedged query", () => {
  test("physics §9: a hedge brings p99 down, with 2 % more queries at most", async () => {
    const percentile99 = (all: number[]): number => all.sort((a, b) => a - b)[Math.ceil(0.99 * all.length) - 1] ?? 0;
    const results: { p99: number; handled: number }[] = [];
    for (const hedge of [undefined, true] as const) {
      const { aether, ask } = await service(isUnlucky);
      const took: number[] = [];
      for (let i = 1; i <= 700; i++) {
        took.push(await ask(i, hedge));
      }
      results.push({ p99: percentile99(took), handled: aether.stats().received });
    }
    const [control, hedged] = results;
    expect(control).toEqual({ p99: SLOW_MS, handled: 700 });
    expect(hedged?.p99).toBeLessThanOrEqual(3 * QUICK_MS);
    expect(hedged?.handled).toBeGreaterThan(700);
    expect(hedged?.handled).toBeLessThanOrEqual(700 * 1.02);
  }, 120_000);

  test("goes to another member after the time, weaker; the first answer wins and the other is told", async () => {
    const t = await service(isFirstTry);
    expect(await t.ask("a", { afterMs: 50 })).toBe(60);
    await turns();
    const [first, second] = t.heard;
    expect(t.heard).toHaveLength(2);
    expect([first?.id, first?.trace, first?.amplitude]).toEqual([second?.id, second?.trace, 0.5]);
    expect([second?.amplitude, second?.around.length]).toEqual([0.25, 1]);
    expect(t.aborted).toEqual(["a"]);
    await t.clock.advance(1000);
    expect(t.aether.stats()).toMatchObject({ emitted: 1, received: 2, delivered: 2, diffracted: 1 });
    expectBalance(t.aether.stats());
  });

  test("is asked once when its answer comes in time, or nobody else is there", async () => {
    const t = await service(() => false);
    await t.ask("a", { afterMs: 50 });
    expect(t.heard).toHaveLength(1);
    const aether = await connect({ clock: t.clock });
    const only = await aether.vibrator("beta").resonateOn("a", () => new Promise(() => {}));
    const asking = rejection(aether.vibrator("alpha").query("a", {}, { hedge: { afterMs: 10 }, timeoutMs: 100 }));
    await t.clock.advance(200);
    expect(await asking).toMatchObject({ code: "AETHER_TIMEOUT" });
    expect(only.stats().received).toBe(1);
  });

  test("is asked once without diffraction, without a budget, and before 20 answers are known", async () => {
    const off = await service(isFirstTry, { diffraction: false });
    expect(await off.ask("a", { afterMs: 50 })).toBe(SLOW_MS);
    const t = await service(isFirstTry);
    expect(await t.ask("a", { afterMs: 50, budget: 0 })).toBe(SLOW_MS);
    expect(await t.ask("a", true)).toBe(SLOW_MS);
    expect(await t.ask("a", false)).toBe(SLOW_MS);
    expect([off.heard.length, t.heard.length]).toEqual([1, 3]);
  });

  test("fails once all that were asked have failed, and is answered by any", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const members = [300, 20].map((ms) =>
      aether.vibrator("beta").resonateOn("a", (wave) => {
        const fails = wave.payload === "both" || ms === 20;
        return new Promise((resolve, reject) => {
          clock.schedule(() => (fails ? reject(new Error(`after ${ms}`)) : resolve(ms)), ms);
        });
      }),
    );
    await Promise.all(members);
    const alpha = aether.vibrator("alpha");
    const failing = rejection(alpha.query("a", "both", { hedge: { afterMs: 50, budget: 1 } }));
    await clock.advance(400);
    expect(await failing).toBeInstanceOf(AetherError);
    await alpha.emit("a", "both");
    await clock.advance(400);
    const late = alpha.query("a", "one", { hedge: { afterMs: 50, budget: 1 } });
    await clock.advance(400);
    expect((await late).payload).toBe(300);
  });

  test("comes to no observer twice", async () => {
    const t = await service(isFirstTry);
    const seen: unknown[] = [];
    await t.aether.observe("price", (wave) => void seen.push(wave.payload));
    await t.ask("a", { afterMs: 50 });
    expect(seen).toEqual(["a"]);
  });

  test.each([
    [{ afterMs: 0 }, "hedge.afterMs"],
    [{ afterMs: Number.NaN }, "hedge.afterMs"],
    [{ budget: 2 }, "hedge.budget"],
    [{ other: 1 }, "options of hedge"],
    ["yes", "options of hedge"],
  ])("refuses %j", async (hedge, name) => {
    const aether = await connect();
    const options = { hedge } as { hedge: HedgeOptions };
    const error = await rejection(aether.vibrator("alpha").query("a", {}, options));
    expect(error).toMatchObject({ code: "AETHER_BAD_OPTION", message: expect.stringContaining(name) });
  });

  test("is not sent again for another reason as well", async () => {
    const aether = await connect();
    const options = { hedge: true, resend: {} };
    expect(await rejection(aether.vibrator("alpha").query("a", {}, options))).toMatchObject({
      code: "AETHER_BAD_OPTION",
    });
  });

  test("is a query: events and gathers have no hedge", async () => {
    const aether = await connect();
    const alpha = aether.vibrator("alpha");
    const options: QueryOptions = { hedge: true };
    expect(await rejection(alpha.emit("a", {}, options))).toMatchObject({ code: "AETHER_BAD_OPTION" });
    expect(await rejection(alpha.gather("a", {}, options).next())).toMatchObject({ code: "AETHER_BAD_OPTION" });
  });
});
