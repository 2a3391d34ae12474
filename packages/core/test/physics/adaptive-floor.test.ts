import { AdaptiveFloor, AetherError, type FloorOptions, hash01 } from "@aether/core";
import { describe, expect, test } from "vitest";
import { fc } from "../seeded.ts";
import { type Result, type Scenario, simulate, type WaveClass } from "./overload-simulation.ts";

const amplitude = fc.double({ min: 0, max: 1, noNaN: true });
const hash = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const wave = fc.tuple(amplitude, hash);
const anyNumber = fc.oneof(
  fc.double({ min: -100, max: 2000, noNaN: true }),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 1e300),
);
/** One tick: the waves before it, the delay, the service rate, and how long it took. */
const step = fc.record({
  waves: fc.array(wave, { maxLength: 40 }),
  delayMs: anyNumber,
  rate: anyNumber,
  elapsedMs: fc.oneof(fc.constant(20), anyNumber),
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;
const history = fc.array(step, { maxLength: 60 });
const runs = { numRuns: 300 };

/** Lets `floor` live through `steps`; gives what it admitted, and what it showed after each tick. */
function live(floor: AdaptiveFloor, steps: readonly Step[]): readonly (boolean | number)[] {
  return steps.flatMap(({ waves, delayMs, rate, elapsedMs }) => {
    const admitted = waves.map(([a, h]) => floor.admit(a, h));
    floor.tick(delayMs, rate, undefined, elapsedMs);
    return [...admitted, floor.floor, floor.shed, floor.brokerBand];
  });
}

/** A floor after so much overload that it sheds about `share`. */
function shedding(share: number, options?: Partial<FloorOptions>): AdaptiveFloor {
  const floor = new AdaptiveFloor(options);
  for (let i = 0; floor.shed < share && i < 1000; i++) {
    for (let bin = 0; bin < 64; bin++) {
      floor.admit((bin + 0.5) / 64, 0);
    }
    floor.tick(25 + 0.01 * i, 1);
  }
  return floor;
}

describe("AdaptiveFloor", () => {
  test("physics §3: 0 ≤ u ≤ 0.99 and 0 ≤ floor ≤ 1, whatever it is told", () => {
    fc.assert(
      fc.property(history, (steps) => {
        const floor = new AdaptiveFloor();
        for (const one of steps) {
          live(floor, [one]);
          expect(floor.shed).toBeGreaterThanOrEqual(0);
          expect(floor.shed).toBeLessThanOrEqual(0.99);
          expect(floor.floor).toBeGreaterThanOrEqual(0);
          expect(floor.floor).toBeLessThanOrEqual(1);
          expect([0, 1, 2, 3, 4, 5, 6, 7]).toContain(floor.brokerBand);
        }
      }),
      runs,
    );
  });

  test("physics §3: for one trace hash, admission is monotone in the amplitude", () => {
    fc.assert(
      fc.property(history, amplitude, amplitude, hash, (steps, a, b, h) => {
        const floor = new AdaptiveFloor();
        live(floor, steps);
        const [quiet, loud] = [floor.admit(Math.min(a, b), h), floor.admit(Math.max(a, b), h)];
        expect(quiet && !loud).toBe(false);
      }),
      runs,
    );
  });

  test("physics §3: idle, it comes back to shedding nothing and admits everything", () => {
    fc.assert(
      fc.property(history, wave, (steps, [a, h]) => {
        const floor = new AdaptiveFloor();
        live(floor, steps);
        for (let i = 0; i < 200; i++) {
          floor.tick(0, 1);
        }
        expect(floor.shed).toBe(0);
        expect(floor.admit(a, h)).toBe(true);
      }),
      runs,
    );
  });

  test("physics §3: the same inputs give the same outputs", () => {
    fc.assert(
      fc.property(history, (steps) => {
        expect(live(new AdaptiveFloor(), steps)).toEqual(live(new AdaptiveFloor(), steps));
      }),
      runs,
    );
  });

  test("physics §3: the static floor is always respected", () => {
    fc.assert(
      fc.property(history, amplitude, wave, (steps, staticFloor, [a, h]) => {
        const floor = new AdaptiveFloor({ staticFloor });
        live(floor, steps);
        expect(floor.floor).toBeGreaterThanOrEqual(staticFloor);
        expect(floor.admit(a, h) && a < staticFloor).toBe(false);
      }),
      runs,
    );
  });

  test("physics §3: what it admits is the share 1 − u, even where all amplitudes are the same", () => {
    for (const draw of [() => 0.5, (i: number) => (i % 997) / 997, (i: number) => ((i % 997) / 997) ** 4]) {
      const floor = new AdaptiveFloor();
      let admitted = 0;
      let wanted = 0;
      for (let tick = 0; tick < 400; tick++) {
        const { shed } = floor;
        for (let i = 0; i < 200; i++) {
          admitted += floor.admit(draw(tick * 200 + i), hash01(`trace-${tick}-${i}`)) ? 1 : 0;
        }
        wanted += 200 * (1 - shed);
        floor.tick(tick < 60 ? 24 : 20, 1);
      }
      expect(floor.shed).toBeGreaterThan(0.2);
      expect(Math.abs(admitted / wanted - 1)).toBeLessThan(0.03);
    }
  });

  test("physics §3: recovery takes half a second from u = 0.5", () => {
    const floor = shedding(0.5);
    let ms = 0;
    for (; floor.shed > 0; ms += 20) {
      floor.tick(0, 1);
    }
    expect(ms).toBeGreaterThan(300);
    expect(ms).toBeLessThan(700);
  });

  test("asking changes nothing", () => {
    fc.assert(
      fc.property(history, fc.array(wave), (steps, asked) => {
        const [one, two] = [new AdaptiveFloor(), new AdaptiveFloor()];
        for (const each of steps) {
          live(one, [each]);
          live(two, [each]);
          for (const [a, h] of asked) {
            expect(one.admits(a, h)).toBe(one.admits(a, h));
          }
        }
        expect(live(one, steps)).toEqual(live(two, steps));
      }),
      { numRuns: 50 },
    );
  });

  test("a late tick counts for the time it took, up to five", () => {
    const after = (elapsedMs: number): number => {
      const floor = new AdaptiveFloor();
      floor.tick(30, 1, undefined, 20);
      const before = floor.shed;
      floor.tick(30, 1, undefined, elapsedMs);
      return floor.shed - before;
    };
    expect(after(40)).toBeCloseTo(2 * after(20), 12);
    expect(after(60)).toBeCloseTo(3 * after(20), 12);
    expect(after(10_000)).toBeCloseTo(5 * after(20), 12);
    expect(after(Number.NaN)).toBe(after(20));
  });

  test("a target in force above its own takes the place of that; one below does not", () => {
    const after = (targetMs: number): number => {
      const floor = new AdaptiveFloor();
      floor.tick(60, 1, targetMs);
      return floor.shed;
    };
    expect(after(60)).toBeLessThan(after(20));
    expect(after(1)).toBe(after(20));
    expect(after(Number.NaN)).toBe(after(20));
  });

  test("a delay that is no number is none, and a rate that is none changes no estimate", () => {
    for (const delay of [Number.NaN, Number.POSITIVE_INFINITY, -5]) {
      const floor = shedding(0.3);
      const same = shedding(0.3);
      floor.tick(delay, 1);
      same.tick(0, 1);
      expect(floor.shed).toBe(same.shed);
    }
    // 400 waves a tick are an overload of 20, which halves the gain and more; unless the rate is not known.
    const after = (rate: number): number => {
      const floor = new AdaptiveFloor();
      for (let tick = 0; tick < 100; tick++) {
        for (let i = 0; i < 400; i++) {
          floor.admit(0.5, 0.5);
        }
        floor.tick(0, rate);
      }
      floor.tick(20, 1);
      return floor.shed;
    };
    expect(after(1)).toBeLessThan(0.6 * after(0));
    expect(after(-1)).toBe(after(0));
    expect(after(Number.NaN)).toBe(after(0));
  });

  test("what is no amplitude is not admitted, and not seen", () => {
    const floor = shedding(0.3);
    for (let i = 0; i < 1000; i++) {
      expect(floor.admit(Number.NaN, 0)).toBe(false);
    }
    const same = shedding(0.3);
    floor.tick(20, 1);
    same.tick(20, 1);
    expect(floor.floor).toBe(same.floor);
  });

  test("physics §3: a band is kept away after 200 ms of shedding it whole, and let in again when calm", () => {
    const floor = new AdaptiveFloor();
    const tick = (delayMs: number, least: number): void => {
      for (let bin = least; bin < 64; bin++) {
        floor.admit((bin + 0.5) / 64, 0.5);
      }
      floor.tick(delayMs, 1);
    };
    while (floor.shed < 0.5) {
      tick(21, 0);
    }
    const before = floor.shed;
    for (let ms = 20; ms < 200; ms += 20) {
      expect(floor.brokerBand).toBe(0);
      tick(21, 0);
    }
    expect(floor.brokerBand).toBe(1);
    // The share of the rest: what is admitted stays what it was.
    expect((1 - floor.shed) * (7 / 8)).toBeCloseTo(1 - before, 1);
    let ms = 0;
    for (; floor.brokerBand > 0; ms += 20) {
      tick(0, 8);
    }
    expect(ms).toBeGreaterThanOrEqual(1000);
    expect(ms).toBeLessThan(2500);
  });

  test("physics §3: a band that has to go again within 5 s waits twice as long for the next time", () => {
    const floor = new AdaptiveFloor();
    const until = (delayMs: number, wanted: number): number => {
      let ms = 0;
      for (; floor.brokerBand !== wanted; ms += 20) {
        for (let bin = 8 * floor.brokerBand; bin < 64; bin++) {
          floor.admit((bin + 0.5) / 64, 0.5);
        }
        floor.tick(delayMs, 1);
      }
      return ms;
    };
    until(60, 2);
    const first = until(0, 1);
    until(60, 2);
    const second = until(0, 1);
    until(60, 2);
    const third = until(0, 1);
    expect(second - first).toBeGreaterThan(800);
    expect(third - second).toBeGreaterThan(1800);
  });

  test.each<[string, object]>([
    ["a target below 1 ms", { targetMs: 0.5 }],
    ["no target", { targetMs: Number.NaN }],
    ["alpha 0", { alpha: 0 }],
    ["a negative beta", { beta: -0.1 }],
    ["beta 0", { beta: 0 }],
    ["gains that swing", { alpha: 0.8 }],
    ["a target too near for its tick", { targetMs: 4 }],
    ["an infinite gain", { beta: Number.POSITIVE_INFINITY }],
    ["a share above 0.99", { maxShed: 1 }],
    ["half a bin", { bins: 0.5 }],
    ["nine bands", { bands: 9 }],
    ["a floor above 1", { staticFloor: 1.5 }],
    ["a text", { tickMs: "20" }],
    ["something unknown", { target: 20 }],
  ])("refuses %s", (_, options) => {
    let thrown: unknown;
    try {
      Reflect.construct(AdaptiveFloor, [options]);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(AetherError);
    expect(thrown).toMatchObject({ code: "AETHER_BAD_OPTION", message: expect.stringMatching(/^Expected `.+got /) });
  });
});

describe("hash01", () => {
  test("physics §3: it follows from the text alone, and lies from 0 up to 1", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const value = hash01(text);
        expect(value).toBe(hash01(`${text}`));
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThan(1);
      }),
    );
  });

  test("physics §3: it spreads ids that count on evenly, and neighbours far apart", () => {
    const count = 36 ** 3;
    const tenths = new Array<number>(10).fill(0);
    let product = 0;
    let before = 0.5;
    for (let i = 0; i < count; i++) {
      const value = hash01(`0k3v9x1m2c7q8w5z4d6f-${i.toString(36).padStart(3, "0")}`);
      const tenth = Math.floor(value * 10);
      tenths[tenth] = (tenths[tenth] ?? 0) + 1;
      product += (value - 0.5) * (before - 0.5);
      before = value;
    }
    for (const found of tenths) {
      expect(Math.abs(found / (count / 10) - 1)).toBeLessThan(0.05);
    }
    // Independent neighbours: their correlation is 0, give or take 1 / √count.
    expect(Math.abs((12 * product) / count)).toBeLessThan(0.025);
  });
});

const SEEDS = [1, 2, 3] as const;

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function all(scenario: Omit<Scenario, "seed">): readonly Result[] {
  return SEEDS.map((seed) => simulate({ ...scenario, seed }));
}

const served = (results: readonly Result[], kind: string): number =>
  mean(results.map(({ inTime }) => inTime[kind] ?? 0));

describe("in simulated overload", () => {
  const twice = { load: () => 2, seconds: 20 };

  test("physics §3: at twice the capacity critical waves are in time, and the delay is the target", () => {
    const results = all({ ...twice, policy: "adaptive" });
    for (const { inTime, meanDelayMs, goodput } of results) {
      expect(inTime["critical"]).toBeGreaterThanOrEqual(99);
      expect(inTime["normal"]).toBeGreaterThan(95);
      expect(meanDelayMs).toBeGreaterThanOrEqual(15);
      expect(meanDelayMs).toBeLessThanOrEqual(25);
      expect(goodput).toBeGreaterThan(95);
    }
    expect(served(results, "critical")).toBeGreaterThan(99.9);
    expect(served(results, "bulk")).toBeGreaterThan(14);
    expect(served(results, "bulk")).toBeLessThan(20);
  });

  test("the control: by arrival, nearly nothing is in time", () => {
    for (const { inTime, goodput } of all({ ...twice, policy: "fifo" })) {
      expect(inTime["critical"]).toBeLessThan(3);
      expect(goodput).toBeLessThan(5);
    }
  });

  test("physics §3: after a step from half to three times the capacity it settles within a second", () => {
    for (const seed of SEEDS) {
      const load = (now: number): number => (now >= 5000 && now < 15_000 ? 3 : 0.5);
      const { delays, inTime } = simulate({ load, seconds: 20, policy: "adaptive", seed });
      const during = delays.slice(250, 750);
      const back = during.findIndex((_, at) => at > 2 && mean(during.slice(at, at + 10)) < 40);
      expect(back * 20).toBeLessThan(1000);
      expect(mean(during.slice(50))).toBeLessThan(25);
      expect(Math.max(...during)).toBeLessThan(200);
      // Half a second after the storm it is over.
      expect(Math.max(...delays.slice(800))).toBeLessThan(20);
      expect(inTime["critical"]).toBeGreaterThan(99.5);
    }
  });

  test("physics §3: where critical waves alone are too many, as many as can be are served", () => {
    const classes: readonly WaveClass[] = [
      { name: "critical", share: 0.6, from: 0.8, to: 1 },
      { name: "bulk", share: 0.4, from: 0.05, to: 0.25 },
    ];
    const storm = { load: () => 3, seconds: 20, classes };
    // 1 of 1.8: 55.6 % is all that anybody can do.
    expect(served(all({ ...storm, policy: "adaptive" }), "critical")).toBeGreaterThan(54);
    expect(served(all({ ...storm, policy: "priority" }), "critical")).toBeLessThan(15);
    expect(served(all({ ...storm, policy: "fifo" }), "critical")).toBeLessThan(5);
  });

  test.each([0.05, 0.5, 1])("physics §3: where all amplitudes are %f, the half that can be is served", (at) => {
    const classes: readonly WaveClass[] = [{ name: "all", share: 1.1, from: at, to: at }];
    const results = all({ ...twice, policy: "adaptive", classes });
    expect(served(results, "all")).toBeGreaterThan(48.5);
    expect(served(results, "all")).toBeLessThan(51.5);
  });

  test.each([1.2, 2, 4, 8])("physics §3: it holds its target at %f times the capacity", (rho) => {
    const results = all({ load: () => rho, seconds: 20, policy: "adaptive" });
    const delay = mean(results.map(({ meanDelayMs }) => meanDelayMs));
    expect(delay).toBeGreaterThan(15);
    expect(delay).toBeLessThan(25);
  });

  test.each([1.5, 4, 8, 12, 15, 20])("physics §3: without chance it settles at %f times the capacity", (rho) => {
    const floor = new AdaptiveFloor();
    let backlog = 0;
    const delays: number[] = [];
    for (let tick = 0; tick < 1000; tick++) {
      const admitted = rho * 20 * (1 - floor.shed);
      for (let i = 0; i < rho * 20; i++) {
        floor.admit(hash01(`a-${tick}-${i}`), 0);
      }
      backlog = Math.max(0, backlog + admitted - 20);
      floor.tick(backlog, 1);
      delays.push(backlog);
    }
    for (const delay of delays.slice(500)) {
      expect(Math.abs(delay - 20)).toBeLessThan(1);
    }
  });

  test("physics §3: below its capacity it sheds next to nothing", () => {
    for (const { inTime } of all({ load: () => 0.8, seconds: 60, policy: "adaptive" })) {
      expect(inTime["critical"]).toBe(100);
      expect(inTime["normal"]).toBeGreaterThan(99.9);
      expect(inTime["bulk"]).toBeGreaterThan(98.5);
    }
  });
});
