import { getEventListeners } from "node:events";
import { channel, type Reflection } from "@aether/core";
import { describe, expect, test } from "vitest";
import { connect } from "./connect.ts";
import { ManualClock, turns } from "./manual-clock.ts";
import { Gate, never, rejection, until } from "./until.ts";

const refused = (code: string, retryable: boolean) => expect.objectContaining({ name: "AetherError", code, retryable });
const command = { kind: "command" } as const;

describe("a command", () => {
  test("resolves when the first receiver has admitted it, before it was handled", async () => {
    const aether = await connect();
    const gate = new Gate();
    let done = false;
    await aether.vibrator("beta").resonateOn("a", async () => {
      await gate.passed;
      done = true;
    });
    const receipt = await aether.vibrator("alpha").emit("a", {}, command);
    expect(receipt).toMatchObject({ outcome: "travelled", heard: 1 });
    expect(done).toBe(false);
    gate.open();
    await until(() => done);
  });

  test("may be the kind of its channel", async () => {
    const aether = await connect();
    const Charge = channel("payments.charge", { kind: "command" });
    const alpha = aether.vibrator("alpha");
    expect(await rejection(alpha.emit(Charge, {}))).toEqual(refused("AETHER_NO_RESONATOR", true));
    expect((await alpha.emit(Charge, {}, { kind: "event" })).heard).toBe(0);
    const kinds: string[] = [];
    await aether.vibrator("beta").resonateOn(Charge, (wave) => void kinds.push(wave.kind));
    await alpha.emit(Charge, {});
    await until(() => kinds.length === 1);
    expect(kinds).toEqual(["command"]);
  });

  test("is handled once by each group", async () => {
    const aether = await connect();
    const handled: string[] = [];
    for (const name of ["beta", "beta", "gamma"]) {
      await aether.vibrator(name).resonateOn("a", () => void handled.push(name));
    }
    expect((await aether.vibrator("alpha").emit("a", {}, command)).heard).toBe(2);
    await until(() => handled.length >= 2);
    expect(handled.sort()).toEqual(["beta", "gamma"]);
  });

  test("rejects with AETHER_NO_RESONATOR when nobody resonates", async () => {
    const aether = await connect();
    expect(await rejection(aether.vibrator("alpha").emit("a", {}, command))).toEqual(
      refused("AETHER_NO_RESONATOR", true),
    );
  });

  test("rejects with AETHER_SHED when every floor is above it", async () => {
    const aether = await connect();
    const one = await aether.vibrator("beta").resonateOn("a", () => {}, { noiseFloor: 0.9 });
    const two = await aether.vibrator("gamma").resonateOn("a", () => {}, { noiseFloor: 0.6 });
    const alpha = aether.vibrator("alpha");
    expect(await rejection(alpha.emit("a", {}, command))).toEqual(refused("AETHER_SHED", true));
    expect(one.stats().absorbed.floor + two.stats().absorbed.floor).toBe(2);
    expect((await alpha.emit("a", {}, { ...command, amplitude: 0.7 })).heard).toBe(1);
  });

  test("is taken by the member of a group that listens to it, not shed by the one that does not", async () => {
    const aether = await connect();
    await aether.vibrator("beta", { noiseFloor: 0.9 }).resonateOn("a", () => {});
    await aether.vibrator("beta").resonateOn("a", () => {});
    const alpha = aether.vibrator("alpha");
    for (let i = 0; i < 4; i++) {
      expect((await alpha.emit("a", i, command)).heard).toBe(1);
    }
  });

  test("rejects with AETHER_SHED when every inbox is full of louder waves", async () => {
    const aether = await connect();
    const beta = await aether.vibrator("beta").resonateOn("a", () => {}, { inbox: { capacity: 1 } });
    beta.pause();
    const alpha = aether.vibrator("alpha");
    await alpha.emit("a", {}, { amplitude: 0.9 });
    expect(await rejection(alpha.emit("a", {}, command))).toEqual(refused("AETHER_SHED", true));
    expect(beta.stats()).toMatchObject({ queued: 1, absorbed: { evicted: 1 } });
  });

  test("rejects with a retryable code while its only receiver drains", async () => {
    const aether = await connect();
    const gate = new Gate();
    const beta = aether.vibrator("beta");
    await beta.resonateOn("a", () => gate.passed);
    const alpha = aether.vibrator("alpha");
    await alpha.emit("a");
    await until(() => aether.stats().running === 1);
    const closing = beta.close();
    const error = await rejection(alpha.emit("a", {}, command));
    expect(error).toMatchObject({ code: expect.stringMatching(/^AETHER_(DRAINING|NO_RESONATOR)$/), retryable: true });
    gate.open();
    await closing;
  });

  test("rejects with AETHER_FADED or AETHER_EXHAUSTED when it cannot cross", async () => {
    const aether = await connect({ physics: { maxPropagation: 1 } });
    const beta = await aether.vibrator("beta").resonateOn("a");
    const alpha = aether.vibrator("alpha");
    expect(await rejection(alpha.emit("a", {}, { ...command, amplitude: 0 }))).toEqual(refused("AETHER_FADED", false));
    await alpha.emit("a");
    const { value: wave } = await beta[Symbol.asyncIterator]().next();
    const exhausted = alpha.emit("a", {}, { ...command, cause: wave });
    expect(await rejection(exhausted)).toEqual(refused("AETHER_EXHAUSTED", false));
  });

  test("rejects with the reason of its signal", async () => {
    const aether = await connect();
    const reason = new Error("changed my mind");
    const signal = AbortSignal.abort(reason);
    await aether.vibrator("beta").resonateOn("a", () => {});
    expect(await rejection(aether.vibrator("alpha").emit("a", {}, { ...command, signal }))).toBe(reason);
  });

  test("that was admitted is not cancelled by its timeout", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const gate = new Gate();
    const outcome: string[] = [];
    await aether.vibrator("beta").resonateOn("a", async (_, ctx) => {
      await gate.passed;
      outcome.push(ctx.signal.aborted ? "aborted" : "finished");
    });
    await aether.vibrator("alpha").emit("a", {}, { ...command, timeoutMs: 100 });
    await clock.advance(5000);
    gate.open();
    await until(() => outcome.length === 1);
    expect(outcome).toEqual(["finished"]);
  });

  test("that fails reflects to the one who emitted it, and to nobody else", async () => {
    const aether = await connect();
    await aether.vibrator("beta").resonateOn("a", () => {
      throw new Error("no stock");
    });
    const alpha = aether.vibrator("alpha");
    const mine: Reflection[] = [];
    const others: Reflection[] = [];
    alpha.onReflection((reflection) => void mine.push(reflection));
    aether.vibrator("alpha").onReflection((reflection) => void others.push(reflection));
    const { id } = await alpha.emit("a", {}, { ...command, phase: 1, key: "k", amplitude: 0.8 });
    await until(() => mine.length === 1);
    const [reflection] = mine;
    expect(reflection).toMatchObject({
      kind: "reflection",
      channel: `$reflection.${alpha.id}`,
      of: id,
      cause: id,
      trace: id,
      on: "a",
      code: "error",
      by: "beta",
      message: "no stock",
      retryable: true,
      key: "k",
      hops: 2,
    });
    expect(reflection?.phase).toBeCloseTo(1 + Math.PI, 12);
    expect(reflection?.amplitude).toBeLessThanOrEqual(0.8);
    expect(others).toEqual([]);
  });

  test("that fails at one of two groups reflects from that one", async () => {
    const aether = await connect();
    await aether.vibrator("beta").resonateOn("a", async () => {
      throw new Error("broken");
    });
    await aether.vibrator("gamma").resonateOn("a", () => {});
    const alpha = aether.vibrator("alpha");
    const from: string[] = [];
    alpha.onReflection(({ by }) => void from.push(by));
    await alpha.emit("a", {}, command);
    await until(() => from.length > 0);
    await turns();
    expect(from).toEqual(["beta"]);
  });

  test("that fails reflects a message of at most 512 characters", async () => {
    const aether = await connect();
    await aether.vibrator("beta").resonateOn("a", () => {
      throw new Error("x".repeat(5000));
    });
    const alpha = aether.vibrator("alpha");
    const messages: string[] = [];
    alpha.onReflection(({ message }) => void messages.push(message));
    await alpha.emit("a", {}, command);
    await until(() => messages.length === 1);
    expect(messages[0]).toBe("x".repeat(512));
  });

  test("that is evicted after it was admitted reflects", async () => {
    const aether = await connect();
    const beta = await aether.vibrator("beta").resonateOn("a", () => {}, { inbox: { capacity: 1 } });
    beta.pause();
    const alpha = aether.vibrator("alpha");
    const codes: string[] = [];
    alpha.onReflection(({ code }) => void codes.push(code));
    await alpha.emit("a", {}, command);
    await aether.vibrator("other").emit("a", {}, { amplitude: 0.9 });
    await until(() => codes.length === 1);
    expect(codes).toEqual(["overload"]);
  });

  test("answers nothing: what its handler returns is dropped", async () => {
    const aether = await connect();
    await aether.vibrator("beta").resonateOn("a", () => 42);
    const alpha = aether.vibrator("alpha");
    const back: unknown[] = [];
    alpha.onReflection((reflection) => void back.push(reflection));
    await alpha.emit("a", {}, command);
    await until(() => aether.stats().delivered === 1);
    expect(back).toEqual([]);
  });

  test("leaves no timer and no listener on its signal behind", async () => {
    const aether = await connect();
    await aether.vibrator("beta").resonateOn("a", () => 1);
    const alpha = aether.vibrator("alpha");
    const { signal } = new AbortController();
    await alpha.emit("a", {}, { ...command, signal });
    await alpha.query("a", {}, { signal });
    await rejection(alpha.query("nobody", {}, { signal }));
    await alpha.emit("a", {}, { whenFull: "wait", signal });
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  test("inherits the deadline of the query that caused it, and its handler is cancelled by it", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const beta = aether.vibrator("beta");
    const aborted: number[] = [];
    await beta.resonateOn("ask", async (_, ctx) => {
      await ctx.emit("do", {}, command);
      await ctx.emit("event");
      await never;
    });
    const note = (_: unknown, ctx: { readonly signal: AbortSignal }): Promise<never> => {
      ctx.signal.addEventListener("abort", () => void aborted.push(clock.monotonic() - startedAt));
      return never;
    };
    await beta.resonateOn("do", note);
    await beta.resonateOn("event", note);
    const startedAt = clock.monotonic();
    const asking = rejection(aether.vibrator("alpha").query("ask", {}, { timeoutMs: 500 }));
    await clock.advance(499);
    expect(aborted).toEqual([]);
    await clock.advance(1);
    expect(await asking).toEqual(refused("AETHER_TIMEOUT", true));
    expect(aborted).toEqual([500]);
    await clock.advance(29_500);
    expect(aborted, "an event never inherits a deadline").toEqual([500, 30_000]);
  });
});
