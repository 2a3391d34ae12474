import { beforeEach, describe, expect, test } from "vitest";
import { inProcess } from "../../src/medium/in-process.ts";
import type { Link, Medium } from "../../src/medium/medium.ts";
import { type SampleChanges, sampleWave } from "../sample-wave.ts";
import { listening, type SimpleListener, Told } from "./simple-listener.ts";

let medium: Medium;
let link: Link;

beforeEach(async () => {
  medium = inProcess();
  link = await medium.open(new Told());
});

function members(count: number, pattern = "orders.*"): Promise<SimpleListener[]> {
  return Promise.all(Array.from({ length: count }, () => listening(link, pattern, { group: "beta", name: "work" })));
}

/** How many waves each of `ears` has heard. */
function shares(ears: readonly SimpleListener[]): number[] {
  return ears.map((ear) => ear.heard.length);
}

describe("a group", () => {
  test("hears each wave once, and its members share the work", async () => {
    const ears = await members(3);
    const outlet = link.outlet("orders.created");
    for (let i = 0; i < 30; i++) {
      expect(outlet.propagate(sampleWave({ payload: i }))).toBe(1);
    }
    expect(shares(ears)).toEqual([10, 10, 10]);
    expect(new Set(ears.flatMap((ear) => ear.heard)).size).toBe(30);
  });

  test("shares the work of many channels too, of which each carries one wave", async () => {
    const ears = await members(2);
    for (let i = 0; i < 100; i++) {
      link.outlet(`orders.o${i}`).propagate(sampleWave({ channel: `orders.o${i}`, payload: i }));
    }
    expect(Math.min(...shares(ears))).toBeGreaterThan(25);
  });

  test("shares the work of many emitters too, of which each emits one wave", async () => {
    const ears = await members(2);
    for (let i = 0; i < 100; i++) {
      const emitter = await medium.open(new Told());
      emitter.outlet("orders.created").propagate(sampleWave({ payload: i }));
    }
    expect(Math.min(...shares(ears))).toBeGreaterThan(25);
  });

  test("shares the work also while others come and go", async () => {
    const ears = await members(2);
    const outlet = link.outlet("orders.created");
    for (let i = 0; i < 100; i++) {
      const passing = await listening(link, "payments.*");
      outlet.propagate(sampleWave({ payload: i }));
      await passing.tuning.close();
    }
    expect(Math.min(...shares(ears))).toBeGreaterThan(25);
  });

  test("gives its work to members that have room", async () => {
    const ears = await members(3);
    const [first] = ears;
    if (first !== undefined) {
      first.full = true;
    }
    const outlet = link.outlet("orders.created");
    for (let i = 0; i < 20; i++) {
      outlet.propagate(sampleWave({ payload: i }));
    }
    expect(shares(ears)[0]).toBe(0);
    expect(shares(ears)[1]).toBeGreaterThan(0);
    expect(shares(ears)[2]).toBeGreaterThan(0);
  });

  test("gives each member its turn when none has room", async () => {
    const ears = await members(3);
    for (const ear of ears) {
      ear.full = true;
    }
    const outlet = link.outlet("orders.created");
    for (let i = 0; i < 30; i++) {
      outlet.propagate(sampleWave({ payload: i }));
    }
    expect(shares(ears)).toEqual([10, 10, 10]);
  });

  test("gives a wave to a member that hears it, be it crowded or not", async () => {
    const options = { group: "beta", name: "work" };
    const deaf = await listening(link, "orders.*", { ...options, hears: () => false });
    const hearing = await listening(link, "orders.*", { ...options, hears: () => true });
    const outlet = link.outlet("orders.created");
    for (let i = 0; i < 10; i++) {
      hearing.full = i >= 5;
      outlet.propagate(sampleWave({ payload: i }));
    }
    expect(shares([deaf, hearing])).toEqual([0, 10]);
  });

  test("gives a wave that is emitted again under its id to the same member, which can know it again", async () => {
    const ears = await members(3);
    const outlet = link.outlet("orders.created");
    for (let i = 0; i < 60; i++) {
      outlet.propagate(sampleWave({ id: `order-${i % 20}`, payload: i % 20, extras: { named: true } }));
    }
    const each = ears.map((ear) => new Set(ear.heard));
    expect(each.reduce((sum, heard) => sum + heard.size, 0)).toBe(20);
    expect(each.every((heard) => heard.size > 0)).toBe(true);
  });

  test("hears a broadcast with every member, and counts as one", async () => {
    const ears = await members(3);
    const broadcast: SampleChanges = { kind: "broadcast" };
    expect(link.outlet("orders.created").propagate(sampleWave({ ...broadcast, payload: 1 }))).toBe(1);
    expect(ears.map((ear) => ear.heard)).toEqual([[1], [1], [1]]);
  });

  test("that is told a broadcast is reached when one member takes it, and crowded when one is", async () => {
    const ears = await members(2);
    const outlet = link.outlet("orders.created");
    const [one, other] = ears;
    if (one !== undefined && other !== undefined) {
      one.uptake = "refused";
      expect(outlet.propagate(sampleWave({ kind: "broadcast" }))).toBe(1);
      other.uptake = "crowded";
      expect(outlet.propagate(sampleWave({ kind: "broadcast" }))).toBeInstanceOf(Promise);
      other.uptake = "refused";
      expect(outlet.propagate(sampleWave({ kind: "broadcast" }))).toBe(0);
    }
  });

  test("is told apart by its name and by the names inside it", async () => {
    const ears = [
      await listening(link, "orders.*", { group: "beta", name: "a" }),
      await listening(link, "orders.*", { group: "beta", name: "b" }),
      await listening(link, "orders.*", { group: "gamma", name: "a" }),
      await listening(link, "orders.*", { group: false, name: "a" }),
      await listening(link, "orders.*", { group: false, name: "a" }),
    ];
    expect(link.outlet("orders.created").propagate(sampleWave({ payload: 1 }))).toBe(5);
    await new Promise((resolve) => setImmediate(resolve));
    expect(shares(ears)).toEqual([1, 1, 1, 1, 1]);
  });

  test("is one across patterns: a wave that two members hear by different patterns is heard once", async () => {
    const ears = [
      await listening(link, "orders.*", { group: "beta", name: "work" }),
      await listening(link, "orders.created", { group: "beta", name: "work" }),
    ];
    const outlet = link.outlet("orders.created");
    outlet.propagate(sampleWave({ payload: 1 }));
    outlet.propagate(sampleWave({ payload: 2 }));
    expect(ears.flatMap((ear) => ear.heard).sort()).toEqual([1, 2]);
  });

  test("goes on with the members that are left", async () => {
    const ears = [
      await listening(link, "orders.*", { group: "beta", name: "work" }),
      await listening(link, "orders.*", { group: "beta", name: "work" }),
    ];
    const outlet = link.outlet("orders.created");
    await ears[0]?.tuning.close();
    for (let i = 0; i < 5; i++) {
      expect(outlet.propagate(sampleWave({ payload: i }))).toBe(1);
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(shares(ears)).toEqual([0, 5]);
  });
});
