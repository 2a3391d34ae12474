import { AetherError, channel, type EmitOptions, type Wave } from "@aether/core";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { connect } from "./connect.ts";
import { ManualClock } from "./manual-clock.ts";
import { rejection, until } from "./until.ts";

const refused = (code: string) => expect.objectContaining({ name: "AetherError", code });

describe("the receipt of an emit", () => {
  test("tells how many groups heard the wave", async () => {
    const aether = await connect();
    const emitter = aether.vibrator("emitter");
    expect(await emitter.emit("orders.created", {})).toEqual({
      id: expect.any(String),
      outcome: "travelled",
      heard: 0,
    });
    await aether.vibrator("beta").resonateOn("orders.*", () => {});
    await aether.vibrator("beta").resonateOn("orders.*", () => {});
    await aether.vibrator("gamma").resonateOn("orders.created", () => {});
    expect(await emitter.emit("orders.created", {})).toMatchObject({ outcome: "travelled", heard: 2 });
  });

  test("counts each resonance without a group, and each name of a group", async () => {
    const aether = await connect();
    const beta = aether.vibrator("beta");
    await beta.resonateOn("a", () => {}, { name: "one" });
    await beta.resonateOn("a", () => {}, { name: "two" });
    await aether.vibrator("gamma", { group: false }).resonateOn("a", () => {});
    await aether.vibrator("gamma", { group: false }).resonateOn("a", () => {});
    expect((await aether.vibrator("emitter").emit("a")).heard).toBe(4);
  });

  test("has the id that the wave is heard with", async () => {
    const aether = await connect();
    const heard: string[] = [];
    await aether.vibrator("beta").resonateOn("a", (wave) => void heard.push(wave.id));
    const { id } = await aether.vibrator("emitter").emit("a");
    await until(() => heard.length === 1);
    expect(heard).toEqual([id]);
  });

  test("says faded when the wave is too quiet to cross, and nobody hears it", async () => {
    const aether = await connect();
    const resonance = await aether.vibrator("beta").resonateOn("a", () => {}, { noiseFloor: 0 });
    const emitter = aether.vibrator("emitter");
    expect(await emitter.emit("a", {}, { amplitude: 0.0104 })).toEqual({ id: expect.any(String), outcome: "faded" });
    expect(await emitter.emit("a", {}, { amplitude: 0.0106 })).toMatchObject({ outcome: "travelled", heard: 1 });
    expect(resonance.stats().received).toBe(1);
    expect(aether.stats()).toMatchObject({ emitted: 2, faded: 1, exhausted: 0 });
  });

  test("says exhausted past the hop limit, and nobody hears it", async () => {
    const aether = await connect({ physics: { maxPropagation: 1 } });
    const heard: Wave[] = [];
    await aether.vibrator("beta").resonateOn("a", (wave) => void heard.push(wave));
    const emitter = aether.vibrator("emitter");
    await emitter.emit("a");
    await until(() => heard.length === 1);
    const receipt = await emitter.emit("a", {}, { cause: heard[0] });
    expect(receipt).toEqual({ id: expect.any(String), outcome: "exhausted" });
    expect(aether.stats()).toMatchObject({ emitted: 2, exhausted: 1, received: 1 });
  });

  test("ids are unique", async () => {
    const aether = await connect();
    const emitter = aether.vibrator("emitter");
    const ids = new Set<string>();
    for (let i = 0; i < 1000; i++) {
      ids.add((await emitter.emit("a")).id);
    }
    expect(ids.size).toBe(1000);
  });
});

describe("an emit is refused", () => {
  const names = [
    "",
    "a..b",
    ".a",
    "a.",
    "a.*",
    ">",
    "a b",
    "ä",
    "a\nb",
    "$presence.x",
    "$reflection.x",
    "x".repeat(129),
  ];
  test.each(names)("on %j, which is no channel", async (name) => {
    const aether = await connect();
    expect(await rejection(aether.vibrator("emitter").emit(name))).toEqual(refused("AETHER_BAD_CHANNEL"));
  });

  test.each([undefined, null, 7, {}, Symbol("a")])("when the channel is not even a text (%s)", async (name) => {
    const aether = await connect();
    expect(await rejection(aether.vibrator("emitter").emit(name as string))).toEqual(refused("AETHER_BAD_CHANNEL"));
  });

  test("on a contract whose name is a pattern", async () => {
    const aether = await connect();
    const pattern = channel("orders.*");
    expect(await rejection(aether.vibrator("emitter").emit(pattern, {}))).toEqual(refused("AETHER_BAD_CHANNEL"));
  });

  test("with path and reason when the payload breaks the schema", async () => {
    const aether = await connect();
    const Orders = channel("orders.created", { schema: z.object({ items: z.array(z.object({ sku: z.string() })) }) });
    const broken = { items: [{ sku: "a" }, { sku: 7 as unknown as string }] };
    const error = await rejection(aether.vibrator("emitter").emit(Orders, broken));
    expect(error).toEqual(refused("AETHER_BAD_PAYLOAD"));
    expect(error).toMatchObject({ details: { issues: [{ path: "items[1].sku", message: expect.any(String) }] } });
    expect((error as AetherError).message).toMatch(/items\[1\]\.sku.*string/);
    expect((error as AetherError).retryable).toBe(false);
  });

  test("when the payload is larger than the limits allow", async () => {
    const aether = await connect({ limits: { maxPayloadBytes: 1000 } });
    const emitter = aether.vibrator("emitter");
    expect((await emitter.emit("a", "x".repeat(1000))).outcome).toBe("travelled");
    expect(await rejection(emitter.emit("a", "x".repeat(1001)))).toEqual(refused("AETHER_TOO_LARGE"));
    expect(await rejection(emitter.emit("a", "ä".repeat(501)))).toEqual(refused("AETHER_TOO_LARGE"));
    expect(await rejection(emitter.emit("a", new Uint8Array(1001)))).toEqual(refused("AETHER_TOO_LARGE"));
  });

  test("when the encoded payload is larger than the limits allow", async () => {
    const aether = await connect({ limits: { maxPayloadBytes: 100 }, payloads: "codec" });
    const emitter = aether.vibrator("emitter");
    expect((await emitter.emit("a", { text: "short" })).outcome).toBe("travelled");
    expect(await rejection(emitter.emit("a", { text: "x".repeat(100) }))).toEqual(refused("AETHER_TOO_LARGE"));
  });

  test("from a source that is not allowed", async () => {
    const aether = await connect({ allowedSources: ["alpha"] });
    expect((await aether.vibrator("alpha").emit("a")).outcome).toBe("travelled");
    expect(await rejection(aether.vibrator("mallory").emit("a"))).toEqual(refused("AETHER_UNAUTHORISED"));
  });

  test("by a closed vibrator, and by a vibrator of a closed aether", async () => {
    const aether = await connect();
    const [alpha, beta] = [aether.vibrator("alpha"), aether.vibrator("beta")];
    await alpha.close();
    expect(await rejection(alpha.emit("a"))).toEqual(refused("AETHER_CLOSED"));
    expect((await beta.emit("a")).outcome).toBe("travelled");
    await aether.close();
    expect(await rejection(beta.emit("a"))).toEqual(refused("AETHER_CLOSED"));
  });

  test("when the medium cannot record what must be recorded", async () => {
    const aether = await connect();
    const Orders = channel("orders.created", { recorded: true });
    expect(await rejection(aether.vibrator("emitter").emit(Orders, {}))).toEqual(refused("AETHER_UNSUPPORTED"));
  });

  const bad: [string, Record<string, unknown>][] = [
    ["an unknown option", { amplitud: 1 }],
    ["an amplitude above 1", { amplitude: 1.1 }],
    ["a negative amplitude", { amplitude: -0.1 }],
    ["an amplitude that is no number", { amplitude: Number.NaN }],
    ["an amplitude by an unknown name", { amplitude: "loud" }],
    ["an amplitude by the name of an inherited property", { amplitude: "toString" }],
    ["a weight of 0", { weight: 0 }],
    ["a weight above a million", { weight: 1_000_001 }],
    ["a weight that is no number", { weight: Number.NaN }],
    ["a negative phase", { phase: -0.1 }],
    ["a phase of a full turn", { phase: 2 * Math.PI }],
    ["a half-life of 0", { halfLifeMs: 0 }],
    ["a half-life that is no number", { halfLifeMs: Number.NaN }],
    ["an empty id", { id: "" }],
    ["an id with a line break", { id: "a\nb" }],
    ["an id of 129 characters", { id: "x".repeat(129) }],
    ["an empty key", { key: "" }],
    ["a key that is no text", { key: 7 }],
    ["an unknown kind", { kind: "shout" }],
    ["the kind query, which has a call of its own", { kind: "query" }],
    ["a timeout of 0", { timeoutMs: 0 }],
    ["a timeout that is no number", { timeoutMs: "2s" }],
    ["an unknown whenFull", { whenFull: "drop" }],
    ["a cause that is no wave", { cause: { id: "a" } }],
    ["a header that is no text", { headers: { a: 7 } }],
    ["a header with a line break", { headers: { a: "b\r\nc: d" } }],
    ["a header with an empty name", { headers: { "": "b" } }],
  ];
  test.each(bad)("with %s", async (_, options) => {
    const aether = await connect();
    const error = await rejection(aether.vibrator("emitter").emit("a", {}, options as EmitOptions));
    expect(error).toEqual(refused("AETHER_BAD_OPTION"));
    expect(aether.stats().emitted).toBe(0);
  });

  test.each([["text"], [7], [null]])("with options that are no object (%j)", async (options) => {
    const aether = await connect();
    const error = await rejection(aether.vibrator("emitter").emit("a", {}, options as unknown as EmitOptions));
    expect(error).toEqual(refused("AETHER_BAD_OPTION"));
  });

  test.each([["afterMs"], ["at"], ["dataRef"]])("with %s, which is kept free for later", async (option) => {
    const aether = await connect();
    const error = await rejection(aether.vibrator("emitter").emit("a", {}, { [option]: 100 } as EmitOptions));
    expect(error).toEqual(refused("AETHER_UNSUPPORTED"));
  });

  test("with headers of more than 8 KiB or more than 64 of them", async () => {
    const aether = await connect();
    const emitter = aether.vibrator("emitter");
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`h${i}`, "x"]));
    expect(await rejection(emitter.emit("a", {}, { headers: many }))).toEqual(refused("AETHER_TOO_LARGE"));
    expect(await rejection(emitter.emit("a", {}, { headers: { h: "x".repeat(8192) } }))).toEqual(
      refused("AETHER_TOO_LARGE"),
    );
  });

  test("when its signal has aborted, with the signal's reason", async () => {
    const aether = await connect();
    const reason = new Error("too late");
    const resonance = await aether.vibrator("beta").resonateOn("a", () => {});
    const error = await rejection(aether.vibrator("emitter").emit("a", {}, { signal: AbortSignal.abort(reason) }));
    expect(error).toBe(reason);
    expect(resonance.stats().received).toBe(0);
  });

  test("by a rejection, never by a throw", async () => {
    const aether = await connect();
    const emitter = aether.vibrator("emitter");
    const throwing = {
      get amplitude(): number {
        throw new TypeError("not today");
      },
    };
    const calls: [unknown, unknown, unknown][] = [
      [undefined, {}, {}],
      ["a", {}, throwing],
      ["a", {}, 7],
      ["a", {}, { whenFull: "no" }],
      [{ name: "a" }, {}, {}],
    ];
    for (const [name, payload, options] of calls) {
      const emitted = emitter.emit(name as string, payload, options as EmitOptions);
      expect(emitted).toBeInstanceOf(Promise);
      await rejection(emitted);
      const asked = emitter.query(name as string, payload, options as EmitOptions);
      expect(asked).toBeInstanceOf(Promise);
      await rejection(asked);
    }
  });

  test("and errors are of one class, with code, retryable and details", async () => {
    const aether = await connect();
    const error = await rejection(aether.vibrator("emitter").emit("a b"));
    expect(error).toBeInstanceOf(AetherError);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ code: "AETHER_BAD_CHANNEL", retryable: false, details: { got: "a b" } });
  });
});

describe("the amplitude of a wave", () => {
  async function heardAmplitude(options: EmitOptions, declared?: number): Promise<number> {
    const aether = await connect();
    const contract = declared === undefined ? channel("a") : channel("a", { amplitude: declared });
    const waves: Wave[] = [];
    await aether.vibrator("beta").resonateOn("a", (wave) => void waves.push(wave), { noiseFloor: 0 });
    await aether.vibrator("emitter").emit(contract, {}, options);
    await until(() => waves.length === 1);
    return waves[0]?.amplitude ?? Number.NaN;
  }

  test("is 0.5 when nobody says anything", async () => {
    expect(await heardAmplitude({})).toBe(0.5);
  });

  test("is the channel's when emit gives none", async () => {
    expect(await heardAmplitude({}, 0.8)).toBe(0.8);
  });

  test("is the explicit one before the channel's", async () => {
    expect(await heardAmplitude({ amplitude: 0.3 }, 0.8)).toBe(0.3);
  });

  test.each([
    ["critical", 0.95],
    ["normal", 0.5],
    ["bulk", 0.2],
    ["noise", 0.05],
  ] as const)("may be called %s", async (name, amplitude) => {
    expect(await heardAmplitude({ amplitude: name })).toBe(amplitude);
  });

  test("is the channel's before the cause's, and the cause's before 0.5", async () => {
    const aether = await connect({ clock: new ManualClock() });
    const waves: Wave[] = [];
    const Declared = channel("declared", { amplitude: 0.7 });
    const beta = aether.vibrator("beta");
    await beta.resonateOn("root", async (_, ctx) => {
      await ctx.emit("caused");
      await ctx.emit(Declared, {});
      await ctx.emit("explicit", {}, { amplitude: 0.9 });
    });
    await aether.vibrator("gamma").resonateOn(">", (wave) => void waves.push(wave), { order: "fifo" });
    await aether.vibrator("emitter").emit("root", {}, { amplitude: 0.4 });
    await until(() => waves.length === 4);
    const byChannel = Object.fromEntries(waves.map((wave) => [wave.channel, wave.amplitude]));
    expect(byChannel).toMatchObject({ root: 0.4, declared: 0.7, explicit: 0.9 });
    expect(byChannel["caused"]).toBeCloseTo(0.4 * 0.95, 12);
  });
});

describe("a given id", () => {
  test("emitted twice is handled once, and the repetition is counted", async () => {
    const aether = await connect();
    let handled = 0;
    const resonance = await aether.vibrator("beta").resonateOn("a", () => void handled++);
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 5; i++) {
      expect(await emitter.emit("a", { i }, { id: "order-1" })).toMatchObject({ id: "order-1", outcome: "travelled" });
    }
    await emitter.emit("a", {}, { id: "order-2" });
    await until(() => handled === 2);
    expect(resonance.stats()).toMatchObject({ received: 6, delivered: 2, absorbed: { duplicate: 4 } });
  });

  test("emitted twice is handled once by each group that hears it", async () => {
    const aether = await connect();
    const handled: string[] = [];
    await aether.vibrator("beta").resonateOn("a", () => void handled.push("beta"));
    await aether.vibrator("gamma").resonateOn("a", () => void handled.push("gamma"));
    const emitter = aether.vibrator("emitter");
    await Promise.all([emitter.emit("a", {}, { id: "x" }), emitter.emit("a", {}, { id: "x" })]);
    await until(() => handled.length >= 2);
    expect(handled.sort()).toEqual(["beta", "gamma"]);
  });

  test("emitted twice is handled once by a group, however many instances share its work", async () => {
    const aether = await connect();
    let handled = 0;
    for (let i = 0; i < 3; i++) {
      await aether.vibrator("beta").resonateOn("a", () => void handled++);
    }
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 6; i++) {
      await emitter.emit("a", {}, { id: "order-1" });
    }
    await until(() => aether.stats().queued === 0);
    expect(handled).toBe(1);
  });

  test("whose wave failed may be emitted again and is handled again", async () => {
    const aether = await connect();
    let handled = 0;
    const resonance = await aether.vibrator("beta").resonateOn("a", () => {
      handled++;
      if (handled === 1) {
        throw new Error("not yet");
      }
    });
    const emitter = aether.vibrator("emitter");
    await emitter.emit("a", {}, { id: "order-1" });
    await until(() => resonance.stats().failed === 1);
    await emitter.emit("a", {}, { id: "order-1" });
    await until(() => handled === 2);
    await emitter.emit("a", {}, { id: "order-1" });
    await until(() => resonance.stats().absorbed.duplicate === 1);
    expect(handled).toBe(2);
  });
});

describe("a wave", () => {
  test("carries what emit was given, and is what the contract says", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const waves: Wave[] = [];
    await aether.vibrator("beta").resonateOn("a.*", (wave) => void waves.push(wave));
    const emitter = aether.vibrator("emitter");
    const payload = { deep: [1, 2, 3] };
    const options = { amplitude: 0.6, phase: 1, key: "k", weight: 3, halfLifeMs: 500, headers: { tenant: "t1" } };
    const { id } = await emitter.emit("a.b", payload, options);
    await until(() => waves.length === 1);
    const [wave] = waves;
    expect(wave).toMatchObject({
      id,
      channel: "a.b",
      kind: "event",
      amplitude: 0.6,
      phase: 1,
      key: "k",
      weight: 3,
      halfLifeMs: 500,
      headers: { tenant: "t1" },
      source: "emitter",
      sourceId: emitter.id,
      hops: 1,
      trace: id,
      cause: undefined,
      position: undefined,
      version: undefined,
    });
    expect(wave?.payload).toBe(payload);
    expect(wave?.emittedAt).toBe(clock.now());
  });

  test("fades by its half-life, after one crossing", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const pulled = await aether.vibrator("beta").resonateOn("a");
    await aether.vibrator("emitter").emit("a", {}, { amplitude: 0.8, halfLifeMs: 1000 });
    const { value: wave } = await pulled[Symbol.asyncIterator]().next();
    expect(wave.amplitudeAt()).toBeCloseTo(0.8 * 0.95, 12);
    expect(wave.amplitudeAt(clock.monotonic() + 1000)).toBeCloseTo(0.4 * 0.95, 12);
    await clock.advance(2000);
    expect(wave.amplitudeAt()).toBeCloseTo(0.2 * 0.95, 12);
    expect(wave.amplitude).toBe(0.8);
  });

  test("takes the channel's half-life when emit gives none, and 60 s when nobody does", async () => {
    const aether = await connect();
    const lives: number[] = [];
    await aether.vibrator("beta").resonateOn(">", (wave) => void lives.push(wave.halfLifeMs));
    const Short = channel("short", { halfLifeMs: 250 });
    const emitter = aether.vibrator("emitter");
    await emitter.emit(Short, {});
    await emitter.emit(Short, {}, { halfLifeMs: Number.POSITIVE_INFINITY });
    await emitter.emit("plain");
    await until(() => lives.length === 3);
    expect(lives).toEqual([250, Number.POSITIVE_INFINITY, 60_000]);
  });

  test("that has faded in the inbox is absorbed as expired, not handled", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const heard: unknown[] = [];
    const resonance = await aether.vibrator("beta").resonateOn("a", (wave) => void heard.push(wave.payload));
    resonance.pause();
    const emitter = aether.vibrator("emitter");
    await emitter.emit("a", "short", { halfLifeMs: 100 });
    await emitter.emit("a", "long");
    await clock.advance(1000);
    resonance.resume();
    await until(() => resonance.stats().queued === 0);
    expect(heard).toEqual(["long"]);
    expect(resonance.stats().absorbed.expired).toBe(1);
  });

  test("lives for an hour at most, however long its half-life", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const resonance = await aether.vibrator("beta").resonateOn("a", () => {});
    resonance.pause();
    const emitter = aether.vibrator("emitter");
    await emitter.emit("a", {}, { halfLifeMs: Number.POSITIVE_INFINITY });
    await clock.advance(1_800_000);
    await emitter.emit("a", {}, { halfLifeMs: Number.POSITIVE_INFINITY });
    await clock.advance(1_800_001);
    resonance.resume();
    await until(() => resonance.stats().queued === 0);
    expect(resonance.stats()).toMatchObject({ delivered: 1, absorbed: { expired: 1 } });
  });

  test("is immutable, its headers included", async () => {
    const aether = await connect();
    const waves: Wave[] = [];
    await aether.vibrator("beta").resonateOn("a", (wave) => void waves.push(wave));
    const headers = { tenant: "t1" };
    await aether.vibrator("emitter").emit("a", {}, { headers });
    headers.tenant = "t2";
    await until(() => waves.length === 1);
    const wave = waves[0] as { -readonly [K in keyof Wave]: Wave[K] };
    expect(wave.headers).toEqual({ tenant: "t1" });
    expect(() => {
      wave.amplitude = 1;
    }).toThrow(TypeError);
    expect(() => {
      (wave.headers as Record<string, string>)["tenant"] = "t3";
    }).toThrow(TypeError);
  });

  test("carries the version of its channel", async () => {
    const aether = await connect();
    const versions: unknown[] = [];
    await aether.vibrator("beta").resonateOn("a", (wave) => void versions.push(wave.version));
    await aether.vibrator("emitter").emit(channel("a", { version: 3 }), {});
    await until(() => versions.length === 1);
    expect(versions).toEqual([3]);
  });
});

describe("handlers", () => {
  test("never run inside the emitter's call stack", async () => {
    const aether = await connect();
    let inside = false;
    const sawInside: boolean[] = [];
    const beta = aether.vibrator("beta");
    await beta.resonateOn("event", () => void sawInside.push(inside));
    await beta.resonateOn("command", () => void sawInside.push(inside));
    await beta.resonateOn("query", () => {
      sawInside.push(inside);
      return 1;
    });
    await beta.resonateOn("chain", (_, ctx) => {
      inside = true;
      void ctx.emit("event");
      void ctx.emit("event", {}, { amplitude: 0.9 });
      inside = false;
    });
    const emitter = aether.vibrator("emitter");
    inside = true;
    const all = [
      emitter.emit("event"),
      emitter.emit("event", {}, { kind: "broadcast" }),
      emitter.emit("event", {}, { id: "given" }),
      emitter.emit("command", {}, { kind: "command" }),
      emitter.query("query"),
      emitter.emit("chain"),
    ];
    inside = false;
    await Promise.all(all);
    await until(() => sawInside.length === 7);
    expect(sawInside).toEqual(new Array(7).fill(false));
  });
});
