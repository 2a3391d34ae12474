import { Aether, type AetherOptions, type ChannelOptions, channel, inProcess, type Wave } from "@aether/core";
import { describe, expect, test } from "vitest";
import { connect } from "./connect.ts";
import { rejection, until } from "./until.ts";

describe("connect", () => {
  const bad: [string, object][] = [
    ["an unknown option", { mediun: inProcess() }],
    ["an unknown causality", { causality: "magic" }],
    ["an unknown way to hand payloads over", { payloads: "clone" }],
    ["an attenuation factor of 0", { physics: { attenuationFactor: 0 } }],
    ["an attenuation factor above 1", { physics: { attenuationFactor: 1.1 } }],
    ["an attenuation factor that is no number", { physics: { attenuationFactor: Number.NaN } }],
    ["a half-life of 0", { physics: { halfLifeMs: 0 } }],
    ["a least amplitude above 1", { physics: { minAmplitude: 2 } }],
    ["a hop limit of 0", { physics: { maxPropagation: 0 } }],
    ["a hop limit of 256", { physics: { maxPropagation: 256 } }],
    ["an unknown law", { physics: { gravity: 9.81 } }],
    ["physics true", { physics: true }],
    ["a payload limit of 0", { limits: { maxPayloadBytes: 0 } }],
    ["a channel limit above 200", { limits: { maxChannelLength: 201 } }],
    ["an unknown limit", { limits: { maxWaves: 1 } }],
    ["a journal that is none", { journal: {} }],
    ["recorded channels that are no array", { recorded: "orders.>" }],
    ["sources that are no array", { allowedSources: "alpha" }],
  ];
  test.each(bad)("is refused with %s", async (_, options) => {
    expect(await rejection(Aether.connect(options as AetherOptions))).toMatchObject({ code: "AETHER_BAD_OPTION" });
  });

  test("refuses recorded channels without a medium that records", async () => {
    const error = await rejection(Aether.connect({ recorded: ["orders.>"] }));
    expect(error).toMatchObject({ code: "AETHER_UNSUPPORTED", message: expect.stringMatching(/journal.*JetStream/) });
  });

  test("makes a medium of its own each time", async () => {
    const [one, two] = [await connect(), await connect()];
    await one.vibrator("beta").resonateOn("a", () => {});
    expect((await two.vibrator("alpha").emit("a")).heard).toBe(0);
  });

  test("may be undone by `await using`", async () => {
    let closed: Aether;
    {
      await using aether = await Aether.connect();
      closed = aether;
    }
    expect(() => closed.vibrator("alpha")).toThrow(expect.objectContaining({ code: "AETHER_CLOSED" }));
  });
});

describe("a vibrator", () => {
  test("has a name and an id of its own", async () => {
    const aether = await connect();
    const [one, two] = [aether.vibrator("beta"), aether.vibrator("beta")];
    expect([one.name, two.name]).toEqual(["beta", "beta"]);
    expect(one.id).not.toBe(two.id);
  });

  test.each(["", "a b", "a\nb", "ä", "x".repeat(129)])("may not be called %j", async (name) => {
    const aether = await connect();
    expect(() => aether.vibrator(name)).toThrow(expect.objectContaining({ code: "AETHER_BAD_OPTION" }));
  });

  test("refuses options that it does not know", async () => {
    const aether = await connect();
    expect(() => aether.vibrator("beta", { concurency: 1 } as object)).toThrow(
      expect.objectContaining({ code: "AETHER_BAD_OPTION" }),
    );
  });
});

describe("a channel", () => {
  const bad: [string, object][] = [
    ["an unknown kind", { kind: "query" }],
    ["an amplitude above 1", { amplitude: 2 }],
    ["a half-life of 0", { halfLifeMs: 0 }],
    ["an upgrade without a version", { upgrade: () => 1 }],
    ["an unknown option", { shema: 1 }],
  ];
  test.each(bad)("is refused with %s", (_, options) => {
    expect(() => channel("a", options as ChannelOptions)).toThrow(
      expect.objectContaining({ code: "AETHER_BAD_OPTION" }),
    );
  });

  test("is refused under a bad name", () => {
    expect(() => channel("a..b")).toThrow(expect.objectContaining({ code: "AETHER_BAD_CHANNEL" }));
  });

  test("may be as long as the limits say, and no longer", async () => {
    const aether = await connect({ limits: { maxChannelLength: 10 } });
    const alpha = aether.vibrator("alpha");
    expect((await alpha.emit("a".repeat(10))).outcome).toBe("travelled");
    expect(await rejection(alpha.emit("a".repeat(11)))).toMatchObject({ code: "AETHER_BAD_CHANNEL" });
    expect(await rejection(alpha.resonateOn(`${"a".repeat(9)}.>`))).toMatchObject({ code: "AETHER_BAD_CHANNEL" });
  });

  test("may be longer than the default where the limits allow it, as a contract too", async () => {
    const aether = await connect({ limits: { maxChannelLength: 200 } });
    const name = `${"a".repeat(64)}.${"b".repeat(64)}.${"c".repeat(60)}`;
    expect((await aether.vibrator("alpha").emit(name)).outcome).toBe("travelled");
    expect((await aether.vibrator("alpha").emit(channel(name), {})).outcome).toBe("travelled");
  });
});

describe("payloads", () => {
  async function pass(options: AetherOptions, payload: unknown): Promise<unknown[]> {
    const aether = await connect(options);
    const heard: Wave[] = [];
    await aether.vibrator("beta").resonateOn("a", (wave) => void heard.push(wave));
    await aether.vibrator("gamma").resonateOn("a", (wave) => void heard.push(wave));
    await aether.vibrator("alpha").emit("a", payload);
    await until(() => heard.length === 2);
    return heard.map((wave) => wave.payload);
  }

  test("go by reference by default", async () => {
    const payload = { date: new Date(), deep: { map: new Map() } };
    const [one, two] = await pass({}, payload);
    expect(one).toBe(payload);
    expect(two).toBe(payload);
    expect(Object.isFrozen(payload)).toBe(false);
  });

  test("may be frozen, deeply, also where the top was frozen before, and in circles", async () => {
    const payload: { deep: { list: number[]; top?: unknown } } = { deep: { list: [1] } };
    payload.deep.top = payload;
    const [one] = await pass({ payloads: "frozen" }, payload);
    expect(one).toBe(payload);
    expect([payload, payload.deep, payload.deep.list].map(Object.isFrozen)).toEqual([true, true, true]);
    const shallow = Object.freeze({ deep: { list: [1] } });
    await pass({ payloads: "frozen" }, shallow);
    expect([shallow.deep, shallow.deep.list].map(Object.isFrozen)).toEqual([true, true]);
  });

  test("may go through the codec, as over a network", async () => {
    const payload = { deep: [1, { two: "2" }], nothing: undefined };
    const [one, two] = await pass({ payloads: "codec" }, payload);
    expect(one).toEqual({ deep: [1, { two: "2" }] });
    expect(one).not.toBe(payload);
    expect(Object.keys(one as object)).toEqual(["deep"]);
    expect(two).toEqual(one);
    const bytes = new Uint8Array([1, 2, 3]);
    const [copy] = await pass({ payloads: "codec" }, bytes);
    expect(copy).toEqual(bytes);
    expect(copy).not.toBe(bytes);
    expect(await pass({ payloads: "codec" }, undefined)).toEqual([undefined, undefined]);
  });

  const cannot: [string, unknown, string][] = [
    ["a function", { deep: [() => 1] }, "deep[0]"],
    ["a date", { at: new Date() }, "at"],
    ["a map", new Map(), ""],
    ["a bigint", { n: 1n }, "n"],
    ["NaN", { n: Number.NaN }, "n"],
  ];
  test.each(cannot)("that hold %s cannot go through the codec, and the path is told", async (_, payload, path) => {
    const aether = await connect({ payloads: "codec" });
    const error = await rejection(aether.vibrator("alpha").emit("a", payload));
    expect(error).toMatchObject({ code: "AETHER_BAD_PAYLOAD", details: { path } });
  });

  test("of answers go the same way", async () => {
    const aether = await connect({ payloads: "codec" });
    const answer = { deep: [1] };
    await aether.vibrator("beta").resonateOn("a", () => answer);
    await aether.vibrator("beta").resonateOn("bad", () => ({ at: new Date() }));
    const alpha = aether.vibrator("alpha");
    const { payload } = await alpha.query("a");
    expect(payload).toEqual(answer);
    expect(payload).not.toBe(answer);
    expect(await rejection(alpha.query("bad"))).toMatchObject({ code: "AETHER_HANDLER_FAILED" });
  });
});
