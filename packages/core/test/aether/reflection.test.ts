import { AetherError, inProcess, type Reflection, UnrecoverableError, type Vibrator } from "@aether/core";
import { describe, expect, test } from "vitest";
import { fc } from "../seeded.ts";
import { connect } from "./connect.ts";
import { ManualClock, turns } from "./manual-clock.ts";
import { rejection, until } from "./until.ts";

/** What comes back to `vibrator`. */
function backTo(vibrator: Vibrator): Reflection[] {
  const back: Reflection[] = [];
  vibrator.onReflection((reflection) => void back.push(reflection));
  return back;
}

const broken = (): never => {
  throw new Error("broken");
};

describe.each(["event", "broadcast"] as const)("a failed %s", (kind) => {
  test("comes back to its emitter when it asked for that", async () => {
    const aether = await connect();
    const alpha = aether.vibrator("alpha");
    const back = backTo(alpha);
    const beta = aether.vibrator("beta");
    await beta.resonateOn("a", broken);
    const { id } = await alpha.emit("a", "payload", { kind, reflect: true, key: "k", phase: 1, amplitude: 0.8 });
    await until(() => back.length === 1);
    expect(back[0]).toMatchObject({
      kind: "reflection",
      channel: `$reflection.${alpha.id}`,
      of: id,
      on: "a",
      by: "beta",
      sourceId: beta.id,
      code: "error",
      error: "AETHER_HANDLER_FAILED",
      message: "broken",
      retryable: true,
      key: "k",
      hops: 2,
      trace: id,
    });
    expect(back[0]?.phase).toBeCloseTo(1 + Math.PI, 12);
    expect(back[0]?.amplitude).toBeLessThanOrEqual(0.8);
    expect(aether.stats().reflections).toEqual({ sent: 1, suppressed: 0 });
  });

  test("does not come back by default", async () => {
    const aether = await connect();
    const alpha = aether.vibrator("alpha");
    const back = backTo(alpha);
    const beta = await aether.vibrator("beta").resonateOn("a", broken);
    await alpha.emit("a", {}, { kind });
    await alpha.emit("a", {}, { kind, reflect: false });
    await until(() => beta.stats().failed === 2);
    await turns();
    expect(back).toEqual([]);
    expect(aether.stats().reflections).toEqual({ sent: 0, suppressed: 0 });
  });
});

describe("a wave that asked to come back", () => {
  test("comes back once, after its last attempt", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock, random: () => 0.5 });
    const alpha = aether.vibrator("alpha");
    const back = backTo(alpha);
    const attempts: number[] = [];
    await aether.vibrator("beta").resonateOn(
      "a",
      (_, ctx) => {
        attempts.push(ctx.attempt);
        broken();
      },
      { maxAttempts: 3, backoffMs: { base: 100, max: 100 } },
    );
    await alpha.emit("a", {}, { reflect: true });
    await clock.advance(99);
    expect([attempts, back.length]).toEqual([[1, 2], 0]);
    await clock.advance(1);
    expect([attempts, back.length]).toEqual([[1, 2, 3], 1]);
  });

  test("comes back from each receiver that failed, and from no other", async () => {
    const aether = await connect();
    const alpha = aether.vibrator("alpha");
    const back = backTo(alpha);
    await aether.vibrator("beta").resonateOn("a", broken);
    await aether.vibrator("gamma").resonateOn("*", broken);
    const fine = await aether.vibrator("delta").resonateOn("a", () => {});
    await aether.observe("a", broken);
    await alpha.emit("a", {}, { reflect: true });
    await until(() => back.length === 2 && fine.stats().delivered === 1);
    await turns();
    expect(back.map(({ by }) => by).sort()).toEqual(["beta", "gamma"]);
  });

  test("tells that a handler was late", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const alpha = aether.vibrator("alpha");
    const back = backTo(alpha);
    await aether.vibrator("beta").resonateOn("a", () => new Promise(() => {}), { handlerTimeoutMs: 50 });
    await alpha.emit("a", {}, { reflect: true });
    await clock.advance(50);
    expect(back).toMatchObject([{ code: "error", error: "AETHER_HANDLER_TIMEOUT", retryable: true }]);
  });

  test("tells that no attempt can help", async () => {
    const aether = await connect();
    const alpha = aether.vibrator("alpha");
    const back = backTo(alpha);
    await aether.vibrator("beta").resonateOn("a", () => {
      throw new UnrecoverableError("no such order");
    });
    await alpha.emit("a", {}, { reflect: true });
    await until(() => back.length === 1);
    expect(back).toMatchObject([{ code: "rejected", message: "no such order", retryable: false }]);
  });

  test("tells when another try is worth it, as the handler's error says", async () => {
    const aether = await connect();
    const alpha = aether.vibrator("alpha");
    const back = backTo(alpha);
    await aether.vibrator("beta").resonateOn("a", () => {
      throw new AetherError("AETHER_SHED", "busy", { details: { retryAfterMs: 250 } });
    });
    await alpha.emit("a", {}, { reflect: true });
    await alpha.emit("a", {}, { kind: "command" });
    await until(() => back.length === 2);
    const told = { code: "error", error: "AETHER_SHED", retryAfterMs: 250 };
    expect(back).toMatchObject([told, told]);
  });

  test("tells of floor, eviction, fading, shutdown, loop and allow-list by their codes", async () => {
    const clock = new ManualClock();
    const medium = inProcess();
    const aether = await connect({ medium, clock });
    const strict = await connect({
      medium,
      clock,
      physics: { maxPropagation: 1 },
      allowedSources: ["strict", "alpha"],
    });
    const alpha = aether.vibrator("alpha");
    const stranger = aether.vibrator("stranger");
    const back = backTo(alpha);
    const strangersBack = backTo(stranger);
    const codes = (): readonly unknown[] => back.splice(0).map(({ on, code, error }) => [on, code, error]);
    const reflect = true;

    await aether.vibrator("floor").resonateOn("floor", () => {}, { noiseFloor: 0.9 });
    await alpha.emit("floor", {}, { reflect });
    await turns();
    expect(codes()).toEqual([["floor", "overload", "AETHER_SHED"]]);

    const full = await aether.vibrator("full").resonateOn("full", () => {}, { inbox: { capacity: 1 } });
    full.pause();
    await alpha.emit("full", "first", { reflect });
    await alpha.emit("full", "second");
    await alpha.emit("full", "too quiet", { reflect, amplitude: 0.1 });
    await turns();
    expect(codes()).toEqual([
      ["full", "overload", "AETHER_SHED"],
      ["full", "overload", "AETHER_SHED"],
    ]);

    const slow = await aether.vibrator("slow").resonateOn("slow", () => {});
    slow.pause();
    await alpha.emit("slow", {}, { reflect, halfLifeMs: 100 });
    await clock.advance(10_000);
    slow.resume();
    await turns();
    expect(codes()).toEqual([["slow", "expired", "AETHER_FADED"]]);

    const closing = await aether.vibrator("closing").resonateOn("closing", () => {});
    closing.pause();
    await alpha.emit("closing", {}, { reflect });
    await closing.close({ deadlineMs: 0 });
    await turns();
    expect(codes()).toEqual([["closing", "no-receiver", "AETHER_DRAINING"]]);

    await strict.vibrator("strict").resonateOn("strict", () => {});
    await aether
      .vibrator("chain")
      .resonateOn("chain", () => alpha.emit("strict", {}, { reflect }).then(() => undefined));
    await alpha.emit("chain");
    await turns();
    expect(codes()).toEqual([["strict", "loop", "AETHER_EXHAUSTED"]]);

    await stranger.emit("strict", {}, { reflect });
    await turns();
    expect(strangersBack).toMatchObject([{ code: "unauthorised", error: "AETHER_UNAUTHORISED", retryable: false }]);
  });

  test("is told of before anybody emits again, and never inside the call of its emitter", async () => {
    const aether = await connect();
    const alpha = aether.vibrator("alpha");
    const heard: unknown[] = [];
    await aether.vibrator("beta").resonateOn("a", () => {}, { noiseFloor: 0.9 });
    await aether.vibrator("gamma").resonateOn("a", ({ payload }) => void heard.push(payload));
    let inside = false;
    const insides: boolean[] = [];
    alpha.onReflection(() => {
      insides.push(inside);
      void alpha.emit("a", "second");
    });
    inside = true;
    const emitted = alpha.emit("a", "first", { reflect: true });
    inside = false;
    await emitted;
    await until(() => heard.length === 2);
    expect(heard).toEqual(["first", "second"]);
    expect(insides).toEqual([false]);
  });

  test("stays where it is when the law is off", async () => {
    const aether = await connect({ physics: { reflection: false } });
    const alpha = aether.vibrator("alpha");
    const back = backTo(alpha);
    const beta = await aether.vibrator("beta").resonateOn("a", broken);
    await alpha.emit("a", {}, { reflect: true });
    await until(() => beta.stats().failed === 1);
    await turns();
    expect(back).toEqual([]);
    expect(aether.stats().reflections).toEqual({ sent: 0, suppressed: 0 });
  });

  test.each(["reflect", "reflectBody"])("is refused where `%s` is no yes or no", async (name) => {
    const aether = await connect();
    expect(await rejection(aether.vibrator("alpha").emit("a", {}, { [name]: 1 }))).toMatchObject({
      code: "AETHER_BAD_OPTION",
      details: { option: name },
    });
  });
});

describe("a command or query that a receiver refuses", () => {
  test("for its hops or its source comes back, although another takes it", async () => {
    const medium = inProcess();
    const aether = await connect({ medium });
    const strict = await connect({ medium, physics: { maxPropagation: 1 }, allowedSources: ["strict", "alpha"] });
    await strict.vibrator("strict").resonateOn("a", () => {});
    await aether.vibrator("beta").resonateOn("a", () => "answer");
    const alpha = aether.vibrator("alpha");
    const stranger = aether.vibrator("stranger");
    const back = backTo(alpha);
    const strangersBack = backTo(stranger);
    expect((await stranger.query("a")).payload).toBe("answer");
    expect(strangersBack).toMatchObject([{ code: "unauthorised", by: "strict" }]);
    await aether.vibrator("chain").resonateOn("chain", async () => {
      await alpha.emit("a", {}, { kind: "command" });
    });
    await alpha.emit("chain");
    await until(() => back.length === 1);
    expect(back).toMatchObject([{ code: "loop", by: "strict", retryable: false }]);
  });
});

describe("the payload", () => {
  const cases = [
    ["of an event stays", { reflect: true }, false],
    ["of an event that asked comes back", { reflect: true, reflectBody: true }, true],
    ["of a command comes back", { kind: "command" }, true],
    ["of a command that said no stays", { kind: "command", reflectBody: false }, false],
  ] as const;

  test.each(cases)("%s", async (_, options, comes) => {
    const aether = await connect();
    const alpha = aether.vibrator("alpha");
    const back = backTo(alpha);
    await aether.vibrator("beta").resonateOn("a", broken);
    await alpha.emit("a", { orderId: "1" }, options);
    await until(() => back.length === 1);
    expect(back[0]?.body).toEqual(comes ? { orderId: "1" } : undefined);
    expect(Object.hasOwn(back[0]?.payload ?? {}, "body")).toBe(comes);
  });

  test("of a query comes back", async () => {
    const aether = await connect();
    const alpha = aether.vibrator("alpha");
    const back = backTo(alpha);
    await aether.vibrator("beta").resonateOn("a", broken);
    await rejection(alpha.query("a", "question"));
    expect(back[0]?.body).toBe("question");
  });

  test.each([
    ["a text", "x".repeat(8190), "x".repeat(8191)],
    ["wide text", "ä".repeat(4095), "ä".repeat(4096)],
    ["bytes", new Uint8Array(8192), new Uint8Array(8193)],
    ["an object", { text: "x".repeat(8000) }, { text: "x".repeat(8192) }],
    ["an array", new Array(4000).fill(0), new Array(8000).fill(0)],
  ])("comes back up to 8 KiB: %s", async (_, small, large) => {
    const aether = await connect();
    const alpha = aether.vibrator("alpha");
    const back = backTo(alpha);
    await aether.vibrator("beta").resonateOn("a", broken);
    await alpha.emit("a", small, { kind: "command" });
    await alpha.emit("a", large, { kind: "command" });
    await until(() => back.length === 2);
    expect(back.map(({ payload }) => Object.hasOwn(payload, "body"))).toEqual([true, false]);
  });

  test("stays when it goes in circles, or throws when it is looked at", async () => {
    const aether = await connect();
    const alpha = aether.vibrator("alpha");
    const back = backTo(alpha);
    await aether.vibrator("beta").resonateOn("a", broken);
    const circle: Record<string, unknown> = {};
    circle["self"] = circle;
    await alpha.emit("a", circle, { kind: "command" });
    await alpha.emit(
      "a",
      Object.defineProperty({}, "trap", {
        enumerable: true,
        get: broken,
      }),
      { kind: "command" },
    );
    await until(() => back.length === 2);
    expect(back.map(({ payload }) => Object.hasOwn(payload, "body"))).toEqual([false, false]);
  });
});

describe("laws", () => {
  test("physics §7: a storm of failing handlers sends back at most 50 a second and 100 at once, and counts the rest", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ waves: fc.integer({ min: 1, max: 150 }), waitMs: fc.integer({ min: 0, max: 3000 }) }), {
          minLength: 1,
          maxLength: 8,
        }),
        async (bursts) => {
          const clock = new ManualClock();
          const aether = await connect({ clock });
          const alpha = aether.vibrator("alpha");
          const back = backTo(alpha);
          await aether.vibrator("beta").resonateOn("a", broken);
          const began = clock.monotonic();
          let emitted = 0;
          for (const { waves, waitMs } of bursts) {
            for (let i = 0; i < waves; i++) {
              void alpha.emit("a", i, { reflect: true });
            }
            emitted += waves;
            await turns();
            expect(back.length).toBeLessThanOrEqual(100 + ((clock.monotonic() - began) * 50) / 1000);
            await clock.advance(waitMs);
          }
          const { sent, suppressed } = aether.stats().reflections;
          expect(sent).toBe(back.length);
          expect(sent + suppressed).toBe(emitted);
          expect(aether.stats().failed).toBe(emitted);
          await aether.close({ deadlineMs: 0 });
        },
      ),
      { numRuns: 15 },
    );
  });

  test("physics §7: at most one reflection for each wave and receiver, never louder nor longer lived than the wave", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            amplitude: fc.double({ min: 0.05, max: 1, noNaN: true }),
            kind: fc.constantFrom("event" as const, "broadcast" as const, "command" as const),
            halfLifeMs: fc.integer({ min: 500, max: 100_000 }),
          }),
          { minLength: 1, maxLength: 20 },
        ),
        fc.integer({ min: 1, max: 4 }),
        async (waves, receivers) => {
          const clock = new ManualClock();
          const aether = await connect({ clock, random: () => 0.5 });
          const alpha = aether.vibrator("alpha");
          const back = backTo(alpha);
          for (let i = 0; i < receivers; i++) {
            const options = { maxAttempts: 2, backoffMs: { base: 10, max: 10 }, noiseFloor: i / 5, concurrency: 2 };
            await aether.vibrator(`beta-${i}`).resonateOn("a", broken, { ...options, inbox: { capacity: 10 } });
          }
          const sent = new Map<string, { amplitude: number; halfLifeMs: number }>();
          for (const { amplitude, kind, halfLifeMs } of waves) {
            const id = `wave-${sent.size}`;
            sent.set(id, { amplitude, halfLifeMs });
            alpha.emit("a", {}, { id, amplitude, kind, halfLifeMs, reflect: true }).catch(() => undefined);
          }
          await clock.advance(5000);
          const pairs = back.map(({ of, sourceId }) => `${of} ${sourceId}`);
          expect(new Set(pairs).size).toBe(pairs.length);
          for (const reflection of back) {
            const wave = sent.get(reflection.of);
            expect(reflection.amplitude).toBeLessThanOrEqual(wave?.amplitude ?? 0);
            expect(reflection.halfLifeMs).toBeLessThanOrEqual(wave?.halfLifeMs ?? 0);
          }
          await aether.close({ deadlineMs: 0 });
        },
      ),
      { numRuns: 30 },
    );
  });
});
