import type { Wave } from "@aether/core";
import { describe, expect, test } from "vitest";
import { connect, expectBalance } from "./connect.ts";
import { turns } from "./manual-clock.ts";
import { until } from "./until.ts";

describe("iterating a resonance", () => {
  test("yields its waves in order, also those that came before it began", async () => {
    const aether = await connect();
    const pulled = await aether.vibrator("beta").resonateOn("a.*");
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 5; i++) {
      await emitter.emit("a.b", i);
    }
    const heard: unknown[] = [];
    for await (const wave of pulled) {
      heard.push(wave.payload);
      if (heard.length < 10) {
        void emitter.emit("a.b", heard.length + 4);
      } else {
        break;
      }
    }
    expect(heard).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("takes nothing before it is asked: what waits is queued, what was taken is delivered", async () => {
    const aether = await connect();
    const pulled = await aether.vibrator("beta").resonateOn("a");
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 3; i++) {
      await emitter.emit("a", i);
    }
    const iterator = pulled[Symbol.asyncIterator]();
    await turns();
    expect(pulled.stats()).toMatchObject({ received: 3, queued: 3, delivered: 0 });
    await iterator.next();
    expect(pulled.stats()).toMatchObject({ received: 3, queued: 2, delivered: 1, running: 0 });
  });

  test("may be left and begun again: nothing is lost between", async () => {
    const aether = await connect();
    const pulled = await aether.vibrator("beta").resonateOn("a");
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 10; i++) {
      await emitter.emit("a", i);
    }
    const heard: unknown[] = [];
    for (let round = 0; round < 5; round++) {
      let taken = 0;
      for await (const wave of pulled) {
        heard.push(wave.payload);
        if (++taken === 2) {
          break;
        }
      }
    }
    expect(heard).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("by two at a time shares the waves", async () => {
    const aether = await connect();
    const pulled = await aether.vibrator("beta").resonateOn("a");
    const [one, two] = [pulled[Symbol.asyncIterator](), pulled[Symbol.asyncIterator]()];
    const taken = Promise.all([one.next(), two.next(), one.next()]);
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 3; i++) {
      await emitter.emit("a", i);
    }
    expect((await taken).map(({ value }) => (value as Wave).payload)).toEqual([0, 1, 2]);
  });

  test("that is ended while it waits ends the step that waits, and the next wave is not lost on it", async () => {
    const aether = await connect();
    const pulled = await aether.vibrator("beta").resonateOn("a");
    const left = pulled[Symbol.asyncIterator]();
    let step: unknown;
    void left.next().then((result) => {
      step = result;
    });
    await turns();
    await left.return?.();
    await turns();
    await aether.vibrator("emitter").emit("a", "kept");
    await turns();
    expect(step).toEqual({ done: true, value: undefined });
    expect(pulled.stats()).toMatchObject({ received: 1, queued: 1, delivered: 0 });
    expect(((await pulled[Symbol.asyncIterator]().next()).value as Wave).payload).toBe("kept");
  });

  test("ends after what is queued when the resonance closes", async () => {
    const aether = await connect();
    const pulled = await aether.vibrator("beta").resonateOn("a");
    const emitter = aether.vibrator("emitter");
    const heard: unknown[] = [];
    const reading = (async () => {
      for await (const wave of pulled) {
        heard.push(wave.payload);
        await turns(1);
      }
    })();
    for (let i = 0; i < 5; i++) {
      await emitter.emit("a", i);
    }
    await pulled.close();
    await reading;
    expect(heard).toEqual([0, 1, 2, 3, 4]);
    expect(pulled.stats().absorbed.closed).toBe(0);
  });

  test("ends when the resonance closes while it waits, and is over for those who come later", async () => {
    const aether = await connect();
    const pulled = await aether.vibrator("beta").resonateOn("a");
    const waiting = pulled[Symbol.asyncIterator]().next();
    await turns();
    await pulled.close();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await pulled[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined });
  });

  test("of a closed resonance that nobody read ends at once, and its waves are absorbed as closed", async () => {
    const aether = await connect();
    const pulled = await aether.vibrator("beta").resonateOn("a");
    await aether.vibrator("emitter").emit("a");
    await pulled.close({ deadlineMs: 0 });
    expect(pulled.stats()).toMatchObject({ received: 1, queued: 0, delivered: 0, absorbed: { closed: 1 } });
    expectBalance(pulled.stats());
  });

  test("waits while the resonance is paused", async () => {
    const aether = await connect();
    const pulled = await aether.vibrator("beta").resonateOn("a");
    pulled.pause();
    let taken = 0;
    void pulled[Symbol.asyncIterator]()
      .next()
      .then(() => taken++);
    await aether.vibrator("emitter").emit("a");
    await turns();
    expect(taken).toBe(0);
    pulled.resume();
    await until(() => taken === 1);
  });

  test("caused waves are emitted with the cause that is named", async () => {
    const aether = await connect();
    const [source, sink] = [
      await aether.vibrator("beta").resonateOn("a"),
      await aether.vibrator("gamma").resonateOn("b"),
    ];
    const { id } = await aether.vibrator("emitter").emit("a");
    const { value: wave } = await source[Symbol.asyncIterator]().next();
    const beta = aether.vibrator("beta");
    await beta.emit("b", "caused", { cause: wave, amplitude: 0.5 });
    await beta.emit("b", "root");
    const iterator = sink[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toMatchObject({ payload: "caused", cause: id, trace: id, hops: 2 });
    expect((await iterator.next()).value).toMatchObject({ payload: "root", cause: undefined, hops: 1 });
  });
});

describe("batches", () => {
  test("yield what has come, at most as many as asked for", async () => {
    const aether = await connect();
    const pulled = await aether.vibrator("beta").resonateOn("a");
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 25; i++) {
      await emitter.emit("a", i);
    }
    const sizes: number[] = [];
    const heard: unknown[] = [];
    for await (const batch of pulled.batches(10)) {
      sizes.push(batch.length);
      heard.push(...batch.map((wave) => wave.payload));
      if (heard.length === 25) {
        break;
      }
    }
    expect(sizes).toEqual([10, 10, 5]);
    expect(heard).toEqual(Array.from({ length: 25 }, (_, i) => i));
  });

  test("yield a single wave to those who wait for it", async () => {
    const aether = await connect();
    const pulled = await aether.vibrator("beta").resonateOn("a");
    const waiting = pulled.batches().next();
    await turns();
    await aether.vibrator("emitter").emit("a", 1);
    const { value } = await waiting;
    expect(value.map((wave: Wave) => wave.payload)).toEqual([1]);
  });

  test.each([0, -1, 1.5, Number.NaN])("of %d waves are refused", async (most) => {
    const aether = await connect();
    const pulled = await aether.vibrator("beta").resonateOn("a");
    expect(() => pulled.batches(most)).toThrow(expect.objectContaining({ code: "AETHER_BAD_OPTION" }));
  });
});
