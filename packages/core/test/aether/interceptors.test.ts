import { channel, type Draft, type Interceptor, type Wave } from "@aether/core";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { connect } from "./connect.ts";
import { ManualClock, turns } from "./manual-clock.ts";
import { never, rejection, until } from "./until.ts";

/** Notes what passes, before and after. */
function noting(name: string, notes: string[]): Interceptor {
  return {
    emit: async (draft, next) => {
      notes.push(`${name} before ${draft.kind} ${draft.channel}`);
      const result = await next(draft);
      notes.push(`${name} after`);
      return result;
    },
    handle: async (wave, _, next) => {
      notes.push(`${name} handles ${wave.channel}`);
      const result = await next(wave);
      notes.push(`${name} handled`);
      return result;
    },
  };
}

describe("an emit interceptor", () => {
  test("stands around every emit, in the order of registration", async () => {
    const aether = await connect();
    const notes: string[] = [];
    aether.use(noting("outer", notes));
    aether.use(noting("inner", notes));
    expect((await aether.vibrator("alpha").emit("a")).outcome).toBe("travelled");
    expect(notes).toEqual(["outer before event a", "inner before event a", "inner after", "outer after"]);
  });

  test("sees the draft: channel, contract, kind, payload, options, source and cause", async () => {
    const aether = await connect();
    const drafts: Draft[] = [];
    const A = channel("a", { kind: "command" });
    const payload = { n: 1 };
    await aether.vibrator("beta").resonateOn("in", async (_, ctx) => {
      await ctx.emit(A, payload, { key: "k" });
    });
    await aether.vibrator("gamma").resonateOn("a", () => {});
    aether.use({
      emit: (draft, next) => {
        drafts.push(draft);
        return next(draft);
      },
    });
    const { id } = await aether.vibrator("alpha").emit("in");
    await until(() => drafts.length === 2);
    expect(drafts[0]).toMatchObject({
      channel: "in",
      contract: undefined,
      kind: "event",
      source: "alpha",
      cause: undefined,
    });
    expect(drafts[1]).toMatchObject({ channel: "a", kind: "command", options: { key: "k" }, source: "beta" });
    expect(drafts[1]?.contract).toBe(A);
    expect(drafts[1]?.payload).toBe(payload);
    expect(drafts[1]?.cause?.id).toBe(id);
  });

  test("may change channel, payload, kind and options", async () => {
    const aether = await connect();
    const waves: Wave[] = [];
    await aether.vibrator("beta").resonateOn("tenant.*", (wave) => void waves.push(wave));
    aether.use({
      emit: (draft, next) =>
        next({
          ...draft,
          channel: `tenant.${draft.channel}`,
          kind: "broadcast",
          payload: { wrapped: draft.payload },
          options: { ...draft.options, amplitude: 0.9, headers: { tenant: "t1" } },
        }),
    });
    await aether.vibrator("alpha").emit("a", 1, { key: "k" });
    await until(() => waves.length === 1);
    expect(waves[0]).toMatchObject({
      channel: "tenant.a",
      kind: "broadcast",
      payload: { wrapped: 1 },
      amplitude: 0.9,
      key: "k",
      headers: { tenant: "t1" },
    });
  });

  test("may change the cause", async () => {
    const aether = await connect();
    const waves: Wave[] = [];
    const beta = aether.vibrator("beta");
    await beta.resonateOn("in", async (_, ctx) => {
      await ctx.emit("out");
    });
    await aether.vibrator("sink").resonateOn("out", (wave) => void waves.push(wave));
    aether.use({ emit: (draft, next) => next({ ...draft, options: { ...draft.options, cause: null } }) });
    await aether.vibrator("alpha").emit("in");
    await until(() => waves.length === 1);
    expect(waves[0]).toMatchObject({ cause: undefined, hops: 1 });
  });

  test("cannot slip anything past the checks", async () => {
    const aether = await connect();
    const Orders = channel("orders", { schema: z.object({ id: z.string() }) });
    let change: Partial<Draft> = {};
    aether.use({ emit: (draft, next) => next({ ...draft, ...change }) });
    const alpha = aether.vibrator("alpha");
    expect((await alpha.emit(Orders, { id: "1" })).outcome).toBe("travelled");
    const changes: [Partial<Draft>, string][] = [
      [{ channel: "a b" }, "AETHER_BAD_CHANNEL"],
      [{ payload: { id: 1 } }, "AETHER_BAD_PAYLOAD"],
      [{ options: { amplitude: 2 } }, "AETHER_BAD_OPTION"],
      [{ options: { amplitud: 1 } as Draft["options"] }, "AETHER_BAD_OPTION"],
    ];
    for (const [given, code] of changes) {
      change = given;
      expect(await rejection(alpha.emit(Orders, { id: "1" }))).toMatchObject({ code });
    }
  });

  test("may refuse, and may answer without letting the wave pass", async () => {
    const aether = await connect();
    const resonance = await aether.vibrator("beta").resonateOn("a", () => {});
    const undo = aether.use({
      emit: async () => {
        throw new Error("not today");
      },
    });
    const alpha = aether.vibrator("alpha");
    expect(await rejection(alpha.emit("a"))).toMatchObject({ message: "not today" });
    undo();
    const receipt = { id: "stored", outcome: "travelled" };
    aether.use({ emit: async <R>() => receipt as R });
    expect(await alpha.emit("a")).toBe(receipt);
    expect(resonance.stats().received).toBe(0);
  });

  test("that throws at once rejects the emit, and never throws at the emitter", async () => {
    const aether = await connect();
    aether.use({
      emit: () => {
        throw new Error("at once");
      },
    });
    const emitted = aether.vibrator("alpha").emit("a");
    expect(await rejection(emitted)).toMatchObject({ message: "at once" });
  });

  test("stands around queries and may change their result", async () => {
    const aether = await connect();
    await aether.vibrator("beta").resonateOn("double", (wave) => (wave.payload as number) * 2);
    const kinds: string[] = [];
    aether.use({
      emit: async <R>(draft: Draft, next: (draft: Draft) => Promise<R>) => {
        kinds.push(draft.kind);
        const response = await next({ ...draft, payload: (draft.payload as number) + 1 });
        return (response as Wave).withPayload(`${(response as Wave).payload}!`) as R;
      },
    });
    expect((await aether.vibrator("alpha").query("double", 20)).payload).toBe("42!");
    expect(kinds).toEqual(["query"]);
  });

  test("stands around gather", async () => {
    const aether = await connect();
    await aether.vibrator("beta").resonateOn("double", (wave) => (wave.payload as number) * 2);
    const seen: string[] = [];
    aether.use({
      emit: (draft, next) => {
        seen.push(draft.channel);
        return next({ ...draft, payload: 21 });
      },
    });
    const answers: unknown[] = [];
    for await (const answer of aether.vibrator("alpha").gather("double", 1)) {
      answers.push(answer.payload);
    }
    expect(seen).toEqual(["double"]);
    expect(answers).toEqual([42]);
  });

  test("sees the waves that handlers emit", async () => {
    const aether = await connect();
    const seen: string[] = [];
    await aether.vibrator("beta").resonateOn("in", async (_, ctx) => {
      await ctx.emit("out");
    });
    aether.use({
      emit: (draft, next) => {
        seen.push(`${draft.source} ${draft.channel}`);
        return next(draft);
      },
    });
    await aether.vibrator("alpha").emit("in");
    await until(() => seen.length === 2);
    expect(seen).toEqual(["alpha in", "beta out"]);
  });
});

describe("a handle interceptor", () => {
  test("stands around every handler, in the order of registration", async () => {
    const aether = await connect();
    const notes: string[] = [];
    aether.use(noting("outer", notes));
    aether.use(noting("inner", notes));
    await aether.vibrator("beta").resonateOn("a", async () => {
      notes.push("handler");
      return 1;
    });
    expect((await aether.vibrator("alpha").query("a")).payload).toBe(1);
    expect(notes.filter((note) => !/before|after/.test(note))).toEqual([
      "outer handles a",
      "inner handles a",
      "handler",
      "inner handled",
      "outer handled",
    ]);
  });

  test("may change the wave, which is parsed again, and the result", async () => {
    const aether = await connect();
    const Count = channel("count", { schema: z.object({ n: z.coerce.number() }) });
    await aether.vibrator("beta").resonateOn(Count, (wave) => wave.payload.n + 1);
    aether.use({
      handle: async (wave, _, next) => {
        const { n } = wave.payload as { n: number };
        return ((await next(wave.withPayload({ n: String(n * 10) }))) as number) * 2;
      },
    });
    expect((await aether.vibrator("alpha").query("count", { n: "2" })).payload).toBe(42);
  });

  test("that throws fails the handling as the handler itself would", async () => {
    const aether = await connect();
    let handled = 0;
    const beta = await aether.vibrator("beta").resonateOn("a", () => void handled++);
    aether.use({
      handle: () => {
        throw new Error("not today");
      },
    });
    const error = await rejection(aether.vibrator("alpha").query("a"));
    expect(error).toMatchObject({ code: "AETHER_HANDLER_FAILED", message: expect.stringContaining("not today") });
    expect(handled).toBe(0);
    expect(beta.stats()).toMatchObject({ delivered: 1, failed: 1 });
  });

  test("may skip the handler, as an idempotency store does", async () => {
    const aether = await connect();
    let handled = 0;
    await aether.vibrator("beta").resonateOn("a", () => {
      handled++;
      return "computed";
    });
    const store = new Map<string, unknown>();
    aether.use({
      handle: async (wave, _, next) => {
        const key = wave.headers["idempotency-key"] ?? "";
        if (!store.has(key)) {
          store.set(key, await next(wave));
        }
        return store.get(key);
      },
    });
    const alpha = aether.vibrator("alpha");
    for (let i = 0; i < 3; i++) {
      expect((await alpha.query("a", {}, { headers: { "idempotency-key": "x" } })).payload).toBe("computed");
    }
    expect(handled).toBe(1);
  });

  test("that never lets go is bound by the handler's timeout", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const beta = await aether.vibrator("beta").resonateOn("a", () => {}, { handlerTimeoutMs: 100 });
    aether.use({ handle: () => never });
    await aether.vibrator("alpha").emit("a");
    await clock.advance(100);
    expect(beta.stats()).toMatchObject({ delivered: 1, failed: 1, running: 0 });
  });

  test("keeps what the handler emits caused by its wave", async () => {
    const aether = await connect();
    const waves: Wave[] = [];
    const beta = aether.vibrator("beta");
    await beta.resonateOn("in", async () => {
      await turns(1);
      await beta.emit("out");
    });
    await aether.vibrator("sink").resonateOn("out", (wave) => void waves.push(wave));
    aether.use({
      handle: async (wave, _, next) => {
        await turns(1);
        return next(wave);
      },
    });
    const { id } = await aether.vibrator("alpha").emit("in");
    await until(() => waves.length === 1);
    expect(waves[0]?.cause).toBe(id);
  });
});

describe("the undo of an interceptor", () => {
  test("takes it out once, however often it was used", async () => {
    const aether = await connect();
    const notes: string[] = [];
    const interceptor = noting("x", notes);
    const [first, second] = [aether.use(interceptor), aether.use(interceptor)];
    const alpha = aether.vibrator("alpha");
    await alpha.emit("a");
    expect(notes.splice(0).length).toBe(4);
    first();
    first();
    await alpha.emit("a");
    expect(notes.splice(0).length).toBe(2);
    second();
    await alpha.emit("a");
    expect(notes).toEqual([]);
  });

  test.each([[null], [undefined], [() => {}]])("and what is no interceptor is refused (%s)", async (interceptor) => {
    const aether = await connect();
    expect(() => aether.use(interceptor as unknown as Interceptor)).toThrow(
      expect.objectContaining({ code: "AETHER_BAD_OPTION" }),
    );
  });
});

test("interceptors let the handlers of observers alone, who only look", async () => {
  const aether = await connect();
  const notes: string[] = [];
  aether.use(noting("one", notes));
  const seen: string[] = [];
  await aether.observe(">", ({ channel: name }) => {
    seen.push(name);
  });
  await aether.vibrator("alpha").emit("a");
  await until(() => seen.length === 1);
  expect(notes.filter((note) => note.includes("handle"))).toEqual([]);
});
