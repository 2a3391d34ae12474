import { inProcess, type Wave } from "@aether/core";
import { describe, expect, test } from "vitest";
import { connect } from "./connect.ts";
import { ManualClock, turns } from "./manual-clock.ts";
import { seeded } from "./seed.ts";
import { Gate, until } from "./until.ts";

describe("a wave emitted inside a handler", () => {
  test("is caused by the wave that is handled: trace, hops + 1, cause", async () => {
    const aether = await connect();
    const waves: Wave[] = [];
    const beta = aether.vibrator("beta");
    await beta.resonateOn("one", async (_, ctx) => {
      await ctx.emit("two");
    });
    await beta.resonateOn("two", async (_, ctx) => {
      await ctx.emit("three");
    });
    await aether.vibrator("sink").resonateOn("three", (wave) => void waves.push(wave));
    const { id } = await aether.vibrator("emitter").emit("one");
    await until(() => waves.length === 1);
    expect(waves[0]).toMatchObject({ trace: id, hops: 3 });
    expect(waves[0]?.cause).not.toBe(id);
  });

  test("by any vibrator is caused by it, across awaits and helpers", async () => {
    const aether = await connect();
    const waves: Wave[] = [];
    const [beta, other] = [aether.vibrator("beta"), aether.vibrator("other")];
    const helper = async (text: string): Promise<void> => {
      await turns(1);
      await other.emit("out", text);
    };
    await beta.resonateOn("in", async () => {
      void beta.emit("out", "at once");
      await undefined;
      await beta.emit("out", "after an await");
      await turns(2);
      await helper("in a helper");
      await Promise.all([helper("in parallel"), helper("in parallel")]);
    });
    await aether.vibrator("sink").resonateOn("out", (wave) => void waves.push(wave));
    const { id } = await aether.vibrator("emitter").emit("in");
    await until(() => waves.length === 5);
    for (const wave of waves) {
      expect(wave).toMatchObject({ cause: id, trace: id, hops: 2 });
    }
  });

  test("is caused by its own wave, however many are handled at the same time", async () => {
    const aether = await connect();
    const random = seeded("causality");
    const wrong: Wave[] = [];
    let heard = 0;
    for (const name of ["beta", "gamma"]) {
      const vibrator = aether.vibrator(name);
      await vibrator.resonateOn("in", async (wave, ctx) => {
        if (random() < 0.3) {
          void vibrator.emit("out", wave.id);
        }
        await turns(Math.floor(random() * 3));
        await (random() < 0.5 ? vibrator : ctx).emit("out", wave.id);
        await undefined;
        const answer = await vibrator.query("ask", wave.id);
        await vibrator.emit("out", answer.trace);
      });
    }
    await aether.vibrator("teller").resonateOn("ask", async (wave) => {
      await turns(1);
      return wave.payload;
    });
    await aether.vibrator("sink").resonateOn("out", (wave) => {
      heard++;
      if (wave.payload !== wave.cause || wave.trace !== wave.cause || wave.hops !== 2) {
        wrong.push(wave);
      }
    });
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 500; i++) {
      void emitter.emit("in", i, { amplitude: random() < 0.5 ? 0.5 : 0.9 });
      if (random() < 0.1) {
        await turns(1);
      }
    }
    await until(() => heard >= 2000 && aether.stats().running === 0 && aether.stats().queued === 0);
    expect(wrong.length).toBe(0);
  });

  test("inherits what its cause is worth when it is emitted", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const gate = new Gate();
    const heard: number[] = [];
    const beta = aether.vibrator("beta");
    await beta.resonateOn("in", async () => {
      await gate.passed;
      await beta.emit("out");
      await beta.emit("out", {}, { amplitude: 0.9 });
    });
    await aether.vibrator("sink").resonateOn("out", (wave) => void heard.push(wave.amplitude), { order: "fifo" });
    await aether.vibrator("emitter").emit("in", {}, { amplitude: 0.8, halfLifeMs: 1000 });
    await clock.advance(2000);
    gate.open();
    await until(() => heard.length === 2);
    expect(heard[0]).toBeCloseTo(0.8 * 0.95 * 0.25, 12);
    expect(heard[1]).toBe(0.9);
  });

  test("starts a chain of its own with cause null", async () => {
    const aether = await connect();
    const waves: Wave[] = [];
    const beta = aether.vibrator("beta");
    await beta.resonateOn("in", async (_, ctx) => {
      await ctx.emit("out", {}, { cause: null });
      await beta.emit("out", {}, { cause: null });
    });
    await aether.vibrator("sink").resonateOn("out", (wave) => void waves.push(wave));
    await aether.vibrator("emitter").emit("in", {}, { amplitude: 0.3 });
    await until(() => waves.length === 2);
    for (const wave of waves) {
      expect(wave).toMatchObject({ cause: undefined, trace: wave.id, hops: 1, amplitude: 0.5 });
    }
  });

  test("is caused by the wave that is named, before the one that is handled", async () => {
    const aether = await connect();
    const waves: Wave[] = [];
    let first: Wave | undefined;
    await aether.vibrator("beta").resonateOn("in", async (wave, ctx) => {
      first ??= wave;
      await ctx.emit("out", {}, { cause: first });
    });
    await aether.vibrator("sink").resonateOn("out", (wave) => void waves.push(wave));
    const emitter = aether.vibrator("emitter");
    const { id } = await emitter.emit("in");
    await emitter.emit("in");
    await until(() => waves.length === 2);
    expect(waves.map(({ cause }) => cause)).toEqual([id, id]);
  });

  test("keeps only the trace once the handler has settled", async () => {
    const aether = await connect();
    const waves: Wave[] = [];
    const gate = new Gate();
    const beta = aether.vibrator("beta");
    await beta.resonateOn("in", (_, ctx) => {
      void gate.passed.then(() => beta.emit("out"));
      void gate.passed.then(() => ctx.emit("out"));
      setTimeout(() => void beta.emit("out"), 1);
    });
    await aether.vibrator("sink").resonateOn("out", (wave) => void waves.push(wave));
    const { id } = await aether.vibrator("emitter").emit("in", {}, { amplitude: 0.3 });
    await until(() => waves.length === 1);
    gate.open();
    await until(() => waves.length === 3);
    for (const wave of waves) {
      expect(wave).toMatchObject({ trace: id, cause: undefined, hops: 1, amplitude: 0.5 });
    }
  });

  test("keeps only the trace once the handler was given up", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const waves: Wave[] = [];
    const gate = new Gate();
    await aether.vibrator("beta").resonateOn(
      "in",
      async (_, ctx) => {
        await gate.passed;
        await ctx.emit("out");
      },
      { handlerTimeoutMs: 10 },
    );
    await aether.vibrator("sink").resonateOn("out", (wave) => void waves.push(wave));
    const { id } = await aether.vibrator("emitter").emit("in");
    await clock.advance(10);
    gate.open();
    await until(() => waves.length === 1);
    expect(waves[0]).toMatchObject({ trace: id, cause: undefined, hops: 1 });
  });

  test("may be another aether's: one process, one causality", async () => {
    const medium = inProcess();
    const [one, two] = [await connect({ medium }), await connect({ medium })];
    const waves: Wave[] = [];
    const bridge = two.vibrator("bridge");
    await one.vibrator("beta").resonateOn("in", async () => {
      await bridge.emit("out");
    });
    await one.vibrator("sink").resonateOn("out", (wave) => void waves.push(wave));
    const { id } = await one.vibrator("emitter").emit("in");
    await until(() => waves.length === 1);
    expect(waves[0]).toMatchObject({ cause: id, hops: 2 });
  });

  test("is still caused by it after another aether of the process has closed", async () => {
    const aether = await connect();
    await (await connect()).close();
    const waves: Wave[] = [];
    const beta = aether.vibrator("beta");
    await beta.resonateOn("in", async () => {
      await turns(1);
      await beta.emit("out");
    });
    await aether.vibrator("sink").resonateOn("out", (wave) => void waves.push(wave));
    const { id } = await aether.vibrator("emitter").emit("in");
    await until(() => waves.length === 1);
    expect(waves[0]?.cause).toBe(id);
  });
});

describe("what is emitted outside a handler", () => {
  test("has no cause, also right after an await of something a handler did", async () => {
    const aether = await connect();
    const waves: Wave[] = [];
    const beta = aether.vibrator("beta");
    const gate = new Gate();
    await beta.resonateOn("in", async () => {
      await turns(1);
      gate.open();
      return "answer";
    });
    await aether.vibrator("sink").resonateOn("out", (wave) => void waves.push(wave));
    const emitter = aether.vibrator("emitter");
    await emitter.emit("in");
    await gate.passed;
    await emitter.emit("out", 1);
    await emitter.query("in");
    await emitter.emit("out", 2);
    const pulled = await beta.resonateOn("pulled");
    void emitter.emit("pulled");
    for await (const wave of pulled) {
      await emitter.emit("out", wave.payload);
      break;
    }
    await until(() => waves.length === 3);
    expect(waves.map(({ cause, hops }) => [cause, hops])).toEqual([
      [undefined, 1],
      [undefined, 1],
      [undefined, 1],
    ]);
  });

  test("by an observer of events is never caused by a wave that it is not told of", async () => {
    const aether = await connect();
    const wrong: unknown[] = [];
    let told = 0;
    const emitter = aether.vibrator("emitter");
    await aether.vibrator("beta").resonateOn("in", () => {});
    await aether.vibrator("sink").resonateOn("out", (wave) => {
      told++;
      if (wave.trace !== wave.id && wave.trace !== wave.payload) {
        wrong.push([wave.trace, wave.payload]);
      }
    });
    aether.on("delivered", ({ id, channel }) => {
      if (channel === "in") {
        void emitter.emit("out", id);
      }
    });
    for (let i = 0; i < 5; i++) {
      void emitter.emit("in", i);
    }
    await until(() => told === 5);
    expect(wrong).toEqual([]);
  });
});

describe("explicit causality", () => {
  test("knows ctx.emit and a named cause, and nothing else", async () => {
    const aether = await connect({ causality: "explicit" });
    const waves = new Map<unknown, Wave>();
    const beta = aether.vibrator("beta");
    await beta.resonateOn("in", async (wave, ctx) => {
      await beta.emit("out", "plain");
      await ctx.emit("out", "ctx");
      await beta.emit("out", "named", { cause: wave });
      await ctx.emit("out", "null", { cause: null });
    });
    await aether.vibrator("sink").resonateOn("out", (wave) => void waves.set(wave.payload, wave));
    const { id } = await aether.vibrator("emitter").emit("in");
    await until(() => waves.size === 4);
    expect(waves.get("plain")).toMatchObject({ cause: undefined, hops: 1 });
    expect(waves.get("ctx")).toMatchObject({ cause: id, trace: id, hops: 2 });
    expect(waves.get("named")).toMatchObject({ cause: id, trace: id, hops: 2 });
    expect(waves.get("null")).toMatchObject({ cause: undefined, hops: 1 });
  });

  test("is not entered by an implicit aether beside it", async () => {
    const medium = inProcess();
    const [implicit, explicit] = [await connect({ medium }), await connect({ medium, causality: "explicit" })];
    const waves: Wave[] = [];
    const plain = explicit.vibrator("plain");
    await implicit.vibrator("beta").resonateOn("in", async () => {
      await plain.emit("out");
    });
    await implicit.vibrator("sink").resonateOn("out", (wave) => void waves.push(wave));
    await implicit.vibrator("emitter").emit("in");
    await until(() => waves.length === 1);
    expect(waves[0]).toMatchObject({ cause: undefined, hops: 1 });
  });
});

describe("a loop", () => {
  test.each([16, 4, 1])("of two services ends by itself after %i hops, and is reported", async (maxPropagation) => {
    const aether = await connect({ physics: { maxPropagation } });
    const loops: unknown[] = [];
    const hops: number[] = [];
    aether.on("loop", (event) => void loops.push([event.channel, event.hops]));
    await aether.vibrator("ping").resonateOn("ping", async (wave, ctx) => {
      hops.push(wave.hops);
      await ctx.emit("pong");
    });
    const pong = aether.vibrator("pong");
    await pong.resonateOn("pong", (wave) => {
      hops.push(wave.hops);
      return pong.emit("ping", {}, { amplitude: 1 });
    });
    await aether.vibrator("emitter").emit("ping");
    await until(() => loops.length === 1);
    await turns(10);
    expect(hops).toEqual(Array.from({ length: maxPropagation }, (_, i) => i + 1));
    expect(loops).toEqual([[maxPropagation % 2 === 0 ? "ping" : "pong", maxPropagation + 1]]);
    expect(aether.stats()).toMatchObject({ exhausted: 1, queued: 0, running: 0 });
  });

  test("fades when nothing keeps it loud", async () => {
    const aether = await connect({ physics: { maxPropagation: 255, attenuationFactor: 0.5 } });
    let turnsOfLoop = 0;
    const beta = aether.vibrator("beta", { noiseFloor: 0 });
    const receipts: string[] = [];
    await beta.resonateOn("loop", async (_, ctx) => {
      turnsOfLoop++;
      receipts.push((await ctx.emit("loop")).outcome);
    });
    await beta.emit("loop", {}, { amplitude: 1, halfLifeMs: Number.POSITIVE_INFINITY });
    await until(() => receipts.includes("faded"));
    expect(turnsOfLoop).toBe(6);
  });

  test("of queries ends with AETHER_EXHAUSTED", async () => {
    const aether = await connect({ physics: { maxPropagation: 5 } });
    const beta = aether.vibrator("beta");
    const codes: unknown[] = [];
    await beta.resonateOn("ask", async (_, ctx) => {
      try {
        return (await ctx.query("ask")).payload;
      } catch (error) {
        codes.push((error as { code: string }).code);
        return "end";
      }
    });
    expect((await aether.vibrator("alpha").query("ask")).payload).toBe("end");
    expect(codes).toEqual(["AETHER_EXHAUSTED"]);
  });
});
