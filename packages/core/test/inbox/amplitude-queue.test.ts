import { describe, expect, test } from "vitest";
import { AmplitudeQueue } from "../../src/inbox/amplitude-queue.ts";
import type { AmplitudeQueueOptions } from "../../src/inbox/queue-bounds.ts";
import { BANDS, band } from "../../src/physics/amplitude.ts";
import { fc } from "../seeded.ts";

interface Item {
  readonly n: number;
  readonly a: number;
  readonly bytes: number;
}

type Step = { readonly pop: true } | { readonly a: number; readonly bytes: number };

const amplitude = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.integer({ min: 0, max: 8 }).map((b) => b / 8),
);
const pushing = (bytes: fc.Arbitrary<number>): fc.Arbitrary<Step> => fc.record({ a: amplitude, bytes });
const popping: fc.Arbitrary<Step> = fc.constant({ pop: true });

/** Long histories in which the queue is full most of the time. */
function history(bytes: fc.Arbitrary<number>): fc.Arbitrary<Step[]> {
  return fc.array(fc.oneof({ arbitrary: pushing(bytes), weight: 6 }, { arbitrary: popping, weight: 3 }), {
    maxLength: 150,
    size: "max",
  });
}

const oneByte = fc.constant(1);
const someBytes = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 130 }));

/** The queue as slowly and plainly as possible: one list of each band. It does not say which band is served next. */
class Model {
  readonly bands: Item[][] = Array.from({ length: BANDS }, () => []);
  readonly cap: number;
  readonly capBytes: number;

  constructor(cap: number, capBytes = Number.POSITIVE_INFINITY) {
    this.cap = cap;
    this.capBytes = capBytes;
  }

  get all(): Item[] {
    return this.bands.flat();
  }

  get bytes(): number {
    return this.all.reduce((sum, item) => sum + item.bytes, 0);
  }

  fits(items: readonly Item[], item: Item): boolean {
    return items.length < this.cap && items.reduce((sum, other) => sum + other.bytes, 0) + item.bytes <= this.capBytes;
  }

  /** Quietest first, oldest first, as many as it takes, and nobody if all of them do not suffice. */
  push(item: Item): Item[] {
    const mine = band(item.a);
    const louder = this.bands.slice(mine + 1).flat();
    if (!this.fits(louder, item)) {
      return [item];
    }
    const evicted: Item[] = [];
    while (!this.fits(this.all, item)) {
      const victim = this.bands.find((items) => items.length > 0)?.shift();
      if (victim === undefined) {
        throw new Error("It must fit now");
      }
      evicted.push(victim);
    }
    this.bands[mine]?.push(item);
    return evicted;
  }

  /** The oldest item of the band that was served. */
  pop(served: Item): Item | undefined {
    return this.bands[band(served.a)]?.shift();
  }
}

/** Runs `steps` on a queue and its model, and lets `look` see every step. */
function run(
  options: AmplitudeQueueOptions,
  steps: readonly Step[],
  look: (step: {
    item?: Item;
    gone: readonly Item[];
    before: number;
    queue: AmplitudeQueue<Item>;
    model: Model;
  }) => void,
): void {
  const queue = new AmplitudeQueue<Item>(options);
  const model = new Model(options.cap, options.capBytes);
  let n = 0;
  for (const step of steps) {
    const before = queue.size;
    if ("pop" in step) {
      const popped = queue.pop();
      expect(popped === undefined).toBe(before === 0);
      if (popped !== undefined) {
        expect(popped).toBe(model.pop(popped));
      }
      look({ gone: popped === undefined ? [] : [popped], before, queue, model });
    } else {
      const item = { n: n++, ...step };
      const gone = queue.push(item, item.a, item.bytes);
      expect([...gone]).toEqual(model.push(item));
      look({ item, gone, before, queue, model });
    }
    expect(queue.size).toBe(model.all.length);
    expect(queue.bytes).toBe(model.bytes);
    expect(queue.full).toBe(queue.size >= model.cap || queue.bytes >= model.capBytes);
  }
}

const cap = fc.integer({ min: 1, max: 12 });

describe("AmplitudeQueue", () => {
  test("physics §1: behaves like a naive model, bounded in waves and in bytes", () => {
    fc.assert(
      fc.property(cap, fc.integer({ min: 1, max: 120 }), history(someBytes), (most, capBytes, steps) => {
        run({ cap: most, capBytes }, steps, () => {});
      }),
      { numRuns: 150 },
    );
  });

  test("physics §1 law 1: the size is never above cap, nor the bytes above capBytes", () => {
    fc.assert(
      fc.property(cap, fc.integer({ min: 1, max: 120 }), history(someBytes), (most, capBytes, steps) => {
        run({ cap: most, capBytes }, steps, ({ queue }) => {
          expect(queue.size).toBeLessThanOrEqual(most);
          expect(queue.bytes).toBeLessThanOrEqual(capBytes);
        });
      }),
    );
  });

  test("physics §1 law 2: what was evicted is of no higher band than anything that stayed", () => {
    let evictions = 0;
    fc.assert(
      fc.property(cap, history(oneByte), (most, steps) => {
        run({ cap: most }, steps, ({ item, gone, model }) => {
          if (item === undefined) {
            return;
          }
          evictions += gone.length;
          const lowest = Math.min(...model.all.map((stayed) => band(stayed.a)));
          for (const evicted of gone) {
            expect(band(evicted.a)).toBeLessThanOrEqual(lowest);
          }
        });
      }),
    );
    expect(evictions).toBeGreaterThan(500);
  });

  test("physics §1 law 2: it holds for bytes too, where something was evicted for the new item", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 120 }), history(someBytes), (capBytes, steps) => {
        run({ cap: 1000, capBytes }, steps, ({ item, gone, model }) => {
          if (item !== undefined && !gone.includes(item)) {
            const lowest = Math.min(...model.all.filter((stayed) => stayed !== item).map((stayed) => band(stayed.a)));
            for (const evicted of gone) {
              expect(band(evicted.a)).toBeLessThanOrEqual(Math.min(lowest, band(item.a)));
            }
          }
        });
      }),
    );
  });

  test("physics §1 law 3: a push on a queue that is full in waves gives back exactly one item, before that none", () => {
    fc.assert(
      fc.property(cap, history(oneByte), (most, steps) => {
        run({ cap: most }, steps, ({ item, gone, before }) => {
          if (item !== undefined) {
            expect(gone).toHaveLength(before === most ? 1 : 0);
          }
        });
      }),
    );
  });

  test("physics §1 law 4: what went in is what was popped, evicted and is still there", () => {
    fc.assert(
      fc.property(cap, fc.integer({ min: 1, max: 120 }), history(someBytes), (most, capBytes, steps) => {
        const pushed: number[] = [];
        const left: number[] = [];
        let last: AmplitudeQueue<Item> | undefined;
        run({ cap: most, capBytes }, steps, ({ item, gone, queue }) => {
          if (item !== undefined) {
            pushed.push(item.n);
          }
          left.push(...gone.map(({ n }) => n));
          last = queue;
        });
        for (let item = last?.pop(); item !== undefined; item = last?.pop()) {
          left.push(item.n);
        }
        expect(left.sort((a, b) => a - b)).toEqual(pushed);
        expect([last?.size ?? 0, last?.bytes ?? 0]).toEqual([0, 0]);
      }),
    );
  });

  test("physics §1 law 5: the items of one band come out in the order they came in", () => {
    fc.assert(
      fc.property(cap, history(oneByte), (most, steps) => {
        const last = new Array<number>(BANDS).fill(-1);
        run({ cap: most }, steps, ({ item, gone }) => {
          for (const { n, a } of gone.filter((one) => one !== item)) {
            expect(n).toBeGreaterThan(last[band(a)] ?? -1);
            last[band(a)] = n;
          }
        });
      }),
    );
  });

  const weightings = fc.oneof(
    fc.constant(undefined),
    fc.array(fc.integer({ min: 1, max: 40 }), { minLength: BANDS, maxLength: BANDS }),
  );

  test("physics §1 law 6: no band starves, whatever came before", () => {
    fc.assert(
      fc.property(weightings, history(oneByte), (weights, steps) => {
        const queue = new AmplitudeQueue<Item>({ cap: 10_000, weights });
        const held = new Array<number>(BANDS).fill(0);
        const put = (a: number): void => {
          held[band(a)] = (held[band(a)] ?? 0) + 1;
          queue.push({ n: 0, a, bytes: 0 }, a);
        };
        const took = (item: Item | undefined): void => {
          if (item !== undefined) {
            held[band(item.a)] = (held[band(item.a)] ?? 0) - 1;
          }
        };
        for (const step of steps) {
          if ("pop" in step) {
            took(queue.pop());
          } else {
            put(step.a);
          }
        }
        const shares = weights ?? Array.from({ length: BANDS }, (_, b) => 2 ** b);
        const total = shares.reduce((sum, share) => sum + share, 0);
        const waited = new Array<number>(BANDS).fill(0);
        for (let pops = 0; pops < 2 * Math.ceil(total / Math.min(...shares)); pops++) {
          for (let b = 0; b < BANDS; b++) {
            if ((held[b] ?? 0) === 0) {
              put(b / BANDS);
            }
          }
          const item = queue.pop();
          took(item);
          const served = band(item?.a ?? -1);
          for (let b = 0; b < BANDS; b++) {
            waited[b] = b === served ? 0 : (waited[b] ?? 0) + 1;
            expect(waited[b], `band ${b} waited`).toBeLessThan(2 * Math.ceil(total / (shares[b] ?? 1)));
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  test("physics §1: bands that are never empty are served by their weights, and not in bursts", () => {
    const queue = new AmplitudeQueue<number>({ cap: 10_000 });
    for (let i = 0; i < 1000; i++) {
      for (let b = 0; b < BANDS; b++) {
        queue.push(b, b / BANDS);
      }
    }
    const order = Array.from({ length: 255 }, () => queue.pop() ?? -1);
    for (let b = 0; b < BANDS; b++) {
      expect(order.filter((served) => served === b)).toHaveLength(2 ** b);
    }
    // Half of the turns are band 7's, and they are spread: never three in a row.
    expect(order.map((served) => (served === 7 ? "x" : ".")).join("")).not.toContain("xxx");
  });

  test("physics §1: a louder wave that comes now overtakes a thousand quiet ones", () => {
    const queue = new AmplitudeQueue<string>({ cap: 10_000 });
    for (let i = 0; i < 1000; i++) {
      queue.push("quiet", 0.05);
    }
    queue.push("loud", 0.95);
    expect(queue.pop()).toBe("loud");
  });

  test("full, it refuses what is quieter than everything it holds", () => {
    const queue = new AmplitudeQueue<string>({ cap: 2 });
    queue.push("a", 0.5);
    queue.push("b", 0.9);
    expect(queue.push("quiet", 0.1)).toEqual(["quiet"]);
    expect(queue.push("same", 0.55)).toEqual(["a"]);
    expect(queue.push("loud", 1)).toEqual(["same"]);
    expect([queue.pop(), queue.pop(), queue.pop()]).toEqual(["b", "loud", undefined]);
  });

  test("drops nothing in vain for an item that cannot fit anyway", () => {
    const queue = new AmplitudeQueue<string>({ cap: 10, capBytes: 100 });
    queue.push("quiet", 0.1, 30);
    queue.push("loud", 0.9, 60);
    expect(queue.push("huge", 1, 101)).toEqual(["huge"]);
    expect(queue.push("middle", 0.5, 50)).toEqual(["middle"]);
    expect([queue.size, queue.bytes]).toEqual([2, 90]);
    expect(queue.push("fits", 0.5, 40)).toEqual(["quiet"]);
    expect(queue.push("louder", 1, 100)).toEqual(["fits", "loud"]);
    expect([queue.size, queue.bytes]).toEqual([1, 100]);
  });

  test("an item of no bytes has its place in a queue that is full of bytes", () => {
    const queue = new AmplitudeQueue<string>({ cap: 10, capBytes: 5 });
    queue.push("five", 0.5, 5);
    expect(queue.full).toBe(true);
    expect(queue.push("nothing", 0.1, 0)).toEqual([]);
    expect(queue.size).toBe(2);
  });
});

describe("takeAll", () => {
  test("takes everything out, louder bands first, and leaves an empty queue that goes on", () => {
    fc.assert(
      fc.property(cap, fc.array(amplitude, { maxLength: 30 }), (most, amplitudes) => {
        const queue = new AmplitudeQueue<Item>({ cap: most });
        const gone: Item[] = [];
        for (const [n, a] of amplitudes.entries()) {
          gone.push(...queue.push({ n, a, bytes: 1 }, a, 1));
        }
        const all = queue.takeAll();
        expect([queue.size, queue.bytes, queue.pop()]).toEqual([0, 0, undefined]);
        expect([...all, ...gone].map(({ n }) => n).sort((x, y) => x - y)).toEqual([...amplitudes.keys()]);
        const order = all.map(({ n, a }) => -band(a) * 1000 + n);
        expect(order).toEqual([...order].sort((x, y) => x - y));
        const fresh = { n: 0, a: 0.5, bytes: 1 };
        expect(queue.push(fresh, 0.5, 1)).toEqual([]);
        expect(queue.pop()).toBe(fresh);
      }),
    );
  });
});

describe('order "fifo"', () => {
  test("everything comes out in the order it came in, and the oldest gives way", () => {
    fc.assert(
      fc.property(cap, fc.array(fc.option(amplitude), { maxLength: 100, size: "max" }), (most, steps) => {
        const queue = new AmplitudeQueue<number>({ cap: most, order: "fifo" });
        const model: number[] = [];
        for (const [n, a] of steps.entries()) {
          if (a === null) {
            expect(queue.pop()).toBe(model.shift());
          } else {
            const evicted = model.length === most ? [model.shift()] : [];
            model.push(n);
            expect(queue.push(n, a)).toEqual(evicted);
          }
          expect(queue.size).toBe(model.length);
        }
      }),
    );
  });

  test("a queue of one band is served like it", () => {
    const queue = new AmplitudeQueue<number>({ cap: 10, bands: 1 });
    queue.push(1, 0.1);
    queue.push(2, 0.9);
    expect([queue.pop(), queue.pop()]).toEqual([1, 2]);
  });
});

describe("other bands and weights", () => {
  test("up to 30 bands are kept apart", () => {
    const queue = new AmplitudeQueue<number>({ cap: 30, bands: 30 });
    for (let b = 0; b < 30; b++) {
      queue.push(b, (b + 0.5) / 30);
    }
    expect(queue.push(99, 1)).toEqual([0]);
    const seen = Array.from({ length: 30 }, () => queue.pop());
    expect(new Set(seen).size).toBe(30);
    expect(queue.pop()).toBeUndefined();
  });

  test("weights say how often each band is served", () => {
    const queue = new AmplitudeQueue<number>({ cap: 1000, bands: 2, weights: [3, 1] });
    for (let i = 0; i < 400; i++) {
      queue.push(i % 2, (i % 2) * 0.9);
    }
    const served = Array.from({ length: 200 }, () => queue.pop());
    expect(served.filter((b) => b === 0)).toHaveLength(150);
  });
});

describe("bad options", () => {
  test.each([
    ["cap", { cap: 0 }],
    ["cap", { cap: -1 }],
    ["cap", { cap: 1.5 }],
    ["cap", { cap: Number.NaN }],
    ["cap", { cap: Number.POSITIVE_INFINITY }],
    ["cap", { cap: "10" }],
    ["cap", {}],
    ["capBytes", { cap: 1, capBytes: 0 }],
    ["capBytes", { cap: 1, capBytes: Number.NaN }],
    ["capBytes", { cap: 1, capBytes: -5 }],
    ["capBytes", { cap: 1, capBytes: "64" }],
    ["bands", { cap: 1, bands: 0 }],
    ["bands", { cap: 1, bands: 31 }],
    ["bands", { cap: 1, bands: 2.5 }],
    ["bands", { cap: 1, bands: "8" }],
    ["weights", { cap: 1, weights: [1, 2] }],
    ["weights", { cap: 1, weights: [1, 2, 3, 4, 5, 6, 7, 0] }],
    ["weights", { cap: 1, weights: [1, 2, 3, 4, 5, 6, 7, -1] }],
    ["weights", { cap: 1, weights: [1, 2, 3, 4, 5, 6, 7, Number.POSITIVE_INFINITY] }],
    ["weights", { cap: 1, bands: 2, weights: [1, Number.NaN] }],
    ["order", { cap: 1, order: "lifo" }],
  ])("physics §0.4: refuses %s in %o", (option, options) => {
    const act = (): unknown => new AmplitudeQueue(options as unknown as AmplitudeQueueOptions);
    expect(act).toThrow(expect.objectContaining({ name: "AetherError", code: "AETHER_BAD_OPTION" }));
    expect(act).toThrow(new RegExp(`^Expected \`${option}\` to be `));
  });
});

describe("memory", () => {
  const heap = (): number => {
    globalThis.gc?.();
    return process.memoryUsage().heapUsed;
  };

  test("that a burst of 200,000 items took is given back once they are out", () => {
    expect(globalThis.gc, "run with --expose-gc").toBeDefined();
    const queue = new AmplitudeQueue<object>({ cap: 1_000_000 });
    const before = heap();
    for (let i = 0; i < 200_000; i++) {
      queue.push({ i }, (i % 8) / 8, 1);
    }
    expect(heap() - before).toBeGreaterThan(4_000_000);
    while (queue.pop() !== undefined) {
      // Until it is empty.
    }
    expect(heap() - before).toBeLessThan(500_000);
    queue.push({}, 0.5);
    expect(queue.size).toBe(1);
  });

  test("an item that is out is held no longer", async () => {
    const queue = new AmplitudeQueue<object>({ cap: 3 });
    const out: WeakRef<object>[] = [];
    (() => {
      for (let i = 0; i < 5; i++) {
        const item = { i };
        out.push(new WeakRef(item));
        queue.push(item, 0.5);
      }
      queue.pop();
    })();
    await new Promise((resolve) => setTimeout(resolve, 0));
    globalThis.gc?.();
    expect(out.map((ref) => ref.deref() !== undefined)).toEqual([false, false, false, true, true]);
    expect(queue.size).toBe(2);
  });
});
