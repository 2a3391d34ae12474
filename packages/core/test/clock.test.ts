import { describe, expect, test } from "vitest";
import { afterTurn, type Clock, systemClock, timekeeper, turn } from "../src/clock.ts";

describe("systemClock", () => {
  test("its monotonic time never goes back", () => {
    let last = systemClock.monotonic();
    for (let i = 0; i < 100_000; i++) {
      const now = systemClock.monotonic();
      expect(now >= last).toBe(true);
      last = now;
    }
  });

  test("its monotonic time advances like the wall clock, in milliseconds", async () => {
    const [wall, monotonic] = [systemClock.now(), systemClock.monotonic()];
    await new Promise((resolve) => setTimeout(resolve, 30));
    const passed = systemClock.monotonic() - monotonic;
    expect(passed).toBeGreaterThanOrEqual(28);
    expect(Math.abs(systemClock.now() - wall - passed)).toBeLessThan(20);
  });

  test("its wall time is that of the platform", () => {
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(100);
  });

  test("an alarm rings once, not before its time", async () => {
    const from = performance.now();
    let rings = 0;
    await new Promise<void>((resolve) => {
      systemClock.schedule(() => {
        rings++;
        resolve();
      }, 20);
    });
    expect(performance.now() - from).toBeGreaterThanOrEqual(19);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(rings).toBe(1);
  });

  test("a cancelled alarm does not ring", async () => {
    let rang = false;
    systemClock
      .schedule(() => {
        rang = true;
      }, 5)
      .cancel();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(rang).toBe(false);
  });

  test("an alarm in a year does not ring at once, though the platform's timers are shorter", async () => {
    let rang = false;
    const alarm = systemClock.schedule(() => {
      rang = true;
    }, 365 * 86_400_000);
    await new Promise((resolve) => setTimeout(resolve, 10));
    alarm.cancel();
    expect(rang).toBe(false);
  });

  test("an alarm can be told not to keep the process alive, and to keep it again", () => {
    const alarm = systemClock.schedule(() => {}, 60_000);
    const timeouts = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    const held = timeouts();
    alarm.hold?.(false);
    expect(timeouts()).toBe(held - 1);
    alarm.hold?.(true);
    expect(timeouts()).toBe(held);
    alarm.cancel();
  });
});

describe("timekeeper", () => {
  test("fills in the platform's timers for a clock that brings none", async () => {
    const keeper = timekeeper({ now: () => 1, monotonic: () => 2 });
    expect([keeper.now(), keeper.monotonic()]).toEqual([1, 2]);
    await new Promise<void>((resolve) => {
      keeper.schedule(resolve, 1);
    });
  });

  test("leaves the clock's own timers in charge, and calls them on the clock", () => {
    class Ticking implements Clock {
      #now = 10;
      readonly asked: number[] = [];
      now(): number {
        return this.#now;
      }
      monotonic(): number {
        return this.#now++;
      }
      schedule(task: () => void, delayMs: number) {
        this.asked.push(delayMs);
        task();
        return { cancel: () => {} };
      }
    }
    const clock = new Ticking();
    const { now, monotonic, schedule } = timekeeper(clock);
    let rang = false;
    schedule(() => {
      rang = true;
    }, 99);
    expect(rang).toBe(true);
    expect(clock.asked).toEqual([99]);
    expect([monotonic(), monotonic(), now()]).toEqual([10, 11, 12]);
  });
});

describe("turn", () => {
  test("comes after all microtasks, input, and timers that are due", async () => {
    const order: string[] = [];
    const turned = turn().then(() => order.push("turn"));
    setImmediate(() => order.push("immediate"));
    void Promise.resolve()
      .then(() => {})
      .then(() => order.push("microtask"));
    await turned;
    expect(order[0]).toBe("microtask");
    expect(order).toContain("turn");
  });

  test("everybody who asks within one turn shares the promise, and the next turn has another", async () => {
    const first = turn();
    expect(turn()).toBe(first);
    await first;
    expect(turn()).not.toBe(first);
  });

  test("lets a loop that awaits it leave room for timers", async () => {
    let rang = false;
    setTimeout(() => {
      rang = true;
    }, 1);
    const deadline = performance.now() + 2000;
    while (!rang && performance.now() < deadline) {
      await turn();
    }
    expect(rang).toBe(true);
  });

  test("afterTurn calls its task once, later", async () => {
    let calls = 0;
    afterTurn(() => calls++);
    expect(calls).toBe(0);
    await turn();
    await turn();
    expect(calls).toBe(1);
  });
});
