import { describe, expect, test } from "vitest";
import { KeyedQueue } from "../../src/inbox/keyed-queue.ts";
import type { AmplitudeQueueOptions } from "../../src/inbox/queue-bounds.ts";
import { Aether } from "../../src/index.ts";
import { band } from "../../src/physics/amplitude.ts";
import { cpuMs } from "../cpu-ms.ts";
import { fc } from "../seeded.ts";

interface Item {
  readonly n: number;
  readonly key: string | undefined;
  readonly amplitude: number;
  readonly bytes: number;
}

let made = 0;

function item(key: string | undefined, amplitude = 0.5, bytes = 1): Item {
  return { n: made++, key, amplitude, bytes };
}

type Step =
  | { readonly do: "push"; readonly key: string | undefined; readonly a: number; readonly bytes: number }
  | { readonly do: "pop" | "release" | "putBack"; readonly which: number };

const keys = fc.constantFrom("a", "b", "c", "__proto__", undefined);
const amplitudes = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0.1, 0.5, 0.9));
const which = fc.nat(20);

function history(withPutBack: boolean): fc.Arbitrary<Step[]> {
  const bytes = fc.integer({ min: 0, max: 30 });
  return fc.array(
    fc.oneof(
      { arbitrary: fc.record({ do: fc.constant("push" as const), key: keys, a: amplitudes, bytes }), weight: 6 },
      { arbitrary: fc.record({ do: fc.constant("pop" as const), which }), weight: 4 },
      { arbitrary: fc.record({ do: fc.constant("release" as const), which }), weight: 3 },
      { arbitrary: fc.record({ do: fc.constant("putBack" as const), which }), weight: withPutBack ? 2 : 0 },
    ),
    { maxLength: 120, size: "max" },
  );
}

interface Look {
  readonly pushed?: Item;
  /** Refused or evicted by this step. */
  readonly gone: readonly Item[];
  /** What is inside, oldest first. */
  readonly inside: readonly Item[];
  readonly queue: KeyedQueue<Item>;
}

/** Runs `steps`, checks what must hold at any time, empties the queue, and checks that nothing is left of it. */
function run(options: AmplitudeQueueOptions, steps: readonly Step[], look: (seen: Look) => void = () => {}): void {
  const queue = new KeyedQueue<Item>(options);
  /** Oldest first. */
  let inside: Item[] = [];
  const out: Item[] = [];
  const remove = (gone: readonly Item[]): void => {
    inside = inside.filter((one) => !gone.includes(one));
  };
  const pop = (): Item | undefined => {
    const popped = queue.pop();
    if (popped === undefined) {
      // What is left waits for somebody of its key.
      expect(inside.every(({ key }) => key !== undefined && out.some((one) => one.key === key))).toBe(true);
      return undefined;
    }
    expect(inside).toContain(popped);
    if (popped.key !== undefined) {
      expect(out.map(({ key }) => key)).not.toContain(popped.key);
      expect(popped).toBe(inside.find(({ key }) => key === popped.key));
      out.push(popped);
    }
    remove([popped]);
    return popped;
  };
  const check = (seen: Omit<Look, "inside" | "queue">): void => {
    expect(queue.size).toBe(inside.length);
    expect(queue.bytes).toBe(inside.reduce((sum, one) => sum + one.bytes, 0));
    expect(queue.size).toBeLessThanOrEqual(options.cap);
    expect(queue.bytes).toBeLessThanOrEqual(options.capBytes ?? Number.POSITIVE_INFINITY);
    look({ ...seen, inside, queue });
  };
  for (const step of steps) {
    if (step.do === "push") {
      const pushed = item(step.key, step.a, step.bytes);
      inside.push(pushed);
      const gone = queue.push(pushed, pushed.amplitude, pushed.bytes);
      expect(inside).toEqual(expect.arrayContaining([...gone]));
      remove(gone);
      check({ pushed, gone });
      continue;
    }
    const at = step.which % Math.max(1, out.length);
    if (step.do === "pop") {
      const popped = pop();
      check({ gone: popped === undefined ? [] : [popped] });
    } else if (out.length === 0) {
      // Nothing is out.
    } else if (step.do === "release") {
      const [done] = out.splice(at, 1);
      queue.release(done?.key);
      check({ gone: [] });
    } else {
      const [back] = out.splice(at, 1);
      if (back !== undefined) {
        // It is older than what waits behind it.
        const first = inside.findIndex(({ key }) => key === back.key);
        inside.splice(first < 0 ? inside.length : first, 0, back);
        const gone = queue.putBack(back);
        remove(gone);
        check({ gone });
      }
    }
  }
  for (let rounds = 0; inside.length > 0 && rounds <= steps.length; rounds++) {
    for (const { key } of out.splice(0)) {
      queue.release(key);
    }
    while (pop() !== undefined) {
      // Until it gives nothing more.
    }
  }
  expect(inside).toEqual([]);
  expect([queue.size, queue.bytes, queue.pop()]).toEqual([0, 0, undefined]);
  for (const { key } of out.splice(0)) {
    queue.release(key);
  }
  // No key is held any more: the first item of each comes out at once.
  for (const key of ["a", "b", "c", "__proto__"]) {
    const fresh = item(key, 0.5, 0);
    expect(queue.push(fresh, 0.5, 0)).toEqual([]);
    expect(queue.pop()).toBe(fresh);
    queue.release(key);
  }
}

const cap = fc.integer({ min: 1, max: 10 });
const capBytes = fc.integer({ min: 1, max: 80 });

describe("KeyedQueue", () => {
  test("gives out one item of a key at a time, in the order of arrival, and leaves no key behind", () => {
    fc.assert(
      fc.property(history(false), (steps) => {
        run({ cap: 1000 }, steps, ({ pushed, gone }) => {
          if (pushed !== undefined) {
            expect(gone).toEqual([]);
          }
        });
      }),
      { numRuns: 200 },
    );
  });

  test("keeps its bounds, those who wait included, and one item of a key at a time when it is full", () => {
    fc.assert(
      fc.property(cap, capBytes, history(false), (most, bytes, steps) => {
        run({ cap: most, capBytes: bytes }, steps);
      }),
      { numRuns: 150 },
    );
  });

  test("keeps its bounds and its keys when items are put back", () => {
    fc.assert(
      fc.property(cap, capBytes, history(true), (most, bytes, steps) => {
        run({ cap: most, capBytes: bytes }, steps);
      }),
      { numRuns: 150 },
    );
  });

  test("physics §1 law 2: what was evicted is of no higher band than anything that stayed", () => {
    let evictions = 0;
    fc.assert(
      fc.property(cap, history(false), (most, steps) => {
        run({ cap: most }, steps, ({ pushed, gone, inside }) => {
          if (pushed !== undefined) {
            evictions += gone.length;
            const lowest = Math.min(...inside.map((one) => band(one.amplitude)));
            expect(gone.length).toBeLessThanOrEqual(1);
            expect(gone.every((one) => band(one.amplitude) <= lowest)).toBe(true);
          }
        });
      }),
      { numRuns: 200 },
    );
    expect(evictions).toBeGreaterThan(500);
  });

  test("physics §1: of the lowest band the oldest is evicted, waiting or not", () => {
    const queue = new KeyedQueue<Item>({ cap: 2 });
    const [first, second, third] = [item("a"), item("a"), item("b")];
    queue.push(first, 0.5, 1);
    queue.push(second, 0.5, 1);
    expect(queue.push(third, 0.5, 1)).toEqual([first]);
  });

  test("drops nothing in vain for an item that cannot fit anyway", () => {
    fc.assert(
      fc.property(cap, capBytes, history(false), (most, bytes, steps) => {
        run({ cap: most, capBytes: bytes }, steps, ({ pushed, gone }) => {
          if (pushed !== undefined && gone.includes(pushed)) {
            expect(gone).toEqual([pushed]);
          }
        });
      }),
      { numRuns: 200 },
    );
  });

  test("an item that is out does not hold up other keys, nor items without one", () => {
    const queue = new KeyedQueue<Item>({ cap: 10 });
    const [a1, a2, b1, free1, free2] = [item("a"), item("a"), item("b"), item(undefined), item(undefined)];
    for (const one of [a1, a2, b1, free1, free2]) {
      queue.push(one, one.amplitude, one.bytes);
    }
    expect([queue.pop(), queue.pop(), queue.pop(), queue.pop(), queue.pop()]).toEqual([
      a1,
      b1,
      free1,
      free2,
      undefined,
    ]);
    expect(queue.size).toBe(1);
    queue.release("b");
    queue.release(undefined);
    expect(queue.pop()).toBeUndefined();
    queue.release("a");
    expect(queue.pop()).toBe(a2);
  });

  test("a loud item does not overtake a quiet one of its key", () => {
    const queue = new KeyedQueue<Item>({ cap: 10 });
    const [quiet, loud, other] = [item("a", 0.05), item("a", 1), item("b", 0.5)];
    for (const one of [quiet, loud, other]) {
      queue.push(one, one.amplitude, one.bytes);
    }
    expect([queue.pop(), queue.pop(), queue.pop()]).toEqual([other, quiet, undefined]);
    queue.release("a");
    expect(queue.pop()).toBe(loud);
  });

  test("a key is held by whatever stands before: releasing one that nobody holds changes nothing", () => {
    const queue = new KeyedQueue<Item>({ cap: 10 });
    queue.release("a");
    queue.release(undefined);
    const [first, second] = [item("a"), item("a")];
    queue.push(first, 0.5, 1);
    queue.push(second, 0.5, 1);
    expect([queue.pop(), queue.pop()]).toEqual([first, undefined]);
  });

  test("an item that is put back goes before those of its key that wait", () => {
    const queue = new KeyedQueue<Item>({ cap: 10 });
    const [first, second] = [item("a"), item("a", 1)];
    queue.push(first, 0.5, 1);
    queue.push(second, 1, 1);
    expect(queue.pop()).toBe(first);
    expect(queue.putBack(first)).toEqual([]);
    expect([queue.pop(), queue.pop()]).toEqual([first, undefined]);
    const free = item(undefined);
    expect(queue.putBack(free)).toEqual([]);
    expect(queue.pop()).toBe(free);
  });

  test("when the one that was let in is evicted, the next of its key comes", () => {
    const queue = new KeyedQueue<Item>({ cap: 2 });
    const [quiet, loud, louder] = [item("a", 0.1), item("a", 0.8), item("b", 0.9)];
    queue.push(quiet, 0.1, 1);
    queue.push(loud, 0.8, 1);
    expect(queue.push(louder, 0.9, 1)).toEqual([quiet]);
    expect(new Set([queue.pop(), queue.pop()])).toEqual(new Set([loud, louder]));
  });

  test('with order "fifo" the oldest gives way, however loud it is', () => {
    const queue = new KeyedQueue<Item>({ cap: 2, order: "fifo" });
    const [first, second, third] = [item("a", 0.9), item("a", 0.9), item("b", 0.1)];
    queue.push(first, 0.9, 1);
    queue.push(second, 0.9, 1);
    expect(queue.push(third, 0.1, 1)).toEqual([first]);
    const waiting = new KeyedQueue<Item>({ cap: 1, order: "fifo" });
    waiting.push(first, 0.9, 1);
    expect(waiting.pop()).toBe(first);
    waiting.push(second, 0.9, 1);
    expect(waiting.push(third, 0.1, 1)).toEqual([second]);
  });

  test("gives everything back at once, those that wait included, louder bands first; who is out stays out", () => {
    const queue = new KeyedQueue<Item>({ cap: 10 });
    const [out, first, second, other] = [item("a"), item("a", 0.9), item("a", 0.1), item("b", 0.5)];
    for (const one of [out, first, second, other]) {
      queue.push(one, one.amplitude, one.bytes);
    }
    expect(queue.pop()).toBe(out);
    expect(queue.takeAll()).toEqual([first, other, second]);
    expect([queue.size, queue.bytes, queue.pop()]).toEqual([0, 0, undefined]);
    const next = item("a");
    queue.push(next, 0.5, 1);
    expect(queue.pop()).toBeUndefined();
    queue.release("a");
    expect(queue.pop()).toBe(next);
  });

  test("says when it is full", () => {
    const queue = new KeyedQueue<Item>({ cap: 2, capBytes: 10 });
    expect(queue.full).toBe(false);
    queue.push(item("a"), 0.5, 1);
    queue.push(item("a"), 0.5, 1);
    expect(queue.full).toBe(true);
    queue.pop();
    expect(queue.full).toBe(false);
    queue.push(item("b", 0.5, 9), 0.5, 9);
    expect(queue.full).toBe(true);
  });

  test("keeps no memory of 100,000 keys that were here", () => {
    const queue = new KeyedQueue<Item>({ cap: 1000 });
    const pass = (from: number): void => {
      for (let i = 0; i < 50_000; i++) {
        const one = item(`${"k".repeat(40)}-${from + i}`);
        queue.push(one, 0.5, 1);
        queue.release(queue.pop()?.key);
      }
    };
    const heap = (): number => {
      globalThis.gc?.();
      return process.memoryUsage().heapUsed;
    };
    pass(0);
    const before = heap();
    pass(50_000);
    expect(heap() - before).toBeLessThan(1_000_000);
    expect(queue.size).toBe(0);
  });

  test("50,000 items of one key come out in time that grows with their number, not with its square", () => {
    const time = (count: number): number => {
      const queue = new KeyedQueue<Item>({ cap: count });
      for (let i = 0; i < count; i++) {
        queue.push(item("a"), 0.5, 1);
      }
      const from = cpuMs();
      for (let i = 0; i < count; i++) {
        queue.release(queue.pop()?.key);
      }
      expect(queue.size).toBe(0);
      return cpuMs() - from;
    };
    // The best of three, for others may be at work on this machine.
    const best = (count: number): number => Math.min(time(count), time(count), time(count));
    time(5000);
    expect(best(50_000)).toBeLessThan(6 * 10 * best(5000) + 20);
  });

  test.each([{ cap: 0 }, { cap: 1, capBytes: 0 }, { cap: 1, bands: 99 }])("refuses %o", (options) => {
    expect(() => new KeyedQueue<Item>(options)).toThrow(expect.objectContaining({ code: "AETHER_BAD_OPTION" }));
  });
});

describe("an inbox of order key, in an aether", () => {
  test("of one key one wave is handled at a time, also while others are evicted", async () => {
    await using aether = await Aether.connect();
    const beta = aether.vibrator("beta");
    let running = 0;
    let most = 0;
    let handled = 0;
    await beta.resonateOn(
      "orders.*",
      async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 1));
        running--;
        handled++;
      },
      { order: "key", concurrency: 8, inbox: { capacity: 4 } },
    );
    const alpha = aether.vibrator("alpha");
    for (let i = 0; i < 40; i++) {
      void alpha.emit("orders.created", i, { key: "order-1", amplitude: i % 2 === 0 ? 0.5 : 0.9 });
      if (i % 10 === 9) {
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    }
    await expect.poll(() => aether.stats().queued + running).toBe(0);
    expect(handled).toBeGreaterThan(3);
    expect(aether.stats().absorbed.evicted).toBeGreaterThan(3);
    expect(most).toBe(1);
  });
});
