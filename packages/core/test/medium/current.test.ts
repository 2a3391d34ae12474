import { beforeEach, describe, expect, test } from "vitest";
import { inProcess } from "../../src/medium/in-process.ts";
import type { Link, Outlet, Tuning } from "../../src/medium/medium.ts";
import { cpuMs } from "../cpu-ms.ts";
import { type SampleChanges, sampleWave } from "../sample-wave.ts";
import { fc } from "../seeded.ts";
import { naiveMatch, someChannel, somePattern } from "../wave/naive-matcher.ts";
import { listening, SimpleListener, Told } from "./simple-listener.ts";

let link: Link;
let outlets: Map<string, Outlet>;

beforeEach(async () => {
  link = await inProcess().open(new Told());
  outlets = new Map();
});

/** Emits a wave that has `payload`, on the way out that belongs to its channel. */
function emit(payload: unknown, changes: SampleChanges = {}): unknown {
  const { channel = "orders.created" } = changes;
  const outlet = outlets.get(channel) ?? link.outlet(channel);
  outlets.set(channel, outlet);
  return outlet.propagate(sampleWave({ ...changes, channel, payload }));
}

/** A wave that cannot go in a run. */
const single: SampleChanges = { extras: { named: true } };

/** The end of the tick, in which the waves of this tick arrive. */
async function tick(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe("the waves of one tick", () => {
  test("arrive in one run, in their order, outside the emitter's call stack", async () => {
    const ear = await listening(link, "orders.*");
    for (let i = 0; i < 5; i++) {
      expect(emit(i)).toBe(1);
    }
    expect(ear.heard).toEqual([]);
    await tick();
    expect(ear.heard).toEqual([0, 1, 2, 3, 4]);
    expect(ear.runs).toEqual([5]);
    expect(ear.how).toEqual(Array(5).fill("handled"));
  });

  test("arrive before a promise that was made after them resolves", async () => {
    const ear = await listening(link, "orders.*");
    emit(1);
    await Promise.resolve();
    expect(ear.heard).toEqual([1]);
  });

  test("go to everybody who hears their channel, once", async () => {
    const ears = [
      await listening(link, "orders.*"),
      await listening(link, ">"),
      await listening(link, "orders.created"),
    ];
    const deaf = await listening(link, "payments.>");
    expect(emit(1)).toBe(3);
    expect(emit(2)).toBe(3);
    await tick();
    for (const ear of ears) {
      expect(ear.heard).toEqual([1, 2]);
    }
    expect(deaf.heard).toEqual([]);
  });

  test("of several channels arrive in the order of emission", async () => {
    const ear = await listening(link, ">");
    const only = await listening(link, "b");
    for (const [i, channel] of ["a", "b", "b", "a", "c", "b"].entries()) {
      emit(i, { channel });
    }
    await tick();
    expect(ear.heard).toEqual([0, 1, 2, 3, 4, 5]);
    expect(only.heard).toEqual([1, 2, 5]);
  });

  test("of several bands go into the inboxes, which put them in order by their bands", async () => {
    const ear = await listening(link, "orders.*");
    emit(1, { amplitude: 0.2 });
    emit(2, { amplitude: 0.9 });
    emit(3, { amplitude: 0.2 });
    await tick();
    expect(ear.heard).toEqual([1, 2, 3]);
    expect(ear.how).toEqual(["inbox", "inbox", "inbox"]);
  });

  test("of one band, after a tick of several, are handled at once again", async () => {
    const ear = await listening(link, "orders.*");
    emit(1, { amplitude: 0.2 });
    emit(2, { amplitude: 0.9 });
    await tick();
    emit(3, { amplitude: 0.9 });
    await tick();
    expect(ear.how).toEqual(["inbox", "inbox", "handled"]);
  });

  test("settle before a wave that comes alone: no wave overtakes another", async () => {
    const ear = await listening(link, "orders.*");
    emit(1);
    emit(2);
    emit(3, single);
    expect(ear.heard).toEqual([1, 2, 3]);
    emit(4);
    emit(5, single);
    emit(6);
    await tick();
    expect(ear.heard).toEqual([1, 2, 3, 4, 5, 6]);
    expect(ear.how).toEqual(["inbox", "inbox", "alone", "inbox", "alone", "handled"]);
  });

  test("settle before a wave that comes alone, on another channel too", async () => {
    const ear = await listening(link, ">");
    emit(1, { channel: "a" });
    emit(2, { channel: "b", ...single });
    await tick();
    expect(ear.heard).toEqual([1, 2]);
  });

  test.each<[string, SampleChanges]>([
    ["whose emitter chose the id", { extras: { named: true } }],
    ["that has aged elsewhere", { extras: { age: 5 } }],
    ["that may fade on the way", { halfLifeMs: 999 }],
    ["of a band that the listener looks at", { amplitude: 0.3 }],
    ["that has made more hops than the listener takes unseen", { hops: 9 }],
  ])("a wave %s is looked at alone", async (_, changes) => {
    const ear = await listening(link, "orders.*", { openBand: 4, runHops: 8 });
    emit(1, { amplitude: 0.5 });
    emit(2, changes);
    emit(3, { amplitude: 0.5 });
    await tick();
    expect(ear.heard).toEqual([1, 2, 3]);
    expect(ear.how).toEqual(["inbox", "alone", "handled"]);
  });

  test("are looked at alone by everybody when one listener looks at them", async () => {
    const ears = [await listening(link, "orders.*"), await listening(link, "orders.*", { openBand: 8 })];
    emit(1);
    expect(ears.map((ear) => ear.heard)).toEqual([[1], [1]]);
  });

  test("are looked at alone while a listener is under pressure, and come in runs again afterwards", async () => {
    const ear = await listening(link, "orders.*");
    emit(1);
    ear.openBand = 8;
    ear.tuning.pressure();
    emit(2);
    expect(ear.heard).toEqual([1, 2]);
    ear.openBand = 0;
    ear.tuning.pressure();
    emit(3);
    await tick();
    expect(ear.heard).toEqual([1, 2, 3]);
    expect(ear.how).toEqual(["inbox", "alone", "handled"]);
  });

  test("no run is larger than what every listener can take without looking", async () => {
    const small = await listening(link, "orders.*", { runWaves: 3 });
    const large = await listening(link, "orders.*");
    for (let i = 0; i < 8; i++) {
      emit(i);
    }
    await tick();
    for (const ear of [small, large]) {
      expect(ear.heard).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    }
    expect(Math.max(...small.runs)).toBeLessThanOrEqual(3);
    expect(small.how).toContain("alone");
  });

  test("no run has more bytes than what every listener can take without looking", async () => {
    const ear = await listening(link, "orders.*", { runBytes: 1000 });
    for (let i = 0; i < 5; i++) {
      emit(i, { bytes: 400 });
    }
    await tick();
    expect(ear.heard).toEqual([0, 1, 2, 3, 4]);
    expect(Math.max(...ear.runs)).toBeLessThanOrEqual(2);
  });

  test("that nobody hears reach nobody and harm nobody", async () => {
    expect(emit(1)).toBe(0);
    expect(emit(2, single)).toBe(0);
    await tick();
    const ear = await listening(link, "orders.*");
    await tick();
    expect(ear.heard).toEqual([]);
  });

  test("that a handler emits come in the next tick, after all those of this one", async () => {
    const second = await (async () => {
      await listening(link, "orders.*", { handler: (wave) => wave.payload === 1 && emit("caused") });
      return listening(link, "orders.*");
    })();
    emit(1);
    emit(2);
    await tick();
    expect(second.heard).toEqual([1, 2, "caused"]);
  });

  test("settle in place when a handler emits a wave that goes alone, and nothing comes twice", async () => {
    const first = await listening(link, "orders.*", {
      handler: (wave) => wave.payload === 1 && emit("caused", single),
    });
    const second = await listening(link, "orders.*");
    const other = await listening(link, "orders.>");
    const lone = await listening(link, "payments.*");
    emit(1);
    emit(2, { channel: "orders.paid" });
    emit(3, { channel: "payments.made" });
    await tick();
    expect(lone.heard).toEqual([3]);
    for (const ear of [second, other]) {
      expect(ear.heard).toEqual([1, 2, "caused"]);
    }
    expect([...first.heard].sort()).toEqual([1, 2, "caused"].sort());
  });

  test("do not hold the event loop when their handlers are slow: the rest goes into the inboxes", async () => {
    const burn = (): void => {
      const until = cpuMs() + 0.5;
      while (cpuMs() < until) {
        // It works.
      }
    };
    const ear = await listening(link, ">", { handler: burn });
    for (let i = 0; i < 600; i++) {
      emit(i, { channel: `orders.o${i % 300}` });
    }
    const from = cpuMs();
    await tick();
    expect(cpuMs() - from).toBeLessThan(200);
    expect(ear.heard).toEqual(Array.from({ length: 600 }, (_, i) => i));
    expect(ear.how).toContain("inbox");
  });
});

describe("listeners that come and go within a tick", () => {
  test("a new listener does not hear what was emitted before, in the same tick", async () => {
    const old = await listening(link, "orders.*");
    emit(1);
    const fresh = new SimpleListener("orders.*");
    const ready = link.resonate(fresh);
    emit(2);
    await ready;
    emit(3);
    await tick();
    expect(old.heard).toEqual([1, 2, 3]);
    expect(fresh.heard).not.toContain(1);
    expect(fresh.heard).toContain(3);
  });

  test("a listener that closes still gets what was emitted before, and nothing after", async () => {
    const leaving = await listening(link, "orders.*");
    const staying = await listening(link, "orders.*");
    emit(1);
    const closed = leaving.tuning.close();
    emit(2);
    await closed;
    emit(3);
    await tick();
    expect(leaving.heard[0]).toBe(1);
    expect(leaving.heard).not.toContain(3);
    expect(leaving.how[0]).toBe("inbox");
    expect(staying.heard).toEqual([1, 2, 3]);
  });

  test("closing twice is closing once", async () => {
    const pair = [await listening(link, "orders.*"), await listening(link, "orders.*")];
    await pair[0]?.tuning.close();
    await pair[0]?.tuning.close();
    expect(emit(1)).toBe(1);
    await tick();
    expect(pair.map((ear) => ear.heard)).toEqual([[], [1]]);
  });

  test("a handler that closes another listener takes from it nothing that was emitted before", async () => {
    let closing: Promise<void> | undefined;
    const first = await listening(link, "orders.*", {
      handler: () => {
        closing ??= second.tuning.close();
      },
    });
    const second = await listening(link, "orders.*");
    const third = await listening(link, "orders.*");
    emit(1);
    emit(2);
    await tick();
    await closing;
    emit(3);
    await tick();
    expect(first.heard).toEqual([1, 2, 3]);
    expect(second.heard).toEqual([1, 2]);
    expect(third.heard).toEqual([1, 2, 3]);
  });

  test("a handler that closes its own listener is called for no wave twice", async () => {
    let closing: Promise<void> | undefined;
    const own = await listening(link, "orders.*", {
      handler: () => {
        closing ??= own.tuning.close();
      },
    });
    const other = await listening(link, "orders.*");
    emit(1);
    emit(2);
    await tick();
    await closing;
    expect(own.heard).toEqual([1, 2]);
    expect(other.heard).toEqual([1, 2]);
  });
});

type Step =
  | { readonly do: "emit"; readonly channel: string; readonly alone: boolean; readonly amplitude: number }
  | { readonly do: "open"; readonly pattern: string; readonly observes: boolean; readonly openBand: number }
  | { readonly do: "close"; readonly which: number }
  | { readonly do: "tick" };

const emitting: fc.Arbitrary<Step> = fc.record({
  do: fc.constant("emit" as const),
  channel: someChannel,
  alone: fc.boolean(),
  amplitude: fc.constantFrom(0.5, 0.5, 0.9),
});
const opening: fc.Arbitrary<Step> = fc.record({
  do: fc.constant("open" as const),
  pattern: somePattern,
  observes: fc.constantFrom(false, false, false, true),
  openBand: fc.constantFrom(0, 5, 8),
});
const closing: fc.Arbitrary<Step> = fc.record({ do: fc.constant("close" as const), which: fc.nat(10) });
const ticking: fc.Arbitrary<Step> = fc.constant({ do: "tick" });

test("random traffic: everybody hears what was emitted while they listened, once, in the order of emission", async () => {
  let heard = 0;
  const step = fc.oneof(
    { arbitrary: emitting, weight: 10 },
    { arbitrary: opening, weight: 3 },
    { arbitrary: closing, weight: 1 },
    { arbitrary: ticking, weight: 2 },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: "max" }), async (steps) => {
      const space = inProcess();
      const [one, two] = [await space.open(new Told()), await space.open(new Told())];
      const open: { ear: SimpleListener; tuning: Tuning; wanted: number[] }[] = [];
      const all: { ear: SimpleListener; wanted: number[] }[] = [];
      for (const [n, each] of steps.entries()) {
        if (each.do === "emit") {
          const hearers = open.filter(({ ear }) => naiveMatch(ear.presence.pattern, each.channel));
          for (const { wanted } of hearers) {
            wanted.push(n);
          }
          const extras = each.alone ? { named: true } : undefined;
          const wave = sampleWave({ channel: each.channel, payload: n, amplitude: each.amplitude, extras });
          const reached = await (n % 2 === 0 ? one : two).outlet(each.channel).propagate(wave);
          expect(reached).toBe(hearers.filter(({ ear }) => !ear.observes).length);
        } else if (each.do === "open") {
          const ear = new SimpleListener(each.pattern, each);
          const entry = { ear, tuning: await (n % 2 === 0 ? one : two).resonate(ear), wanted: [] };
          open.push(entry);
          all.push(entry);
        } else if (each.do === "close") {
          const [entry] = open.splice(each.which % Math.max(1, open.length), 1);
          await entry?.tuning.close();
        } else {
          await tick();
        }
      }
      await tick();
      for (const { ear, wanted } of all) {
        expect(ear.heard).toEqual(wanted);
        heard += wanted.length;
      }
    }),
    { numRuns: 150 },
  );
  expect(heard).toBeGreaterThan(500);
});

test("random traffic in one tick: without a pause between the emits the order is kept as well", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(somePattern, { maxLength: 6 }),
      fc.array(emitting, { maxLength: 60, size: "max" }),
      async (patterns, emits) => {
        const space = await inProcess().open(new Told());
        const ears = await Promise.all(patterns.map((pattern) => listening(space, pattern)));
        for (const [n, each] of emits.entries()) {
          if (each.do === "emit") {
            const extras = each.alone && n % 7 === 0 ? { named: true } : undefined;
            void space.outlet(each.channel).propagate(sampleWave({ ...each, payload: n, extras }));
          }
        }
        await tick();
        for (const ear of ears) {
          const wanted = [...emits.entries()].filter(
            ([, each]) => each.do === "emit" && naiveMatch(ear.presence.pattern, each.channel),
          );
          expect(ear.heard).toEqual(wanted.map(([n]) => n));
        }
      },
    ),
    { numRuns: 150 },
  );
});
