import { channel, inProcess, type Link, type MediumEvents } from "@aether/core";
import { describe, expect, test } from "vitest";
import { connect } from "./connect.ts";
import { ManualClock } from "./manual-clock.ts";
import { Gate, never, rejection, until } from "./until.ts";

const refused = (code: string) => expect.objectContaining({ name: "AetherError", code });

describe("a query", () => {
  test("resolves to the response wave", async () => {
    const aether = await connect();
    const beta = aether.vibrator("beta");
    const seen: string[] = [];
    await beta.resonateOn("double", (wave) => {
      seen.push(wave.kind, wave.id, wave.trace);
      return (wave.payload as number) * 2;
    });
    const response = await aether.vibrator("alpha").query("double", 21, { amplitude: 0.8, key: "k" });
    expect(response).toMatchObject({ kind: "response", payload: 42, source: "beta", sourceId: beta.id, hops: 2 });
    expect(seen).toEqual(["query", response.cause, response.trace]);
    expect(response.amplitude).toBeLessThanOrEqual(0.8);
  });

  test("takes the first answer of several groups", async () => {
    const aether = await connect();
    const gate = new Gate();
    await aether.vibrator("slow").resonateOn("a", async () => {
      await gate.passed;
      return "slow";
    });
    await aether.vibrator("fast").resonateOn("a", () => "fast");
    expect((await aether.vibrator("alpha").query("a")).payload).toBe("fast");
    gate.open();
  });

  test("lets the slower ones know that nobody waits any more", async () => {
    const aether = await connect();
    const gate = new Gate();
    const aborted: boolean[] = [];
    await aether.vibrator("slow").resonateOn("a", async (_, ctx) => {
      ctx.signal.addEventListener("abort", () => void aborted.push(true));
      await gate.passed;
      return "slow";
    });
    await aether.vibrator("fast").resonateOn("a", async () => "fast");
    await aether.vibrator("alpha").query("a");
    await until(() => aborted.length === 1);
    gate.open();
  });

  test("does not take undefined for an answer, and waits for the other groups", async () => {
    const aether = await connect();
    await aether.vibrator("silent").resonateOn("a", () => undefined);
    await aether.vibrator("talker").resonateOn("a", async () => "answer");
    expect((await aether.vibrator("alpha").query("a")).payload).toBe("answer");
  });

  test.each([[null], [false], [0], [""], [{ deep: [1] }]])("takes %j for an answer", async (answer) => {
    const aether = await connect();
    await aether.vibrator("beta").resonateOn("a", () => answer);
    expect((await aether.vibrator("alpha").query("a")).payload).toEqual(answer);
  });

  test("rejects with AETHER_NO_ANSWER when everybody kept silent", async () => {
    const aether = await connect();
    await aether.vibrator("beta").resonateOn("a", () => {});
    await aether.vibrator("gamma").resonateOn("a", async () => undefined);
    expect(await rejection(aether.vibrator("alpha").query("a"))).toEqual(refused("AETHER_NO_ANSWER"));
  });

  test("rejects with AETHER_NO_RESONATOR at once when nobody resonates", async () => {
    const aether = await connect({ clock: new ManualClock() });
    expect(await rejection(aether.vibrator("alpha").query("a"))).toEqual(refused("AETHER_NO_RESONATOR"));
  });

  test("rejects with AETHER_SHED when every floor is above it", async () => {
    const aether = await connect();
    await aether.vibrator("beta").resonateOn("a", () => 1, { noiseFloor: 0.9 });
    expect(await rejection(aether.vibrator("alpha").query("a"))).toEqual(refused("AETHER_SHED"));
  });

  test("rejects with AETHER_SHED when it is evicted while it waits", async () => {
    const aether = await connect();
    const beta = await aether.vibrator("beta").resonateOn("a", () => 1, { inbox: { capacity: 1 } });
    beta.pause();
    const asking = rejection(aether.vibrator("alpha").query("a"));
    await aether.vibrator("other").emit("a", {}, { amplitude: 0.9 });
    expect(await asking).toEqual(refused("AETHER_SHED"));
  });

  test("rejects with AETHER_HANDLER_FAILED and the message of the handler, and reflects", async () => {
    const aether = await connect();
    await aether.vibrator("beta").resonateOn("a", async () => {
      throw new TypeError("no such order");
    });
    const alpha = aether.vibrator("alpha");
    const codes: string[] = [];
    alpha.onReflection(({ code }) => void codes.push(code));
    const error = await rejection(alpha.query("a"));
    expect(error).toEqual(refused("AETHER_HANDLER_FAILED"));
    expect(error).toMatchObject({ message: expect.stringContaining("no such order"), details: { by: "beta" } });
    expect(codes).toEqual(["error"]);
  });

  test("is answered by another group when one fails", async () => {
    const aether = await connect();
    await aether.vibrator("beta").resonateOn("a", () => {
      throw new Error("broken");
    });
    await aether.vibrator("gamma").resonateOn("a", async () => "answer");
    expect((await aether.vibrator("alpha").query("a")).payload).toBe("answer");
  });

  test("times out after 2000 ms by default, and cancels the handler", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const aborted: unknown[] = [];
    await aether.vibrator("beta").resonateOn("a", (_, ctx) => {
      ctx.signal.addEventListener("abort", () => void aborted.push(ctx.signal.reason));
      return never;
    });
    let error: unknown;
    const asking = rejection(aether.vibrator("alpha").query("a")).then((reason) => {
      error = reason;
    });
    await clock.advance(1999);
    expect(error).toBeUndefined();
    expect(aborted).toEqual([]);
    await clock.advance(1);
    await asking;
    expect(error).toEqual(refused("AETHER_TIMEOUT"));
    expect(aborted).toEqual([error]);
  });

  test("frees the slot of a handler that its timeout has cancelled", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    let calls = 0;
    const beta = await aether
      .vibrator("beta")
      .resonateOn("a", () => (calls++ === 0 ? never : "answer"), { concurrency: 1 });
    const alpha = aether.vibrator("alpha");
    const first = rejection(alpha.query("a", 1, { timeoutMs: 100 }));
    const second: unknown[] = [];
    const note = (outcome: unknown): void => void second.push(outcome);
    alpha.query("a", 2, { timeoutMs: 1000 }).then(({ payload }) => note(payload), note);
    await clock.advance(100);
    expect(await first).toEqual(refused("AETHER_TIMEOUT"));
    expect(second).toEqual(["answer"]);
    expect(beta.stats().running).toBe(0);
  });

  test("that nobody waits for any more is not handled: it is absorbed as expired", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const beta = await aether.vibrator("beta").resonateOn("a", () => 1);
    beta.pause();
    const asking = rejection(aether.vibrator("alpha").query("a", {}, { timeoutMs: 100 }));
    await clock.advance(100);
    expect(await asking).toEqual(refused("AETHER_TIMEOUT"));
    beta.resume();
    await until(() => beta.stats().queued === 0);
    expect(beta.stats()).toMatchObject({ delivered: 0, absorbed: { expired: 1 } });
  });

  test("is cancelled by its signal, which reaches the handler's ctx.signal", async () => {
    const aether = await connect();
    const reason = new Error("changed my mind");
    const controller = new AbortController();
    const reasons: unknown[] = [];
    await aether.vibrator("beta").resonateOn("a", (_, ctx) => {
      ctx.signal.addEventListener("abort", () => void reasons.push(ctx.signal.reason));
      controller.abort(reason);
      return never;
    });
    expect(await rejection(aether.vibrator("alpha").query("a", {}, { signal: controller.signal }))).toBe(reason);
    expect(reasons).toEqual([reason]);
  });

  test("gives ctx.signal aborted to a handler that reads it late", async () => {
    const aether = await connect();
    const gate = new Gate();
    const controller = new AbortController();
    const seen: boolean[] = [];
    await aether.vibrator("beta").resonateOn("a", async (_, ctx) => {
      await gate.passed;
      seen.push(ctx.signal.aborted);
    });
    const asking = rejection(aether.vibrator("alpha").query("a", {}, { signal: controller.signal }));
    await until(() => aether.stats().running === 1);
    controller.abort();
    await asking;
    gate.open();
    await until(() => seen.length === 1);
    expect(seen).toEqual([true]);
  });

  test("asked inside a handler is cancelled when that handler is", async () => {
    const aether = await connect();
    const controller = new AbortController();
    const seen: string[] = [];
    const beta = aether.vibrator("beta");
    await beta.resonateOn("outer", async (_, ctx) => (await ctx.query("inner")).payload);
    await beta.resonateOn("inner", (_, ctx) => {
      ctx.signal.addEventListener("abort", () => void seen.push("inner aborted"));
      controller.abort(new Error("enough"));
      return never;
    });
    const asking = aether.vibrator("alpha").query("outer", {}, { signal: controller.signal });
    expect(await rejection(asking)).toMatchObject({ message: "enough" });
    expect(seen).toEqual(["inner aborted"]);
  });

  test("asked inside a handler inherits what is left of the deadline, however much it asks for", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const beta = aether.vibrator("beta");
    const codes: unknown[] = [];
    await beta.resonateOn("outer", async (_, ctx) => {
      const startedAt = clock.monotonic();
      const error = await rejection(ctx.query("inner", {}, { timeoutMs: 60_000 }));
      codes.push([clock.monotonic() - startedAt, (error as { code: string }).code]);
    });
    await beta.resonateOn("inner", () => never);
    const asking = rejection(aether.vibrator("alpha").query("outer", {}, { timeoutMs: 300 }));
    await clock.advance(300);
    expect(await asking).toEqual(refused("AETHER_TIMEOUT"));
    expect(codes).toEqual([[300, "AETHER_TIMEOUT"]]);
  });

  test("inherits the deadline of the wave that it names as its cause", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock, causality: "explicit" });
    const beta = aether.vibrator("beta");
    const outcomes: unknown[] = [];
    const startedAt = clock.monotonic();
    await beta.resonateOn("outer", async (wave) => {
      const error = await rejection(beta.query("inner", {}, { cause: wave, timeoutMs: 60_000 }));
      outcomes.push([clock.monotonic() - startedAt, (error as { code: string }).code]);
    });
    await beta.resonateOn("inner", () => never);
    const asking = rejection(aether.vibrator("alpha").query("outer", {}, { timeoutMs: 300 }));
    await clock.advance(300);
    expect(await asking).toEqual(refused("AETHER_TIMEOUT"));
    expect(outcomes).toEqual([[300, "AETHER_TIMEOUT"]]);
  });

  test("asked inside a handler keeps its own timeout where that is shorter", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const beta = aether.vibrator("beta");
    await beta.resonateOn("outer", async (_, ctx) => {
      await rejection(ctx.query("inner", {}, { timeoutMs: 50 }));
      return "went on without";
    });
    await beta.resonateOn("inner", () => never);
    const asking = aether.vibrator("alpha").query("outer", {}, { timeoutMs: 300 });
    await clock.advance(50);
    expect((await asking).payload).toBe("went on without");
  });

  test("is never a kind of emit, and takes no kind", async () => {
    const aether = await connect();
    const alpha = aether.vibrator("alpha");
    await aether.vibrator("beta").resonateOn("a", () => 1);
    expect((await alpha.query(channel("a", { kind: "command" }), {})).payload).toBe(1);
  });

  test("of a closing vibrator rejects", async () => {
    const aether = await connect();
    await aether.vibrator("beta").resonateOn("a", () => never);
    const alpha = aether.vibrator("alpha");
    const asking = rejection(alpha.query("a"));
    await alpha.close();
    expect(await asking).toEqual(refused("AETHER_CLOSED"));
  });

  test("taken by an iterator has no answer", async () => {
    const aether = await connect();
    const pulled = await aether.vibrator("beta").resonateOn("a");
    const asking = rejection(aether.vibrator("alpha").query("a"));
    const { value } = await pulled[Symbol.asyncIterator]().next();
    expect(value.kind).toBe("query");
    expect(await asking).toEqual(refused("AETHER_NO_ANSWER"));
  });

  test("a thousand at a time get each their own answer", async () => {
    const aether = await connect();
    await aether.vibrator("beta").resonateOn("double", async (wave) => (wave.payload as number) * 2);
    const alpha = aether.vibrator("alpha");
    const answers = await Promise.all(Array.from({ length: 1000 }, (_, i) => alpha.query("double", i)));
    expect(answers.map(({ payload }) => payload)).toEqual(Array.from({ length: 1000 }, (_, i) => 2 * i));
  });
});

test.each(["query", "command"] as const)(
  "a %s that its medium refuses at once ends with that, and only with that",
  async (kind) => {
    const clock = new ManualClock();
    const unseen: unknown[] = [];
    const note = (reason: unknown): void => void unseen.push(reason);
    process.on("unhandledRejection", note);
    const inner = inProcess();
    const refused = (): never => {
      throw new Error("no way");
    };
    const open = async (events: MediumEvents): Promise<Link> => {
      const link = await inner.open(events);
      return {
        outlet: () => ({ propagate: refused }),
        reflect: (reflection) => link.reflect(reflection),
        resonate: (listener) => link.resonate(listener),
        room: (channel) => link.room(channel),
        present: () => link.present(),
        heard: (channel) => link.heard(channel),
        close: () => link.close(),
      };
    };
    const aether = await connect({ medium: { ...inner, open }, clock });
    const alpha = aether.vibrator("alpha");
    const asked = kind === "query" ? alpha.query("a") : alpha.emit("a", 1, { kind });
    expect(await rejection(asked)).toMatchObject({ message: "no way" });
    await clock.advance(5000);
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", note);
    expect(unseen).toEqual([]);
  },
);
