import { describe, expect, test } from "vitest";
import { Circuit } from "../../src/physics/circuit.ts";
import { tunnelling } from "../../src/physics/obstacle.ts";
import { fc } from "../seeded.ts";

const LOUD = { trace: "t", amplitude: 1 };

/** A circuit whose runs ended as `outcomes` say (true: well), one each `stepMs`, and the time and count at the end. */
function after(outcomes: readonly boolean[], stepMs = 1, start = 0) {
  const circuit = new Circuit();
  let now = start;
  let ended = 0;
  for (const ok of outcomes) {
    now += stepMs;
    ended++;
    if (!ok) {
      circuit.failed(now, ended);
    }
  }
  return { circuit, now, ended };
}

function open(start = 0) {
  return after(new Array<boolean>(20).fill(false), 1, start);
}

describe("a circuit", () => {
  test("physics §9: opens when half of 20 runs within 10 s have failed, and not before", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(Array.from({ length: 20 }, (_, i) => i)), (failing) => {
        const outcomes = Array.from({ length: 20 }, (_, i) => !failing.includes(i));
        // Successes are not told: what the runs come to is seen when the next one fails.
        const { circuit, ended } = after([...outcomes, true]);
        const last = Math.max(...failing, -1);
        expect(circuit.isOpen(ended)).toBe(failing.length >= 10 && last === 19);
        expect(after([...outcomes.slice(0, 19)]).circuit.isOpen(19)).toBe(false);
      }),
    );
  });

  test("physics §9: opens by the share of failures among the last 20 runs, wherever they stand", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 200 }), (outcomes) => {
        const { circuit, ended } = after(outcomes);
        const opened = outcomes.some((ok, i) => {
          const last = outcomes.slice(Math.max(0, i - 19), i + 1);
          return !ok && i >= 19 && last.filter((fine) => !fine).length >= 10;
        });
        expect(circuit.isOpen(ended)).toBe(opened);
      }),
    );
  });

  test("physics §9: failures of more than 10 s ago count no more", () => {
    expect(after(new Array<boolean>(40).fill(false), 1112).circuit.isOpen(40)).toBe(false);
    expect(after(new Array<boolean>(40).fill(false), 1111).circuit.isOpen(40)).toBe(true);
  });

  test("physics §9: tells the failure rate of the last 20 runs, 0 before there were 20", () => {
    const { circuit, now } = after([false, false, true, false, ...new Array<boolean>(16).fill(true)]);
    expect(circuit.failureRate(now, 19)).toBe(0);
    expect(circuit.failureRate(now, 20)).toBe(3 / 20);
    expect(circuit.failureRate(now, 22)).toBe(1 / 20);
    expect(circuit.failureRate(now + 10_001, 20)).toBe(0);
  });

  test("physics §9: stays open for 5 s, and then lets exactly one wave pass", () => {
    const { circuit, now, ended } = open();
    expect(circuit.passes(LOUD, now + 4999, ended)).toBe(false);
    expect(circuit.passes(LOUD, now + 5000, ended)).toBe(true);
    expect(circuit.passes(LOUD, now + 5000, ended), "asking changes nothing").toBe(true);
    circuit.took(now + 5000, ended);
    for (const later of [5000, 6000, 9999]) {
      expect(circuit.passes(LOUD, now + later, ended)).toBe(false);
    }
  });

  test("physics §9: a probe that ends well closes it, one that fails opens it for another 5 s", () => {
    const well = open();
    well.circuit.took(well.now + 5000, well.ended);
    expect(well.circuit.isOpen(well.ended + 1)).toBe(false);
    expect(well.circuit.passes(LOUD, well.now + 5001, well.ended + 1)).toBe(true);
    const ill = open();
    ill.circuit.took(ill.now + 5000, ill.ended);
    ill.circuit.failed(ill.now + 5100, ill.ended + 1);
    expect(ill.circuit.isOpen(ill.ended + 1)).toBe(true);
    expect(ill.circuit.passes(LOUD, ill.now + 10_099, ill.ended + 1)).toBe(false);
    expect(ill.circuit.passes(LOUD, ill.now + 10_100, ill.ended + 1)).toBe(true);
  });

  test("physics §9: once it has closed it takes 20 runs' worth of failures again to open it", () => {
    const { circuit, now, ended } = open();
    circuit.took(now + 5000, ended);
    let count = ended + 1;
    for (let i = 0; i < 9; i++) {
      circuit.failed(now + 5001 + i, ++count);
    }
    expect(circuit.isOpen(count)).toBe(false);
    circuit.failed(now + 5011, ++count);
    expect(circuit.isOpen(count)).toBe(true);
  });

  test("a probe of which nothing is heard for 5 s is followed by another", () => {
    const { circuit, now, ended } = open();
    circuit.took(now + 5000, ended);
    expect(circuit.passes(LOUD, now + 9999, ended)).toBe(false);
    expect(circuit.passes(LOUD, now + 10_000, ended)).toBe(true);
  });

  test("failures of runs that began before it opened neither prolong it nor answer for the probe", () => {
    const { circuit, now, ended } = open();
    circuit.failed(now + 4000, ended + 1);
    expect(circuit.passes(LOUD, now + 5000, ended + 1)).toBe(true);
  });

  test("physics §9: before that, waves tunnel with e^(−2·o·w), decided by their trace alone", () => {
    const { circuit, now, ended } = open();
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4999 }), fc.string(), (t, trace) => {
        const quiet = { trace, amplitude: 0.2 };
        expect(circuit.passes(quiet, now + t, ended)).toBe(circuit.passes(quiet, now + t, ended));
        // Who has tunnelled at a time tunnels at any later one.
        expect(circuit.passes(quiet, now + t, ended) && !circuit.passes(quiet, now + t + 1, ended)).toBe(false);
      }),
    );
    for (const w of [2000, 1000, 300]) {
      const traces = Array.from({ length: 20_000 }, (_, i) => `trace-${i}`);
      const passed = traces.filter((trace) => circuit.passes({ trace, amplitude: 0.2 }, now + 5000 - w, ended));
      expect(passed.length / traces.length).toBeCloseTo(tunnelling(1, w), 1.5);
    }
  });

  test("physics §9: quiet waves are the first to probe: louder ones wait until the time is over", () => {
    const { circuit, now, ended } = open();
    const traces = Array.from({ length: 1000 }, (_, i) => `trace-${i}`);
    const passing = (amplitude: number, t: number) =>
      traces.filter((trace) => circuit.passes({ trace, amplitude }, now + t, ended)).length;
    expect(passing(0.5, 4900)).toBeGreaterThan(500);
    expect(passing(0.51, 4900)).toBe(0);
    expect(passing(0.51, 5000)).toBe(1000);
  });

  test("physics §9: whatever happens, between two failures of probes at most one wave passes", () => {
    const step = fc.record({ ms: fc.integer({ min: 0, max: 3000 }), ok: fc.option(fc.boolean(), { nil: undefined }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        let { circuit, now, ended } = open(1000);
        let probedAt: number | undefined;
        for (const [i, { ms, ok }] of steps.entries()) {
          now += ms;
          const wave = { trace: `trace-${i}`, amplitude: 0.3 };
          if (circuit.isOpen(ended) && circuit.passes(wave, now, ended)) {
            expect(probedAt === undefined || now - probedAt >= 5000).toBe(true);
            probedAt = now;
            circuit.took(now, ended);
          }
          if (probedAt !== undefined && ok !== undefined) {
            probedAt = undefined;
            ended++;
            if (!ok) {
              circuit.failed(now, ended);
            }
            expect(circuit.isOpen(ended)).toBe(!ok);
            if (ok) {
              return;
            }
          }
        }
      }),
    );
  });
});
