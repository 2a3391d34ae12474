import { type Aether, channel, inProcess, type RepeatOptions, Wave } from "@aether/core";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { fc } from "../seeded.ts";
import { connect, expectBalance } from "./connect.ts";
import { ManualClock, turns } from "./manual-clock.ts";
import { rejection } from "./until.ts";

/** A wave on "in", as it is heard, and the vibrator that hears it. */
async function heard(aether: Aether, emit: object = {}): Promise<Wave> {
  const waves: Wave[] = [];
  const resonance = await aether.vibrator("ear").resonateOn("in", (wave) => void waves.push(wave));
  await aether.vibrator("alpha").emit("in", { n: 1 }, emit);
  await turns();
  await resonance.close();
  const [wave] = waves;
  if (wave === undefined) {
    throw new Error("Nothing was heard");
  }
  return wave;
}

describe("repeat", () => {
  test("sends the wave on: the same wave, one hop further, from the repeater", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const wave = await heard(aether, { amplitude: 0.8, key: "k", phase: 1, weight: 2, headers: { tenant: "a" } });
    const beta = aether.vibrator("beta");
    const got: Wave[] = [];
    await aether.vibrator("gamma").resonateOn("out", (one) => void got.push(one));
    expect(await beta.repeat(wave, { channel: "out" })).toEqual({ id: wave.id, outcome: "travelled", heard: 1 });
    await turns();
    const { id, trace, cause, key, phase, weight, headers, payload, kind, halfLifeMs } = wave;
    expect(got).toHaveLength(1);
    expect(got[0]).toMatchObject({ id, trace, cause, key, phase, weight, headers, payload, kind, halfLifeMs });
    expect(got[0]).toMatchObject({ channel: "out", hops: 2, source: "beta", sourceId: beta.id, age: 0 });
    expect(got[0]?.gain).toBeCloseTo(1 / 0.95, 12);
    expect(got[0]?.amplitude).toBeCloseTo(0.8, 12);
    expect(got[0]?.amplitudeAt()).toBeCloseTo(0.8 * 0.95, 12);
  });

  test("physics §2: what age has taken, no repeater gives back", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const wave = await heard(aether, { amplitude: 0.8 });
    await clock.advance(60_000);
    const got: Wave[] = [];
    await aether.vibrator("gamma").resonateOn("out", (one) => void got.push(one));
    const beta = aether.vibrator("beta");
    await beta.repeat(wave, { channel: "out" });
    await turns();
    expect(got[0]?.amplitude).toBeCloseTo(0.4, 12);
  });

  test("keeps the lineage of a wave that another one caused", async () => {
    const aether = await connect();
    const beta = aether.vibrator("beta");
    const got: Wave[] = [];
    await beta.resonateOn("in", (_, ctx) => ctx.emit("mid", 1));
    await beta.resonateOn("mid", (wave) => beta.repeat(wave, { channel: "out" }));
    await beta.resonateOn("out", (wave) => void got.push(wave));
    const { id } = await aether.vibrator("alpha").emit("in", 1);
    await turns();
    expect(got[0]).toMatchObject({ trace: id, cause: id, hops: 3 });
  });

  test("guard (i): a gain above 1/attenuationFactor is a bad option, as is everything that is no gain", async () => {
    const aether = await connect();
    const wave = await heard(aether);
    const beta = aether.vibrator("beta");
    for (const gain of [1.06, 2, 0, -1, Number.NaN, Number.POSITIVE_INFINITY, "1" as never, null as never]) {
      expect(await rejection(beta.repeat(wave, { gain }))).toMatchObject({ code: "AETHER_BAD_OPTION" });
    }
    expect(aether.stats()).toMatchObject({ refused: 8, emitted: 1 });
    expect((await beta.repeat(wave, { gain: 1 / 0.95 })).outcome).toBe("travelled");
  });

  test("guard (ii): by more than 10 in all no wave is amplified", async () => {
    const aether = await connect();
    const wave = await heard(aether);
    const tired = Wave.of({ ...wave.toInit(), extras: { gain: 9.9 } });
    const receipt = await aether.vibrator("beta").repeat(tired);
    expect(receipt).toEqual({ id: wave.id, outcome: "refused", reason: "gain" });
  });

  test("guard (iii): a repeater amplifies an id once in a minute; another one may, too", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const wave = await heard(aether);
    const beta = aether.vibrator("beta");
    expect((await beta.repeat(wave)).outcome).toBe("travelled");
    await clock.advance(59_000);
    expect(await beta.repeat(wave)).toEqual({ id: wave.id, outcome: "refused", reason: "repeated" });
    expect((await aether.vibrator("beta").repeat(wave)).outcome).toBe("travelled");
    await clock.advance(1000);
    expect((await beta.repeat(wave)).outcome).toBe("travelled");
    expect(aether.stats()).toMatchObject({ emitted: 4, refused: 1 });
  });

  test("guard (iv): at the hop limit it is exhausted, and told as a loop", async () => {
    const aether = await connect({ physics: { maxPropagation: 1 } });
    const loops: unknown[] = [];
    aether.on("loop", ({ id, hops }) => void loops.push([id, hops]));
    const wave = await heard(aether);
    const beta = aether.vibrator("beta");
    expect(await beta.repeat(wave)).toEqual({ id: wave.id, outcome: "exhausted" });
    expect(loops).toEqual([[wave.id, 2]]);
    expect(aether.stats()).toMatchObject({ emitted: 2, exhausted: 1 });
  });

  test("guard (v): louder than 1 no wave becomes", async () => {
    const aether = await connect();
    const wave = await heard(aether, { amplitude: 1, halfLifeMs: Number.POSITIVE_INFINITY });
    const loud = Wave.of({
      ...wave.toInit(),
      moment: { at: wave.arrivedAt, surroundings: { ...wave.surroundings, perHop: 1 } },
    });
    expect(await aether.vibrator("beta").repeat(loud)).toEqual({
      id: wave.id,
      outcome: "refused",
      reason: "amplitude",
    });
    expect((await aether.vibrator("beta").repeat(wave)).outcome).toBe("travelled");
  });

  test("too quiet to cross, it has faded", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const wave = await heard(aether, { amplitude: 0.02, halfLifeMs: 1000 });
    await clock.advance(2000);
    expect(await aether.vibrator("beta").repeat(wave)).toEqual({ id: wave.id, outcome: "faded" });
    expect(aether.stats()).toMatchObject({ emitted: 2, faded: 1 });
  });

  test.each([
    ["a command", (aether: Aether) => heard(aether, { kind: "command" })],
    ["nothing", async () => undefined as unknown as Wave],
    ["something that is no wave", async () => ({ id: "1", kind: "event" }) as Wave],
    ["a forged wave", async (aether: Aether) => Wave.of({ ...(await heard(aether)).toInit(), amplitude: 7 })],
  ])("refuses %s", async (_, make) => {
    const aether = await connect();
    const wave = await make(aether);
    expect(await rejection(aether.vibrator("beta").repeat(wave))).toMatchObject({ code: "AETHER_BAD_OPTION" });
  });

  test("refuses what emit refuses: names, options, payloads, and a vibrator that is closed", async () => {
    const aether = await connect();
    const wave = await heard(aether);
    const beta = aether.vibrator("beta");
    expect(await rejection(beta.repeat(wave, { channel: "a..b" }))).toMatchObject({ code: "AETHER_BAD_CHANNEL" });
    const unknown = { factor: 1 } as RepeatOptions;
    expect(await rejection(beta.repeat(wave, unknown))).toMatchObject({ code: "AETHER_BAD_OPTION" });
    const Out = channel("out", { schema: z.object({ n: z.string() }) });
    expect(await rejection(beta.repeat(wave, { channel: Out }))).toMatchObject({ code: "AETHER_BAD_PAYLOAD" });
    expect(aether.stats()).toMatchObject({ refused: 3, emitted: 1 });
    await beta.close();
    expect(await rejection(beta.repeat(wave))).toMatchObject({ code: "AETHER_CLOSED" });
  });

  test("passes the interceptors, which may change channel, payload and headers, and nothing else", async () => {
    const aether = await connect();
    const wave = await heard(aether, { amplitude: 0.5 });
    const drafts: unknown[] = [];
    aether.use({
      emit: (draft, next) => {
        drafts.push([draft.channel, draft.source, draft.cause === wave, draft.options.id]);
        const options = { ...draft.options, amplitude: 1, id: "other", headers: { traced: "yes" } };
        return next({ ...draft, channel: "elsewhere", payload: "changed", options });
      },
    });
    const told: unknown[] = [];
    aether.on("emitted", ({ id, channel: on, outcome }) => void told.push([id, on, outcome]));
    const got: Wave[] = [];
    await aether.vibrator("gamma").resonateOn("elsewhere", (one) => void got.push(one));
    await aether.vibrator("beta").repeat(wave);
    await turns();
    expect(drafts).toEqual([["in", "beta", true, wave.id]]);
    expect(told).toEqual([[wave.id, "elsewhere", "travelled"]]);
    expect(got[0]).toMatchObject({ id: wave.id, payload: "changed", headers: { traced: "yes" } });
    expect(got[0]?.amplitude).toBeCloseTo(0.5, 2);
  });

  test("with every law off it only passes waves on, and the hop limit still ends a loop", async () => {
    const aether = await connect({ physics: false });
    let hops = 0;
    for (let n = 0; n < 30; n++) {
      const node = aether.vibrator(`node-${n}`);
      await node.resonateOn(`c.${n}`, (wave) => {
        hops = wave.hops;
        return node.repeat(wave, { channel: `c.${n + 1}` });
      });
    }
    await aether.vibrator("alpha").emit("c.0", 1, { amplitude: 1 });
    await turns(40);
    expect(hops).toBe(16);
    expect(aether.stats()).toMatchObject({ exhausted: 1 });
  });

  test("physics §2: in random nets of repeaters with loops no wave is louder than time alone has left it, and all end", async () => {
    const nets = fc.record({
      nodes: fc.integer({ min: 1, max: 6 }),
      edges: fc.array(fc.tuple(fc.nat(5), fc.nat(5)), { minLength: 1, maxLength: 14 }),
      amplitude: fc.double({ min: 0.05, max: 1, noNaN: true }),
      gain: fc.double({ min: 0.5, max: 1 / 0.95, noNaN: true }),
    });
    await fc.assert(
      fc.asyncProperty(nets, async ({ nodes, edges, amplitude, gain }) => {
        const clock = new ManualClock();
        const aether = await connect({ clock, medium: inProcess() });
        const start = clock.monotonic();
        let heardWaves = 0;
        for (let n = 0; n < nodes; n++) {
          const node = aether.vibrator(`node-${n}`);
          const next = edges.filter(([from]) => from % nodes === n).map(([, to]) => to % nodes);
          await node.resonateOn(`c.${n}`, async (wave) => {
            heardWaves++;
            const t = clock.monotonic() - start;
            expect(wave.amplitudeAt()).toBeLessThanOrEqual(amplitude * 2 ** (-t / 60_000) * (1 + 1e-9));
            expect(wave.gain).toBeLessThanOrEqual(10);
            await Promise.all(next.map((to) => node.repeat(wave, { channel: `c.${to}`, gain })));
          });
        }
        await aether.vibrator("alpha").emit("c.0", 1, { amplitude });
        await clock.advance(30_000);
        await turns(10);
        expectBalance(aether.stats());
        expect(aether.stats().failed).toBe(0);
        // Each node amplifies it once.
        expect(heardWaves).toBeLessThanOrEqual(nodes + 1);
        const closing = aether.close({ deadlineMs: 0 });
        await clock.advance(1);
        await closing;
      }),
      { numRuns: 30 },
    );
  });
});
