import {
  type Aether,
  inProcess,
  type Link,
  type Listener,
  type Medium,
  type Moment,
  Wave,
  type WaveInit,
  waveOf,
} from "@aether/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { forgeries } from "../wave/forgeries.ts";
import { connect, expectBalance } from "./connect.ts";
import { ManualClock, turns } from "./manual-clock.ts";
import { rejection } from "./until.ts";

/** Hands over what `forge` makes of each wave, in one of the ways that a medium has. */
function hostile(forge: (wave: Wave) => Wave, way: "propagate" | "receive" | "run" = "propagate"): Medium {
  const medium = inProcess();
  const disguised = (listener: Listener): Listener => {
    const receive: Listener["receive"] = (wave) => {
      if (way === "run") {
        listener.receiveRun([forge(wave)], 0, 1, true);
        return "admitted";
      }
      return listener.receive(forge(wave));
    };
    return new Proxy(listener, {
      get: (target, name) => {
        const value: unknown =
          name === "receive" ? receive : name === "openBand" ? 8 : Reflect.get(target, name, target);
        return typeof value === "function" && name !== "receive" ? value.bind(target) : value;
      },
    });
  };
  return {
    ...medium,
    open: async (events) => {
      const inner = await medium.open(events);
      const link: Link = {
        outlet: (channel) => {
          const outlet = inner.outlet(channel);
          return { propagate: (wave) => outlet.propagate(way === "propagate" ? forge(wave) : wave) };
        },
        reflect: (reflection) => inner.reflect(reflection),
        resonate: (listener) => inner.resonate(way === "propagate" ? listener : disguised(listener)),
        room: (channel) => inner.room(channel),
        present: () => inner.present(),
        heard: (channel) => inner.heard(channel),
        close: () => inner.close(),
      };
      return link;
    },
  };
}

/** What is changed of a wave to forge it; `as never`, for the types forbid most of it. */
const changes: readonly [string, (wave: Wave) => Partial<WaveInit>][] = [
  ["amplitude 7", () => ({ amplitude: 7 })],
  ["amplitude NaN", () => ({ amplitude: Number.NaN })],
  ["amplitude −0.5", () => ({ amplitude: -0.5 })],
  ["amplitude Infinity", () => ({ amplitude: Number.POSITIVE_INFINITY })],
  ["an amplitude that no number may be multiplied with", () => ({ amplitude: 1n as never })],
  ["an amplitude that is a text", () => ({ amplitude: "0.5" as never })],
  ["phase NaN", () => ({ extras: { phase: Number.NaN } })],
  ["weight 0", () => ({ extras: { weight: 0 } })],
  ["weight 10,000,000", () => ({ extras: { weight: 1e7 } })],
  ["gain 1000", () => ({ extras: { gain: 1000 } })],
  ["hops 300", () => ({ hops: 300 })],
  ["hops −1", () => ({ hops: -1 })],
  ["hops 1.5", () => ({ hops: 1.5 })],
  ["a negative half-life", () => ({ halfLifeMs: -60_000 })],
  ["half-life NaN", () => ({ halfLifeMs: Number.NaN })],
  ["a negative age", () => ({ extras: { age: -1e9 } })],
  ["an age of 200 years", () => ({ extras: { age: 200 * 365.25 * 86_400_000 } })],
  ["age Infinity", () => ({ extras: { age: Number.POSITIVE_INFINITY } })],
  ["an arrival in the future", ({ surroundings }) => ({ moment: { at: 1e15, surroundings } })],
  ["an unknown kind", () => ({ kind: "evil" as never })],
  ["an empty id", () => ({ id: "" })],
  ["an id of 10,000 characters", () => ({ id: "x".repeat(10_000) })],
  ["a key of 10,000 characters", () => ({ extras: { key: "x".repeat(10_000) } })],
  ["headers that are none", () => ({ extras: { headers: 5 as never } })],
  ["NaN bytes", () => ({ bytes: Number.NaN })],
  ["no origin", () => ({ origin: undefined as never })],
  ["laws of its own", ({ surroundings }) => ({ moment: { at: 0, surroundings: { ...surroundings, perHop: 1e9 } } })],
];

describe("a forged wave", () => {
  test.each(changes)(
    "physics §0.4: %s is absorbed as malformed wherever it comes, and harms nobody",
    async (_, change) => {
      for (const way of ["propagate", "receive", "run"] as const) {
        let forges = true;
        const forge = (wave: Wave): Wave => (forges ? Wave.of({ ...wave.toInit(), ...change(wave) }) : wave);
        const aether = await connect({ medium: hostile(forge, way) });
        const reasons: string[] = [];
        aether.on("absorbed", ({ reason }) => void reasons.push(reason));
        const handled: unknown[] = [];
        const note = (wave: Wave): void => void handled.push(wave.payload);
        const beta = aether.vibrator("beta");
        await beta.resonateOn("a", note);
        await beta.resonateOn("a", note, { name: "by-key", order: "key" });
        await beta.resonateOn("a", note, { name: "strongest", order: "strongest" });
        await beta.resonateOn("a", note, { name: "shared", group: "shared" });
        await aether.vibrator("beta").resonateOn("a", note, { name: "shared", group: "shared" });
        const pulled = await aether.vibrator("gamma").resonateOn("a");
        await aether.observe("a", note);
        const alpha = aether.vibrator("alpha");
        await alpha.emit("a", "forged");
        await alpha.emit("a", "forged", { id: "given" });
        await turns();
        expect(handled).toEqual([]);
        expect(reasons.every((reason) => reason === "malformed")).toBe(true);
        expect(aether.stats()).toMatchObject({ received: 10, delivered: 0, queued: 0, absorbed: { malformed: 10 } });
        expect(pulled.stats()).toMatchObject({ received: 2, queued: 0, absorbed: { malformed: 2 } });
        expectBalance(aether.stats());
        forges = false;
        await alpha.emit("a", "honest");
        await turns();
        expect(handled.filter((payload) => payload === "honest")).toHaveLength(5);
        expectBalance(aether.stats());
      }
    },
  );

  test("a command and a query that arrive forged reach nobody", async () => {
    const medium = hostile((wave) => Wave.of({ ...wave.toInit(), amplitude: 7 }));
    const aether = await connect({ medium });
    await aether.vibrator("beta").resonateOn("a", () => "answer");
    const alpha = aether.vibrator("alpha");
    expect(await rejection(alpha.query("a"))).toMatchObject({ code: "AETHER_NO_RESONATOR" });
    expect(await rejection(alpha.emit("a", 1, { kind: "command" }))).toMatchObject({ code: "AETHER_NO_RESONATOR" });
    expectBalance(aether.stats());
  });

  test("physics §2: a time of emission in the future changes nothing, and no wave is immortal", async () => {
    const clock = new ManualClock();
    const medium = hostile((wave) => Wave.of({ ...wave.toInit(), extras: { emittedAt: 8.64e15 } }));
    const aether = await connect({ medium, clock });
    const beta = aether.vibrator("beta");
    const resonance = await beta.resonateOn("a");
    await aether.vibrator("alpha").emit("a", 1);
    await clock.advance(3_600_001);
    const receiving = beta.receive({ timeoutMs: 1 });
    await clock.advance(1);
    expect(await receiving).toBeUndefined();
    expect(resonance.stats()).toMatchObject({ received: 1, absorbed: { expired: 1 } });
  });
});

/** A medium as over a network: what is emitted on it is lost, and what arrives is what the test makes of bytes. */
interface Wire {
  readonly medium: Medium;
  readonly listeners: Listener[];
  moment(): Moment;
}

function wire(): Wire {
  const medium = inProcess();
  const listeners: Listener[] = [];
  let moment: (() => Moment) | undefined;
  return {
    listeners,
    moment: () => {
      if (moment === undefined) {
        throw new Error("It is not open");
      }
      return moment();
    },
    medium: {
      ...medium,
      open: async (events) => {
        moment = () => events.moment();
        const inner = await medium.open(events);
        return new Proxy(inner, {
          get: (target, name) => {
            if (name === "resonate") {
              return (listener: Listener) => {
                listeners.push(listener);
                return target.resonate(listener);
              };
            }
            const value: unknown = Reflect.get(target, name, target);
            return typeof value === "function" ? value.bind(target) : value;
          },
        });
      },
    },
  };
}

describe("what comes over a wire", () => {
  async function listening(): Promise<{ aether: Aether; handled: unknown[]; from: Wire; listener: Listener }> {
    const from = wire();
    const aether = await connect({ medium: from.medium });
    const handled: unknown[] = [];
    await aether.vibrator("beta").resonateOn(">", (wave) => void handled.push(wave.payload));
    const [listener] = from.listeners;
    if (listener === undefined) {
      throw new Error("Nobody listens");
    }
    onTestFinished(() => expectBalance(aether.stats()));
    return { aether, handled, from, listener };
  }

  test("physics §0.4: no forged header reaches a handler; each counts one received and one malformed", async () => {
    const { aether, handled, from, listener } = await listening();
    for (const { header } of forgeries) {
      const wave = waveOf(header, "body", { moment: from.moment(), bytes: 10 });
      if (wave instanceof Wave) {
        listener.receive(wave);
      } else {
        listener.malformed();
      }
    }
    await turns();
    expect(handled).toEqual([]);
    const { length } = forgeries;
    expect(aether.stats()).toMatchObject({ received: length, absorbed: { malformed: length } });
  });

  test("physics §0.5: bytes that are no wave count as received and malformed, and are told without a wave", async () => {
    const { aether, listener } = await listening();
    const told: unknown[] = [];
    aether.on("absorbed", (event) => void told.push(event));
    listener.malformed();
    listener.malformed(3);
    listener.malformed(Number.NaN);
    expect(aether.stats()).toMatchObject({ received: 5, absorbed: { malformed: 5 } });
    expect(told).toEqual(Array.from({ length: 5 }, () => ({ vibrator: "beta", pattern: ">", reason: "malformed" })));
  });

  test("an honest header is heard", async () => {
    const { aether, handled, from, listener } = await listening();
    const header = {
      v: 1,
      id: "1",
      ch: "a",
      kind: "event",
      a0: 0.5,
      age: 9,
      hl: 0,
      hops: 3,
      src: "x",
      srcId: "x-1",
      tr: "0",
    };
    const wave = waveOf(header, "body", { moment: from.moment(), bytes: 10 });
    expect(wave).toBeInstanceOf(Wave);
    if (wave instanceof Wave) {
      expect(listener.receive(wave)).toBe("admitted");
    }
    await turns();
    expect(handled).toEqual(["body"]);
    expect(aether.stats()).toMatchObject({ received: 1, delivered: 1 });
  });
});
