import { describe, expect, test } from "vitest";
import { MemoryDeadLetters } from "../../src/aether/failures/memory-dead-letters.ts";
import { AmplitudeQueue } from "../../src/inbox/amplitude-queue.ts";
import type { DeadLetter } from "../../src/medium/dead-letter-store.ts";
import { sampleWave } from "../sample-wave.ts";
import { fc } from "../seeded.ts";

function letter(id: string, amplitude = 0.5, changes: Partial<DeadLetter> & { bytes?: number; channel?: string } = {}) {
  const { bytes = 512, channel = "orders.created", ...rest } = changes;
  return {
    id,
    wave: sampleWave({ amplitude, bytes, channel }),
    error: { code: "AETHER_HANDLER_FAILED", message: "broken", stack: undefined },
    attempts: 1,
    group: "beta",
    name: "orders.*",
    instance: "beta-1",
    origin: { source: "alpha", sourceId: "alpha-1" },
    at: 1000,
    ...rest,
  } satisfies DeadLetter;
}

async function idsOf(store: MemoryDeadLetters, query = {}): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of store.list(query)) {
    ids.push(id);
  }
  return ids;
}

describe("dead letters in memory", () => {
  test("give way as waves of an inbox do: the quietest, oldest first", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 10 }),
        fc.array(fc.record({ amplitude: fc.double({ min: 0, max: 1, noNaN: true }), bytes: fc.nat(4) }), {
          maxLength: 40,
        }),
        async (capacity, mostBytes, pushes) => {
          const store = new MemoryDeadLetters(capacity, mostBytes);
          const queue = new AmplitudeQueue<string>({ cap: capacity, capBytes: mostBytes });
          let evicted = 0;
          for (const [i, { amplitude, bytes }] of pushes.entries()) {
            store.add(letter(`${i}`, amplitude, { bytes }));
            evicted += queue.push(`${i}`, amplitude, bytes).length;
            expect(store.size).toBe(queue.size);
            expect(store.evicted).toBe(evicted);
          }
          const numbers = (await idsOf(store)).map(Number);
          expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
          expect(numbers).toEqual(
            queue
              .takeAll()
              .map(Number)
              .sort((a, b) => a - b),
          );
        },
      ),
    );
  });

  test("are listed by pattern and limit, oldest first, as they were when that began", async () => {
    const store = new MemoryDeadLetters(10);
    store.add(letter("1", 0.9, { channel: "orders.created" }));
    store.add(letter("2", 0.1, { channel: "payments.made" }));
    store.add(letter("3", 0.5, { channel: "orders.paid" }));
    expect(await idsOf(store)).toEqual(["1", "2", "3"]);
    expect(await idsOf(store, { pattern: "orders.*" })).toEqual(["1", "3"]);
    expect(await idsOf(store, { pattern: "orders.*", limit: 1 })).toEqual(["1"]);
    const seen: string[] = [];
    for await (const { id } of store.list({})) {
      seen.push(id);
      await store.take("2");
    }
    expect(seen).toEqual(["1", "2", "3"]);
    expect(await idsOf(store)).toEqual(["1", "3"]);
  });

  test("are taken by id, once, and go back into their place", async () => {
    const store = new MemoryDeadLetters(10);
    for (const id of ["1", "2", "3"]) {
      store.add(letter(id));
    }
    const taken = await store.take("1");
    expect(taken?.id).toBe("1");
    expect([await store.take("1"), await store.take("4")]).toEqual([undefined, undefined]);
    expect([store.size, store.evicted]).toEqual([2, 0]);
    store.putBack(taken ?? letter("none"));
    expect(await idsOf(store)).toEqual(["1", "2", "3"]);
  });

  test("that come back to a full store find the quietest, oldest give way, be it themselves", async () => {
    const store = new MemoryDeadLetters(2);
    const [old, loud] = [letter("old", 0.1), letter("loud", 0.9)];
    store.add(old);
    store.add(loud);
    await store.take("old");
    await store.take("loud");
    store.add(letter("3", 0.1));
    store.add(letter("4", 0.1));
    store.putBack(loud);
    expect(await idsOf(store)).toEqual(["loud", "4"]);
    store.putBack(old);
    expect(await idsOf(store)).toEqual(["loud", "4"]);
    expect(store.evicted).toBe(2);
  });

  test("are purged where all that is given holds", async () => {
    const store = new MemoryDeadLetters(10);
    store.add(letter("1", 0.5, { at: 10, channel: "a" }));
    store.add(letter("2", 0.5, { at: 20, channel: "a" }));
    store.add(letter("3", 0.5, { at: 10, channel: "b" }));
    expect(await store.purge({ pattern: "a", before: 20 })).toBe(1);
    expect(await idsOf(store)).toEqual(["2", "3"]);
    expect(await store.purge({ id: "3", pattern: "a" })).toBe(0);
    expect(await store.purge({ id: "3" })).toBe(1);
    expect(await store.purge({})).toBe(1);
    expect(store.size).toBe(0);
  });
});
