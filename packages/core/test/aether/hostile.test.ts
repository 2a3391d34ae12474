import { channel } from "@aether/core";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { connect } from "./connect.ts";
import { turns } from "./manual-clock.ts";
import { rejection, until } from "./until.ts";

/** Values that throw, or are not what they seem, when somebody looks at them. */
const hostile: [string, unknown][] = [
  ["an object without a prototype", Object.create(null)],
  [
    "an object that throws when it is shown",
    {
      toString(): string {
        throw new Error("not to be shown");
      },
    },
  ],
  ["an error whose message is none", Object.assign(new Error(), { message: { a: 1 } })],
  [
    "a proxy that throws at every touch",
    new Proxy(
      {},
      {
        get(): never {
          throw new Error("not to be read");
        },
        getPrototypeOf(): never {
          throw new Error("not to be asked");
        },
      },
    ),
  ],
];

describe("a handler that throws what cannot be shown", () => {
  test.each(hostile)("%s fails its query and harms nobody else", async (_, thrown) => {
    const aether = await connect();
    const beta = aether.vibrator("beta");
    await beta.resonateOn("at-once", () => {
      throw thrown;
    });
    await beta.resonateOn("later", async () => {
      await turns(1);
      throw thrown;
    });
    await beta.resonateOn("good", () => "fine");
    const alpha = aether.vibrator("alpha");
    for (const name of ["at-once", "later"]) {
      expect(await rejection(alpha.query(name))).toMatchObject({ code: "AETHER_HANDLER_FAILED" });
      expect((await alpha.query("good")).payload).toBe("fine");
    }
    expect(aether.stats()).toMatchObject({ failed: 2, queued: 0, running: 0 });
  });
});

describe("a signal that is none", () => {
  test.each([5, {}, "abort", null])("is refused before anything is registered: %j", async (signal) => {
    const aether = await connect();
    const alpha = aether.vibrator("alpha");
    const options = { signal: signal as never, timeoutMs: 5 };
    const refused = { code: "AETHER_BAD_OPTION" };
    expect(await rejection(alpha.emit("a", 1, options))).toMatchObject(refused);
    expect(await rejection(alpha.query("a", 1, options))).toMatchObject(refused);
    expect(await rejection(alpha.receive(options))).toMatchObject(refused);
    expect(await rejection(alpha.resonateOn("a", { signal: signal as never }))).toMatchObject(refused);
    expect(await rejection(aether.whenHeard("a", options))).toMatchObject(refused);
    await aether.close();
  });
});

describe("options that are no object", () => {
  test.each([[null], [5], ["x"], [[]]])("are refused: %j", async (options) => {
    const aether = await connect();
    const alpha = aether.vibrator("alpha");
    const given = options as never;
    const refused = { code: "AETHER_BAD_OPTION" };
    expect(await rejection(alpha.emit("a", 1, given))).toMatchObject(refused);
    expect(await rejection(alpha.resonateOn("a", () => 1, given))).toMatchObject(refused);
    expect(await rejection(alpha.receive(given))).toMatchObject(refused);
    expect(() => aether.vibrator("beta", given)).toThrow(expect.objectContaining(refused));
    expect(() => channel("a", given)).toThrow(expect.objectContaining(refused));
  });

  test("may stand in the third place without a handler, and nowhere twice", async () => {
    const aether = await connect();
    const beta = aether.vibrator("beta");
    const pulled = await beta.resonateOn("a", undefined, { name: "mine" });
    expect(pulled.name).toBe("mine");
    const twice: unknown = beta.resonateOn("b", { name: "one" } as never, { name: "two" });
    expect(await rejection(twice as Promise<unknown>)).toMatchObject({ code: "AETHER_BAD_OPTION" });
  });

  test("are refused by close as a rejection, and by observe where they mean nothing", async () => {
    const aether = await connect();
    const refused = { code: "AETHER_BAD_OPTION" };
    expect(await rejection(aether.close({ deadlineMs: -1 }))).toMatchObject(refused);
    expect(await rejection(aether.observe("a", () => {}, { group: "x" } as never))).toMatchObject(refused);
    expect(() => aether.use({ emit: 5 as never })).toThrow(expect.objectContaining(refused));
    expect(() => aether.use({})).toThrow(expect.objectContaining(refused));
  });
});

describe("a handler that closes what it runs in", () => {
  test.each(["resonance", "vibrator", "aether"] as const)("does not wait for itself: its %s", async (which) => {
    const aether = await connect();
    const beta = aether.vibrator("beta");
    let closed = false;
    const resonance = await beta.resonateOn("a", async () => {
      await { resonance, vibrator: beta, aether }[which].close();
      closed = true;
    });
    await aether.vibrator("alpha").emit("a");
    await until(() => closed);
    await until(() => aether.stats().running === 0);
  });
});

describe("a context", () => {
  test("may be taken apart", async () => {
    const aether = await connect();
    const beta = aether.vibrator("beta");
    const hops: number[] = [];
    await beta.resonateOn("in", async (_, { emit, query, attempt }) => {
      await emit("out", attempt);
      return (await query("answer")).payload;
    });
    await beta.resonateOn("out", (wave) => void hops.push(wave.hops));
    await beta.resonateOn("answer", (wave) => wave.hops);
    expect((await aether.vibrator("alpha").query("in")).payload).toBe(2);
    expect(hops).toEqual([2]);
  });
});

describe("payloads that do not go", () => {
  test("an answer over the limit fails its query", async () => {
    const aether = await connect({ limits: { maxPayloadBytes: 1000 } });
    await aether.vibrator("beta").resonateOn("a", () => "x".repeat(1001));
    expect(await rejection(aether.vibrator("alpha").query("a"))).toMatchObject({ code: "AETHER_HANDLER_FAILED" });
  });

  test.each(["codec", "frozen"] as const)("a getter that throws is a bad payload: %s", async (payloads) => {
    const aether = await connect({ payloads });
    const payload = {
      get a(): never {
        throw new Error("no");
      },
    };
    const refused = { code: "AETHER_BAD_PAYLOAD" };
    expect(await rejection(aether.vibrator("alpha").emit("a", payload))).toMatchObject(refused);
  });

  test("half a surrogate pair and symbols as keys do not travel", async () => {
    const aether = await connect({ payloads: "codec" });
    const alpha = aether.vibrator("alpha");
    for (const payload of [{ text: "a\ud800" }, { [Symbol("key")]: 1 }]) {
      expect(await rejection(alpha.emit("a", payload))).toMatchObject({ code: "AETHER_BAD_PAYLOAD" });
    }
  });
});

describe("a schema that takes its time at the emitter", () => {
  test("keeps the order of the emits on its channel, those it refuses left out", async () => {
    const aether = await connect();
    const Uneven = channel("uneven", {
      schema: z.number().refine(async (n) => {
        await turns(n % 3 === 0 ? 5 : 1);
        return n !== 4;
      }),
    });
    const heard: unknown[] = [];
    await aether.vibrator("beta").resonateOn("uneven", (wave) => void heard.push(wave.payload));
    const alpha = aether.vibrator("alpha");
    const outcomes = await Promise.allSettled(Array.from({ length: 9 }, (_, n) => alpha.emit(Uneven, n)));
    expect(outcomes.filter(({ status }) => status === "rejected").length).toBe(1);
    await until(() => heard.length === 8);
    expect(heard).toEqual([0, 1, 2, 3, 5, 6, 7, 8]);
  });
});
