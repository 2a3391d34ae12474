import { describe, expect, test } from "vitest";
import { connect } from "./connect.ts";
import { ManualClock, turns } from "./manual-clock.ts";
import { rejection, until } from "./until.ts";

describe("without physics", () => {
  test("waves are handled in the order they came in, whatever their amplitude", async () => {
    const aether = await connect({ physics: false });
    const heard: unknown[] = [];
    const beta = await aether
      .vibrator("beta")
      .resonateOn("a", (wave) => void heard.push(wave.payload), { concurrency: 1 });
    beta.pause();
    const emitter = aether.vibrator("emitter");
    for (const [i, amplitude] of [0.5, 0.1, 0.9, 0.3, 1, 0].entries()) {
      await emitter.emit("a", i, { amplitude });
    }
    beta.resume();
    await until(() => heard.length === 6);
    expect(heard).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test("nothing fades: neither by age, nor by hops, nor on the way", async () => {
    const clock = new ManualClock();
    const aether = await connect({ physics: false, clock });
    const heard: number[] = [];
    const beta = aether.vibrator("beta");
    const first = await beta.resonateOn("a", async (wave, ctx) => {
      heard.push(wave.amplitudeAt());
      await ctx.emit("b");
    });
    await beta.resonateOn("b", (wave) => void heard.push(wave.amplitudeAt()));
    first.pause();
    const emitter = aether.vibrator("emitter");
    expect((await emitter.emit("a", {}, { amplitude: 0.001 })).outcome).toBe("travelled");
    await emitter.emit("a", {}, { amplitude: 0.5, halfLifeMs: 100 });
    await clock.advance(100 * 3_600_000);
    first.resume();
    await until(() => heard.length === 4);
    expect(heard.sort()).toEqual([0.001, 0.001, 0.5, 0.5]);
  });

  test("no floor keeps a wave out", async () => {
    const aether = await connect({ physics: false });
    const beta = await aether.vibrator("beta").resonateOn("a", () => {}, { noiseFloor: 0.9 });
    const emitter = aether.vibrator("emitter");
    expect((await emitter.emit("a", {}, { amplitude: 0.1 })).heard).toBe(1);
    expect((await emitter.emit("a", {}, { amplitude: 0.1, kind: "command" })).heard).toBe(1);
    await until(() => beta.stats().delivered === 2);
  });

  test("a full inbox sheds the oldest", async () => {
    const aether = await connect({ physics: false });
    const pulled = await aether.vibrator("beta").resonateOn("a", { inbox: { capacity: 3 } });
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 6; i++) {
      void emitter.emit("a", i, { amplitude: 1 - i / 10 });
    }
    const { value } = await pulled.batches().next();
    expect(value.map(({ payload }: { payload: unknown }) => payload)).toEqual([3, 4, 5]);
  });

  test("the hop limit still holds", async () => {
    const aether = await connect({ physics: false });
    let hops = 0;
    const loops: number[] = [];
    aether.on("loop", (event) => void loops.push(event.hops));
    await aether.vibrator("beta").resonateOn("a", async (wave, ctx) => {
      hops = wave.hops;
      await ctx.emit("a");
    });
    await aether.vibrator("emitter").emit("a");
    await until(() => loops.length === 1);
    await turns();
    expect(hops).toBe(16);
    expect(loops).toEqual([17]);
  });

  test("everything else is as it was: queries, retries, keys", async () => {
    const clock = new ManualClock();
    const aether = await connect({ physics: false, clock, random: () => 0.5 });
    const runs: unknown[] = [];
    await aether.vibrator("beta").resonateOn(
      "a",
      (wave, ctx) => {
        runs.push([wave.payload, ctx.attempt]);
        if (ctx.attempt === 1 && wave.payload === 1) {
          throw new Error("again");
        }
        return "answer";
      },
      { order: "key", maxAttempts: 2, backoffMs: { base: 100, max: 100 } },
    );
    const alpha = aether.vibrator("alpha");
    const both = Promise.all([alpha.query("a", 1, { key: "k" }), alpha.query("a", 2, { key: "k" })]);
    await clock.advance(50);
    expect((await both).map(({ payload }) => payload)).toEqual(["answer", "answer"]);
    expect(runs).toEqual([
      [1, 1],
      [1, 2],
      [2, 1],
    ]);
  });
});

describe("with one law switched off", () => {
  test("bands: inboxes are served by arrival, and the rest holds", async () => {
    const aether = await connect({ physics: { bands: false } });
    const heard: unknown[] = [];
    const beta = await aether.vibrator("beta").resonateOn("a", (wave) => void heard.push(wave.payload), {
      concurrency: 1,
      noiseFloor: 0.2,
    });
    beta.pause();
    const emitter = aether.vibrator("emitter");
    for (const [i, amplitude] of [0.5, 0.1, 0.9, 0.3, 1].entries()) {
      await emitter.emit("a", i, { amplitude });
    }
    beta.resume();
    await until(() => heard.length === 4);
    expect(heard).toEqual([0, 2, 3, 4]);
    expect(beta.stats().absorbed.floor).toBe(1);
  });

  test("attenuation: nothing fades, and louder bands still come first", async () => {
    const clock = new ManualClock();
    const aether = await connect({ physics: { attenuation: false }, clock });
    const heard: number[] = [];
    const beta = await aether
      .vibrator("beta")
      .resonateOn("a", (wave) => void heard.push(wave.amplitudeAt()), { concurrency: 1, noiseFloor: 0 });
    beta.pause();
    const emitter = aether.vibrator("emitter");
    await emitter.emit("a", {}, { amplitude: 0.001, halfLifeMs: 1 });
    await emitter.emit("a", {}, { amplitude: 0.9 });
    await clock.advance(100 * 3_600_000);
    beta.resume();
    await until(() => heard.length === 2);
    expect(heard).toEqual([0.9, 0.001]);
  });

  test("floor: no floor keeps a wave out, and inaudible ones still fade", async () => {
    const aether = await connect({ physics: { floor: false } });
    const beta = await aether.vibrator("beta").resonateOn("a", () => {}, { noiseFloor: 0.9 });
    const emitter = aether.vibrator("emitter");
    expect((await emitter.emit("a", {}, { amplitude: 0.1 })).heard).toBe(1);
    expect((await emitter.emit("a", {}, { amplitude: 0.001 })).outcome).toBe("faded");
    await until(() => beta.stats().delivered === 1);
  });

  test("reflection: nothing comes back, and whoever waits is still told", async () => {
    const aether = await connect({ physics: { reflection: false } });
    const reflections: unknown[] = [];
    const emitter = aether.vibrator("emitter");
    emitter.onReflection((reflection) => void reflections.push(reflection));
    await aether.vibrator("beta").resonateOn("a", () => {
      throw new Error("broken");
    });
    expect(await rejection(emitter.query("a"))).toMatchObject({ code: "AETHER_HANDLER_FAILED" });
    await turns();
    expect(reflections).toEqual([]);
  });
});
