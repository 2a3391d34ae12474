import { band, type Wave } from "@aether/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { connect } from "./connect.ts";
import { ManualClock, turns } from "./manual-clock.ts";
import { seeded } from "./seed.ts";
import { Gate, until } from "./until.ts";

/** A wave's place among those of its source, channel and band, as its payload tells it. */
interface Numbered {
  readonly lane: string;
  readonly n: number;
}

/** The first wave that was handled out of its order, if there is one. */
function misplaced(handled: readonly Numbered[]): Numbered | undefined {
  const last = new Map<string, number>();
  return handled.find(({ lane, n }) => {
    const before = last.get(lane) ?? -1;
    last.set(lane, n);
    return n <= before;
  });
}

describe("waves of one source, channel and band", () => {
  const ways = ["sync", "async", "concurrent", "pulled"] as const;

  test.each(ways)("start in the order they were emitted in (%s handlers)", async (way) => {
    const random = seeded(`order of ${way} handlers`);
    const seed = Math.floor(random() * 2 ** 31);
    const burst = fc.array(
      fc.record({
        source: fc.nat(2),
        channel: fc.nat(2),
        amplitude: fc.constantFrom(0.1, 0.3, 0.5, 0.5, 0.55, 0.9),
        kind: fc.constantFrom("event", "event", "event", "broadcast", "command", "given", "ask"),
        pause: fc.nat(9),
      }),
      { minLength: 1, maxLength: 120 },
    );
    await fc.assert(
      fc.asyncProperty(burst, async (emits) => {
        const aether = await connect();
        const handled: Numbered[] = [];
        const concurrency = way === "concurrent" ? 100 : 1;
        const beta = aether.vibrator("beta", { concurrency });
        const note = (wave: Wave): void => void handled.push(wave.payload as Numbered);
        const pulled: Promise<void>[] = [];
        for (const pattern of ["a.*", "a.0"]) {
          if (way === "pulled") {
            const resonance = await beta.resonateOn(pattern);
            pulled.push(
              (async () => {
                for await (const wave of resonance) {
                  handled.push({
                    ...(wave.payload as Numbered),
                    lane: `${pattern} ${(wave.payload as Numbered).lane}`,
                  });
                }
              })(),
            );
          } else {
            const name = pattern;
            await beta.resonateOn(pattern, (wave) => {
              const { lane, n } = wave.payload as Numbered;
              handled.push({ lane: `${name} ${lane}`, n });
              return way === "sync" ? undefined : turns(n % 3 === 0 ? 2 : 1);
            });
          }
        }
        await aether.vibrator("other").resonateOn("a.*", note, { noiseFloor: 0.2, concurrency });
        handled.length = 0;
        const sources = [0, 1, 2].map((i) => aether.vibrator(`source-${i}`));
        const counts = new Map<string, number>();
        const all: Promise<unknown>[] = [];
        let hearings = 0;
        for (const [i, { source, channel, amplitude, kind, pause }] of emits.entries()) {
          const lane = `${source} ${channel} ${band(amplitude)}`;
          const n = counts.get(lane) ?? 0;
          counts.set(lane, n + 1);
          const emitter = sources[source];
          const payload: Numbered = { lane: `other ${lane}`, n };
          const name = `a.${channel}`;
          hearings += 1 + (channel === 0 ? 1 : 0) + (amplitude > 0.25 ? 1 : 0);
          if (kind === "ask") {
            all.push(emitter?.query(name, payload, { amplitude }).catch(() => undefined) ?? Promise.resolve());
          } else if (kind === "given") {
            all.push(emitter?.emit(name, payload, { amplitude, id: `given-${i}` }) ?? Promise.resolve());
          } else {
            all.push(emitter?.emit(name, payload, { amplitude, kind }) ?? Promise.resolve());
          }
          if (pause === 0) {
            await turns(1);
          } else if (pause === 1) {
            await undefined;
          }
        }
        await Promise.all(all);
        // A drain gives queued commands back, so everything is handled before it begins.
        await until(() => handled.length >= hearings);
        await aether.close();
        await Promise.all(pulled);
        expect(misplaced(handled)).toBeUndefined();
        expect(handled).toHaveLength(hearings);
      }),
      { seed, numRuns: way === "sync" ? 40 : 20 },
    );
  });

  test("keep their order when handlers emit in between", async () => {
    const aether = await connect();
    const handled: unknown[] = [];
    const beta = aether.vibrator("beta");
    const emitter = aether.vibrator("emitter");
    await beta.resonateOn("a", (wave) => {
      if (wave.payload === 0) {
        void emitter.emit("a", "late", { cause: null });
        void emitter.emit("a", "later", { cause: null, id: "given" });
      }
      handled.push(wave.payload);
    });
    for (let i = 0; i < 4; i++) {
      void emitter.emit("a", i);
    }
    await until(() => handled.length === 6);
    expect(handled).toEqual([0, 1, 2, 3, "late", "later"]);
  });

  test("keep their order when the handler comes to hold of them after a pause", async () => {
    const aether = await connect();
    const handled: unknown[] = [];
    const beta = await aether.vibrator("beta").resonateOn("a", (wave) => void handled.push(wave.payload));
    const emitter = aether.vibrator("emitter");
    beta.pause();
    await emitter.emit("a", 0);
    void emitter.emit("a", 1);
    beta.resume();
    void emitter.emit("a", 2);
    await until(() => handled.length === 3);
    expect(handled).toEqual([0, 1, 2]);
  });
});

describe("louder waves", () => {
  test("overtake quieter ones that wait", async () => {
    const aether = await connect();
    const gate = new Gate();
    const handled: unknown[] = [];
    await aether.vibrator("beta").resonateOn(
      "a",
      async (wave) => {
        handled.push(wave.payload);
        await gate.passed;
      },
      { concurrency: 1 },
    );
    const emitter = aether.vibrator("emitter");
    await emitter.emit("a", "first");
    await until(() => handled.length === 1);
    await emitter.emit("a", "bulk", { amplitude: "bulk" });
    await emitter.emit("a", "normal", { amplitude: "normal" });
    await emitter.emit("a", "critical", { amplitude: "critical" });
    gate.open();
    await until(() => handled.length === 4);
    expect(handled).toEqual(["first", "critical", "normal", "bulk"]);
  });

  test("do not starve quieter ones", async () => {
    const aether = await connect();
    const pulled = await aether.vibrator("beta").resonateOn("a");
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 1000; i++) {
      await emitter.emit("a", "critical", { amplitude: 1 });
    }
    await emitter.emit("a", "noise", { amplitude: 0.05 });
    let taken = 0;
    for await (const wave of pulled) {
      taken++;
      if (wave.payload === "noise") {
        break;
      }
    }
    expect(taken).toBeLessThanOrEqual(2 * 129);
  });

  test("overtake by their amplitude at emission, whatever is left of it", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const pulled = await aether.vibrator("beta").resonateOn("a");
    const emitter = aether.vibrator("emitter");
    await emitter.emit("a", "loud, fading", { amplitude: 0.9, halfLifeMs: 1000 });
    await clock.advance(3000);
    await emitter.emit("a", "normal", { amplitude: 0.5 });
    const { value } = await pulled[Symbol.asyncIterator]().next();
    expect(value.payload).toBe("loud, fading");
  });

  test('never overtake with order "fifo"', async () => {
    const aether = await connect();
    const random = seeded("fifo");
    const handled: unknown[] = [];
    const gate = new Gate();
    await aether.vibrator("beta").resonateOn(
      "a",
      async (wave) => {
        handled.push(wave.payload);
        await gate.passed;
      },
      { order: "fifo", concurrency: 3 },
    );
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 500; i++) {
      const emitted = emitter.emit("a", i, {
        amplitude: 0.1 + 0.9 * random(),
        kind: random() < 0.2 ? "broadcast" : "event",
      });
      if (random() < 0.1) {
        await emitted;
      }
    }
    gate.open();
    await until(() => handled.length === 500);
    expect(handled).toEqual(Array.from({ length: 500 }, (_, i) => i));
  });
});

describe('order "key"', () => {
  test("handles waves of one key one at a time in the order they came in, and other keys in parallel", async () => {
    const aether = await connect();
    const random = seeded("keys");
    const running = new Map<string, number>();
    const handled = new Map<string, unknown[]>();
    let mostKeys = 0;
    const beta = await aether.vibrator("beta").resonateOn(
      "a",
      async (wave) => {
        const key = wave.key ?? "";
        running.set(key, (running.get(key) ?? 0) + 1);
        expect(running.get(key)).toBe(1);
        mostKeys = Math.max(mostKeys, running.size);
        handled.set(key, [...(handled.get(key) ?? []), wave.payload]);
        await turns(1 + Math.floor(random() * 3));
        running.delete(key);
      },
      { order: "key" },
    );
    const emitter = aether.vibrator("emitter");
    const expected = new Map<string, unknown[]>();
    for (let i = 0; i < 400; i++) {
      const key = `key-${Math.floor(random() * 8)}`;
      expected.set(key, [...(expected.get(key) ?? []), i]);
      void emitter.emit("a", i, { key, amplitude: 0.05 + 0.95 * random() });
    }
    await until(() => beta.stats().delivered === 400 && running.size === 0);
    expect(beta.stats().failed).toBe(0);
    expect(handled).toEqual(expected);
    expect(mostKeys).toBe(8);
  });

  test("lets waves without a key run in parallel", async () => {
    const aether = await connect();
    const gate = new Gate();
    const beta = await aether.vibrator("beta").resonateOn("a", () => gate.passed, { order: "key" });
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 5; i++) {
      await emitter.emit("a");
    }
    await until(() => beta.stats().running === 5);
    gate.open();
  });

  test("is held up by a retry for its own key only", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock, random: () => 0.5 });
    const handled: string[] = [];
    await aether.vibrator("beta").resonateOn(
      "a",
      (wave, ctx) => {
        handled.push(`${wave.key}${wave.payload}.${ctx.attempt}`);
        if (wave.key === "x" && ctx.attempt < 3 && wave.payload === 1) {
          throw new Error("again");
        }
      },
      { order: "key", maxAttempts: 5, backoffMs: { base: 1000, max: 1000 } },
    );
    const emitter = aether.vibrator("emitter");
    for (const [key, n] of [
      ["x", 1],
      ["x", 2],
      ["y", 1],
      ["y", 2],
    ] as const) {
      await emitter.emit("a", n, { key });
    }
    await clock.advance(499);
    expect(handled.sort()).toEqual(["x1.1", "y1.1", "y2.1"]);
    handled.length = 0;
    await clock.advance(501);
    expect(handled).toEqual(["x1.2", "x1.3", "x2.1"]);
  });

  test("never runs two of a key at a time, also when a full inbox sheds", async () => {
    const aether = await connect();
    const random = seeded("keys under overload");
    const running = new Set<string>();
    const last = new Map<string, number>();
    let overlaps = 0;
    let disorder = 0;
    const beta = await aether.vibrator("beta").resonateOn(
      "a",
      async (wave) => {
        const key = wave.key ?? "";
        const n = wave.payload as number;
        overlaps += running.has(key) ? 1 : 0;
        disorder += n < (last.get(key) ?? -1) ? 1 : 0;
        running.add(key);
        last.set(key, n);
        await turns(1);
        running.delete(key);
      },
      { order: "key", concurrency: 4, inbox: { capacity: 20 } },
    );
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 3000; i++) {
      const key = `key-${Math.floor(random() * 5)}`;
      void emitter.emit("a", i, { key, amplitude: 0.05 + 0.95 * random() });
      if (random() < 0.05) {
        await turns(1);
      }
    }
    await until(() => beta.stats().queued === 0 && beta.stats().running === 0);
    expect(beta.stats().absorbed.evicted).toBeGreaterThan(100);
    expect({ overlaps, disorder }).toEqual({ overlaps: 0, disorder: 0 });
  });
});

describe("a retried wave", () => {
  test("loses its place and holds nobody up", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock, random: () => 0.5 });
    const handled: string[] = [];
    await aether.vibrator("beta").resonateOn(
      "a",
      (wave, ctx) => {
        handled.push(`${wave.payload}.${ctx.attempt}`);
        if (wave.payload === 0 && ctx.attempt === 1) {
          throw new Error("again");
        }
      },
      { concurrency: 1, maxAttempts: 2, backoffMs: { base: 100, max: 100 } },
    );
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 3; i++) {
      await emitter.emit("a", i);
    }
    await clock.advance(50);
    expect(handled).toEqual(["0.1", "1.1", "2.1", "0.2"]);
  });
});

describe('order "strongest"', () => {
  test("the wave that is loudest now is handled first, the newest of equals", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const beta = aether.vibrator("beta", { order: "strongest", concurrency: 1 });
    const handled: unknown[] = [];
    const resonance = await beta.resonateOn("a", (wave) => void handled.push(wave.payload));
    resonance.pause();
    const alpha = aether.vibrator("alpha");
    await alpha.emit("a", "0.51 early", { amplitude: 0.51 });
    await alpha.emit("a", "short-lived", { amplitude: 0.9, halfLifeMs: 100 });
    await clock.advance(1000);
    await alpha.emit("a", "0.51 late", { amplitude: 0.51 });
    await alpha.emit("a", "0.55", { amplitude: 0.55 });
    await alpha.emit("a", "0.56", { amplitude: 0.56 });
    resonance.resume();
    await turns();
    expect(handled).toEqual(["0.56", "0.55", "0.51 late", "0.51 early"]);
    expect(aether.stats().absorbed.expired).toBe(1);
  });

  test("the waves of one tick are sorted, too", async () => {
    const aether = await connect();
    const beta = aether.vibrator("beta", { order: "strongest", concurrency: 1 });
    const handled: unknown[] = [];
    await beta.resonateOn("a", (wave) => void handled.push(wave.payload));
    const alpha = aether.vibrator("alpha");
    await Promise.all([0.51, 0.55, 0.53].map((amplitude) => alpha.emit("a", amplitude, { amplitude })));
    await turns();
    expect(handled).toEqual([0.55, 0.53, 0.51]);
  });

  test("without bands it is served by arrival", async () => {
    const aether = await connect({ physics: { bands: false } });
    const beta = aether.vibrator("beta", { order: "strongest", concurrency: 1 });
    const handled: unknown[] = [];
    await beta.resonateOn("a", (wave) => void handled.push(wave.payload));
    const alpha = aether.vibrator("alpha");
    await Promise.all([0.51, 0.99, 0.53].map((amplitude) => alpha.emit("a", amplitude, { amplitude })));
    await turns();
    expect(handled).toEqual([0.51, 0.99, 0.53]);
  });
});
