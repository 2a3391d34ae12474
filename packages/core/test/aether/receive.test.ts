import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { connect } from "./connect.ts";
import { ManualClock, turns } from "./manual-clock.ts";
import { rejection, until } from "./until.ts";

describe("receive", () => {
  test("takes from all resonances without a handler, and from those only", async () => {
    const aether = await connect();
    const beta = aether.vibrator("beta");
    const handled: unknown[] = [];
    await beta.resonateOn("pulled.one");
    await beta.resonateOn("pulled.two");
    await beta.resonateOn("pushed", (wave) => void handled.push(wave.payload));
    const emitter = aether.vibrator("emitter");
    for (const name of ["pulled.one", "pulled.two", "pushed"]) {
      await emitter.emit(name, name);
    }
    const taken = [await beta.receive(), await beta.receive()].map((wave) => wave?.payload);
    expect(taken.sort()).toEqual(["pulled.one", "pulled.two"]);
    await until(() => handled.length === 1);
    expect(await beta.receive({ timeoutMs: 1 })).toBeUndefined();
  });

  test("takes nothing from a resonance that is being iterated", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const beta = aether.vibrator("beta");
    const iterated = await beta.resonateOn("iterated");
    await beta.resonateOn("free");
    const iterator = iterated[Symbol.asyncIterator]();
    const step = iterator.next();
    const received = beta.receive({ timeoutMs: 1000 });
    const emitter = aether.vibrator("emitter");
    await emitter.emit("iterated", 1);
    await emitter.emit("iterated", 2);
    expect((await step).value).toMatchObject({ payload: 1 });
    await emitter.emit("free", 3);
    expect(await received).toMatchObject({ payload: 3 });
    const late = beta.receive({ timeoutMs: 1000 });
    await clock.advance(1000);
    expect(await late).toBeUndefined();
    expect((await iterator.next()).value).toMatchObject({ payload: 2 });
  });

  test("gets what an iteration left behind, also when it waited already", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const beta = aether.vibrator("beta");
    const pulled = await beta.resonateOn("a");
    const emitter = aether.vibrator("emitter");
    await emitter.emit("a", 1);
    await emitter.emit("a", 2);
    let received: unknown;
    for await (const wave of pulled) {
      expect(wave.payload).toBe(1);
      const note = (given: unknown): void => {
        received = given;
      };
      void beta.receive().then((given) => note(given?.payload), note);
      await turns();
      break;
    }
    await turns();
    expect(received).toBe(2);
  });

  test("waits for a wave", async () => {
    const aether = await connect();
    const beta = aether.vibrator("beta");
    await beta.resonateOn("a");
    const received = [beta.receive(), beta.receive()];
    const emitter = aether.vibrator("emitter");
    await emitter.emit("a", 1);
    await emitter.emit("a", 2);
    expect((await Promise.all(received)).map((wave) => wave?.payload)).toEqual([1, 2]);
  });

  test("resolves to undefined at its timeout, and the wave that comes later is not lost on it", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const beta = aether.vibrator("beta");
    await beta.resonateOn("a");
    let received: unknown = "waiting";
    void beta.receive({ timeoutMs: 100 }).then((wave) => {
      received = wave;
    });
    await clock.advance(99);
    expect(received).toBe("waiting");
    await clock.advance(1);
    expect(received).toBeUndefined();
    await aether.vibrator("emitter").emit("a", "kept");
    expect(await beta.receive()).toMatchObject({ payload: "kept" });
  });

  test("rejects with the reason of its signal, and the wave that comes later is not lost on it", async () => {
    const aether = await connect();
    const beta = aether.vibrator("beta");
    await beta.resonateOn("a");
    const reason = new Error("enough");
    const controller = new AbortController();
    const received = rejection(beta.receive({ signal: controller.signal }));
    await turns();
    controller.abort(reason);
    expect(await received).toBe(reason);
    await aether.vibrator("emitter").emit("a", "kept");
    expect(await rejection(beta.receive({ signal: controller.signal }))).toBe(reason);
    expect(await beta.receive()).toMatchObject({ payload: "kept" });
  });

  test("leaves no listener on its signal behind", async () => {
    const aether = await connect();
    const beta = aether.vibrator("beta");
    await beta.resonateOn("a");
    const { signal } = new AbortController();
    const received = beta.receive({ signal, timeoutMs: 10_000 });
    await aether.vibrator("emitter").emit("a");
    await received;
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  test("takes louder waves first within a resonance, and serves resonances in turn", async () => {
    const aether = await connect();
    const beta = aether.vibrator("beta");
    await beta.resonateOn("a");
    await beta.resonateOn("b");
    const emitter = aether.vibrator("emitter");
    for (const name of ["a", "a", "a", "b", "b", "b"]) {
      await emitter.emit(name);
    }
    await emitter.emit("a", "loud", { amplitude: 1 });
    const taken: (string | undefined)[] = [];
    for (let i = 0; i < 7; i++) {
      taken.push((await beta.receive())?.channel);
    }
    expect(taken.slice(0, 6).filter((name) => name === "a").length).toBe(3);
    expect(taken.filter((name) => name === "b").length).toBe(3);
  });

  test("rejects with AETHER_CLOSED when the vibrator closes or is closed", async () => {
    const aether = await connect();
    const beta = aether.vibrator("beta");
    await beta.resonateOn("a");
    const waiting = rejection(beta.receive());
    await turns();
    await beta.close();
    expect(await waiting).toMatchObject({ code: "AETHER_CLOSED" });
    expect(await rejection(beta.receive())).toMatchObject({ code: "AETHER_CLOSED" });
  });

  test.each([-1, Number.NaN, "1s"])("is refused with a timeout of %j", async (timeoutMs) => {
    const aether = await connect();
    const received = aether.vibrator("beta").receive({ timeoutMs: timeoutMs as number });
    expect(await rejection(received)).toMatchObject({ code: "AETHER_BAD_OPTION" });
  });
});
