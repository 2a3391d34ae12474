import { describe, expect, test } from "vitest";
import { AmplitudeQueue } from "../../src/inbox/amplitude-queue.ts";
import type { Fading } from "../../src/inbox/strongest-queue.ts";
import { band } from "../../src/physics/amplitude.ts";
import { attenuate } from "../../src/physics/attenuation.ts";
import { fc } from "../seeded.ts";

interface Item extends Fading {
  readonly n: number;
  readonly a: number;
  readonly bytes: number;
}

const PER_HOP = 0.95;
const amplitude = fc.oneof(
  fc.double({ min: 0.001, max: 1, noNaN: true }),
  fc.integer({ min: 1, max: 8 }).map((b) => b / 8),
);
const start = 1.7e12;

/** Pushes and pops with time passing between them. */
function history(
  halfLives: readonly number[],
): fc.Arbitrary<(Omit<Item, "n" | "arrivalAmplitude"> | { pop: number })[]> {
  const wait = fc.constantFrom(0, 0, 1, 7, 500, 60_000);
  const steps = fc.array(
    fc.oneof(
      {
        arbitrary: fc.record({
          a: amplitude,
          bytes: fc.integer({ min: 0, max: 40 }),
          arrivedAt: wait,
          halfLifeMs: fc.constantFrom(...halfLives),
        }),
        weight: 3,
      },
      { arbitrary: fc.record({ pop: wait }), weight: 2 },
    ),
    { maxLength: 120, size: "max" },
  );
  return steps.map((list) => {
    let now = start;
    return list.map((step) => {
      now += "pop" in step ? step.pop : step.arrivedAt;
      return "pop" in step ? { pop: now } : { ...step, arrivedAt: now };
    });
  });
}

function strengthOf(item: Item, now: number): number {
  return attenuate(item.arrivalAmplitude, now - item.arrivedAt, 0, { halfLifeMs: item.halfLifeMs, perHop: PER_HOP });
}

/** Runs a history; `look` sees each item that leaves, and what stays. */
function run(
  steps: readonly (Omit<Item, "n" | "arrivalAmplitude"> | { pop: number })[],
  options: { readonly cap: number; readonly capBytes?: number },
  look: {
    readonly popped?: (item: Item, held: readonly Item[], now: number) => void;
    readonly pushed?: (item: Item, gone: readonly Item[], held: readonly Item[], wasFull: boolean) => void;
  },
): void {
  const queue = new AmplitudeQueue<Item>({ ...options, order: "strongest" });
  let held: Item[] = [];
  let n = 0;
  for (const step of steps) {
    if ("pop" in step) {
      const item = queue.pop(step.pop);
      expect(item === undefined).toBe(held.length === 0);
      if (item !== undefined) {
        look.popped?.(item, held, step.pop);
        held = held.filter((other) => other !== item);
      }
    } else {
      const item = { ...step, n: n++, arrivalAmplitude: step.a * PER_HOP };
      const wasFull = held.length === options.cap;
      const gone = queue.push(item, item.a, item.bytes, item);
      held = [...held, item].filter((other) => !gone.includes(other));
      look.pushed?.(item, gone, held, wasFull);
    }
    expect(queue.size).toBe(held.length);
    expect(queue.bytes).toBe(held.reduce((sum, { bytes }) => sum + bytes, 0));
    expect(queue.full).toBe(queue.size >= options.cap || queue.bytes >= (options.capBytes ?? Number.POSITIVE_INFINITY));
  }
}

const cap = fc.integer({ min: 1, max: 12 });
const mixed = [1000, 60_000, 61_000, Number.POSITIVE_INFINITY];

describe('order "strongest"', () => {
  test("physics §1: what comes out is the loudest now, of one half-life", () => {
    let pops = 0;
    fc.assert(
      fc.property(history([60_000]), (steps) => {
        run(
          steps,
          { cap: 1000 },
          {
            popped: (item, held, now) => {
              pops++;
              const loudest = Math.max(...held.map((other) => strengthOf(other, now)));
              expect(strengthOf(item, now)).toBeGreaterThanOrEqual(loudest * (1 - 1e-9));
            },
          },
        );
      }),
    );
    expect(pops).toBeGreaterThan(500);
  });

  test("physics §1: what comes out is the loudest now, of many half-lives", () => {
    fc.assert(
      fc.property(history(mixed), (steps) => {
        run(
          steps,
          { cap: 1000 },
          {
            popped: (item, held, now) => {
              const loudest = Math.max(...held.map((other) => strengthOf(other, now)));
              expect(strengthOf(item, now)).toBeGreaterThanOrEqual(loudest * (1 - 1e-9));
            },
          },
        );
      }),
    );
  });

  test("physics §1: of equal amplitudes the newest comes first", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(0.2, 0.5, 0.51, 1), { maxLength: 60 }), (amplitudes) => {
        const queue = new AmplitudeQueue<{ a: number; n: number }>({ cap: 100, order: "strongest" });
        const items = amplitudes.map((a, n) => ({ a, n }));
        for (const item of items) {
          queue.push(item, item.a);
        }
        const out = items.map(() => queue.pop());
        expect(out).toEqual(items.toSorted((x, y) => y.a - x.a || y.n - x.n));
      }),
    );
  });

  test("physics §1 laws 1 and 4: the bounds hold, and what went in is popped, evicted or still there", () => {
    fc.assert(
      fc.property(cap, fc.integer({ min: 1, max: 120 }), history(mixed), (most, capBytes, steps) => {
        const left = new Set<Item>();
        let pushes = 0;
        let rest: readonly Item[] = [];
        run(
          steps,
          { cap: most, capBytes },
          {
            popped: (item, held) => {
              expect(left.has(item)).toBe(false);
              left.add(item);
              rest = held.filter((other) => other !== item);
            },
            pushed: (_, gone, held) => {
              pushes++;
              for (const item of gone) {
                expect(left.has(item)).toBe(false);
                left.add(item);
              }
              rest = held;
              expect(held.length).toBeLessThanOrEqual(most);
              expect(held.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(capBytes);
            },
          },
        );
        expect(pushes).toBe(left.size + rest.length);
      }),
    );
  });

  test("physics §1 laws 2 and 3: full in waves, exactly one gives way: the oldest of the lowest band", () => {
    let evictions = 0;
    fc.assert(
      fc.property(cap, history(mixed), (most, steps) => {
        run(
          steps,
          { cap: most },
          {
            pushed: (item, gone, held, wasFull) => {
              expect(gone).toHaveLength(wasFull ? 1 : 0);
              const [victim] = gone;
              if (victim !== undefined) {
                evictions++;
                const lowest = Math.min(...held.map(({ a }) => band(a)));
                expect(band(victim.a)).toBeLessThanOrEqual(lowest);
                const older = held.filter((other) => other.n < victim.n && band(other.a) === band(victim.a));
                expect(victim === item ? [] : older).toEqual([]);
              }
            },
          },
        );
      }),
    );
    expect(evictions).toBeGreaterThan(500);
  });

  test("takeAll leaves an empty queue that goes on", () => {
    const queue = new AmplitudeQueue<string>({ cap: 10, order: "strongest" });
    queue.push("quiet", 0.1);
    queue.push("loud", 0.9);
    queue.push("loud too", 0.95);
    expect(queue.takeAll()).toEqual(["loud", "loud too", "quiet"]);
    expect([queue.size, queue.bytes, queue.pop()]).toEqual([0, 0, undefined]);
    queue.push("next", 0.5);
    expect(queue.pop()).toBe("next");
  });

  test("more half-lives than it tells apart cost no item, and what is much louder still comes first", () => {
    const queue = new AmplitudeQueue<number>({ cap: 10_000, order: "strongest" });
    for (let n = 0; n < 1000; n++) {
      queue.push(n, 0.2, 0, { arrivalAmplitude: 0.2, arrivedAt: start, halfLifeMs: 1000 + n });
    }
    queue.push(-1, 1, 0, { arrivalAmplitude: 1, arrivedAt: start, halfLifeMs: 5_000_000 });
    expect(queue.pop(start)).toBe(-1);
    const rest = Array.from({ length: 1000 }, () => queue.pop(start + 100) ?? -1);
    expect(new Set(rest).size).toBe(1000);
    expect(queue.pop(start + 100)).toBeUndefined();
  });

  test("100,000 items come out sorted, and in no time that a list would need", () => {
    const queue = new AmplitudeQueue<number>({ cap: 200_000, order: "strongest" });
    let x = 1;
    for (let n = 0; n < 100_000; n++) {
      x = (x * 48_271) % 2_147_483_647;
      queue.push(x, x / 2_147_483_647);
    }
    const out: number[] = [];
    for (let item = queue.pop(); item !== undefined; item = queue.pop()) {
      out.push(item);
    }
    expect(out).toHaveLength(100_000);
    expect(out.every((item, at) => at === 0 || item <= (out[at - 1] ?? 0))).toBe(true);
  });
});
