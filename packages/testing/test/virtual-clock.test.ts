import { VirtualClock } from "@aether/testing";
import { describe, expect, test } from "vitest";

test("both times start at a fixed moment and move together", async () => {
  const clock = new VirtualClock();
  expect(clock.now()).toBe(Date.UTC(2025, 0, 1));
  expect(clock.monotonic()).toBe(clock.now());
  await clock.advance(1234.5);
  expect(clock.now()).toBe(Date.UTC(2025, 0, 1) + 1234.5);
  expect(clock.monotonic()).toBe(clock.now());
  expect(new VirtualClock(0).now()).toBe(0);
});

test("nothing rings by itself, nor inside schedule", async () => {
  const clock = new VirtualClock(0);
  let rung = false;
  clock.schedule(() => {
    rung = true;
  }, 0);
  expect(rung).toBe(false);
  await clock.settle();
  expect(rung).toBe(false);
  await clock.advance(0);
  expect(rung).toBe(true);
});

describe("advance", () => {
  test("rings in the order of time, and of setting where times are equal", async () => {
    const clock = new VirtualClock(0);
    const rung: string[] = [];
    for (const [name, delayMs] of [
      ["c", 30],
      ["a", 10],
      ["late", 101],
      ["b1", 20],
      ["b2", 20],
      ["past", -5],
    ] as const) {
      clock.schedule(() => rung.push(`${name}@${clock.now()}`), delayMs);
    }
    await clock.advance(100);
    expect(rung).toEqual(["past@0", "a@10", "b1@20", "b2@20", "c@30"]);
    expect(clock.now()).toBe(100);
    expect(clock.pending).toBe(1);
    expect(clock.nextInMs).toBe(1);
  });

  test("rings alarms that alarms set, when they fall into the span", async () => {
    const clock = new VirtualClock(0);
    const rung: number[] = [];
    const again = (): void => {
      rung.push(clock.now());
      clock.schedule(again, 10);
    };
    clock.schedule(again, 10);
    await clock.advance(35);
    expect(rung).toEqual([10, 20, 30]);
    await clock.advance(5);
    expect(rung).toEqual([10, 20, 30, 40]);
  });

  test("lets those who waited go on before the next alarm, and set alarms of their own", async () => {
    const clock = new VirtualClock(0);
    const log: string[] = [];
    const sleep = (ms: number): Promise<void> => new Promise((resolve) => void clock.schedule(resolve, ms));
    const worker = async (name: string, ms: number): Promise<void> => {
      for (let i = 0; i < 3; i++) {
        await sleep(ms);
        await new Promise((resolve) => setImmediate(resolve));
        log.push(`${name}${clock.now()}`);
      }
    };
    const all = Promise.all([worker("a", 10), worker("b", 15)]);
    await clock.advance(45);
    expect(log).toEqual(["a10", "b15", "a20", "b30", "a30", "b45"]);
    await all;
  });

  test("waits its turn", async () => {
    const clock = new VirtualClock(0);
    const rung: number[] = [];
    clock.schedule(() => rung.push(clock.now()), 15);
    await Promise.all([clock.advance(10), clock.advance(10)]);
    expect(rung).toEqual([15]);
    expect(clock.now()).toBe(20);
  });

  test("may be called by what an alarm woke", async () => {
    const clock = new VirtualClock(0);
    let inner: Promise<void> | undefined;
    clock.schedule(() => {
      inner = clock.advance(5);
    }, 1);
    await clock.advance(10);
    await inner;
    expect(clock.now()).toBe(15);
  });

  test("rejects with what an alarm throws, and can go on", async () => {
    const clock = new VirtualClock(0);
    let rung = false;
    clock.schedule(() => {
      throw new Error("broken alarm");
    }, 1);
    clock.schedule(() => {
      rung = true;
    }, 2);
    await expect(clock.advance(10)).rejects.toThrow("broken alarm");
    expect(clock.now()).toBe(1);
    await clock.advance(10);
    expect(rung).toBe(true);
  });

  test("gives up on alarms that let no time pass", async () => {
    const clock = new VirtualClock(0);
    const again = (): void => void clock.schedule(again, 0);
    again();
    await expect(clock.advance(1)).rejects.toMatchObject({ code: "AETHER_TIMEOUT" });
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])("refuses %d", async (ms) => {
    await expect(new VirtualClock().advance(ms)).rejects.toMatchObject({ code: "AETHER_BAD_OPTION" });
  });

  test("takes no real time", async () => {
    const clock = new VirtualClock();
    const startedAt = performance.now();
    await clock.advance(365 * 24 * 3_600_000);
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });
});

describe("cancel", () => {
  test("takes an alarm out, once", async () => {
    const clock = new VirtualClock(0);
    let rung = 0;
    const alarm = clock.schedule(() => rung++, 10);
    clock.schedule(() => rung++, 10);
    expect(clock.pending).toBe(2);
    alarm.cancel();
    alarm.cancel();
    expect(clock.pending).toBe(1);
    await clock.advance(10);
    alarm.cancel();
    expect(rung).toBe(1);
    expect(clock.pending).toBe(0);
  });

  test("works from an alarm of the same moment", async () => {
    const clock = new VirtualClock(0);
    let rung = false;
    clock.schedule(() => second.cancel(), 10);
    const second = clock.schedule(() => {
      rung = true;
    }, 10);
    await clock.advance(10);
    expect(rung).toBe(false);
  });
});

test("advanceToNext moves to the next alarm, if there is one", async () => {
  const clock = new VirtualClock(0);
  clock.schedule(() => undefined, 40);
  clock.schedule(() => undefined, Number.POSITIVE_INFINITY);
  expect(await clock.advanceToNext()).toBe(true);
  expect(clock.now()).toBe(40);
  expect(await clock.advanceToNext()).toBe(false);
  expect(clock.nextInMs).toBeUndefined();
});
