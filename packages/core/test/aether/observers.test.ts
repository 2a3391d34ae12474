import type { EventName } from "@aether/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { connect } from "./connect.ts";
import { ManualClock, turns } from "./manual-clock.ts";
import { rejection, until } from "./until.ts";

/** Takes the place of everybody who listens to uncaught exceptions, until the test has ended. */
function catchUncaught(): unknown[] {
  const uncaught: unknown[] = [];
  const others = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  const note = (error: unknown): void => void uncaught.push(error);
  process.on("uncaughtException", note);
  onTestFinished(() => {
    process.off("uncaughtException", note);
    for (const other of others) {
      process.on("uncaughtException", other);
    }
  });
  return uncaught;
}

describe("observers of events", () => {
  test("are told of each wave's way, with id, channel and reason", async () => {
    const aether = await connect();
    const told: unknown[] = [];
    const beta = await aether.vibrator("beta").resonateOn(
      "a.*",
      (wave) => {
        if (wave.payload === "fails") {
          throw new Error("broken");
        }
      },
      { noiseFloor: 0.3 },
    );
    aether.on("emitted", ({ id, channel, outcome, heard }) => void told.push(["emitted", id, channel, outcome, heard]));
    aether.on(
      "delivered",
      ({ id, channel, vibrator, pattern }) => void told.push(["delivered", id, channel, vibrator, pattern]),
    );
    aether.on(
      "absorbed",
      ({ id, channel, vibrator, pattern, reason }) =>
        void told.push(["absorbed", id, channel, vibrator, pattern, reason]),
    );
    aether.on("failed", ({ id, channel, error }) => void told.push(["failed", id, channel, (error as Error).message]));
    const emitter = aether.vibrator("emitter");
    await emitter.emit("a.b", "fine", { id: "1" });
    await until(() => beta.stats().delivered === 1);
    await emitter.emit("a.b", "quiet", { id: "2", amplitude: 0.1 });
    await emitter.emit("a.b", "fails", { id: "3" });
    await until(() => beta.stats().failed === 1);
    await emitter.emit("a.b", "faint", { id: "4", amplitude: 0.001 });
    expect(told).toEqual([
      ["emitted", "1", "a.b", "travelled", 1],
      ["delivered", "1", "a.b", "beta", "a.*"],
      ["absorbed", "2", "a.b", "beta", "a.*", "floor"],
      ["emitted", "2", "a.b", "travelled", 0],
      ["emitted", "3", "a.b", "travelled", 1],
      ["delivered", "3", "a.b", "beta", "a.*"],
      ["failed", "3", "a.b", "broken"],
      ["emitted", "4", "a.b", "faded", undefined],
    ]);
  });

  test("are told of every emitted wave once, queries and commands included", async () => {
    const aether = await connect();
    await aether.vibrator("beta").resonateOn("a", () => 1);
    const ids: string[] = [];
    aether.on("emitted", ({ wave }) => void ids.push(wave.kind));
    const emitter = aether.vibrator("emitter");
    await emitter.emit("a");
    await emitter.emit("a", {}, { kind: "broadcast" });
    await emitter.emit("a", {}, { kind: "command" });
    await emitter.query("a");
    for await (const _ of emitter.gather("a")) {
      // One answer comes.
    }
    await rejection(emitter.emit("nobody", {}, { kind: "command" }));
    await rejection(emitter.query("nobody"));
    expect(ids.filter((kind) => kind === "event").length).toBe(1);
    expect(ids.filter((kind) => kind === "broadcast").length).toBe(1);
    expect(ids.filter((kind) => kind === "command").length).toBe(2);
    expect(ids.filter((kind) => kind === "query").length).toBe(3);
    expect(ids.length).toBe(aether.stats().emitted);
  });

  test("stop being told after their undo, each registration for itself", async () => {
    const aether = await connect();
    let told = 0;
    const listener = (): void => void told++;
    const [first, second] = [aether.on("emitted", listener), aether.on("emitted", listener)];
    const emitter = aether.vibrator("emitter");
    await emitter.emit("a");
    expect(told).toBe(2);
    first();
    first();
    await emitter.emit("a");
    expect(told).toBe(3);
    second();
    await emitter.emit("a");
    expect(told).toBe(3);
  });

  const names: EventName[] = [
    "emitted",
    "delivered",
    "absorbed",
    "failed",
    "reflected",
    "annihilated",
    "coalesced",
    "floor",
    "connected",
    "disconnected",
    "slow",
    "loop",
  ];
  test.each(names)("may listen to %s", async (name) => {
    const aether = await connect();
    const undo = aether.on(name, () => {});
    expect(undo).toBeInstanceOf(Function);
    undo();
  });

  test.each(["emit", "", "toString", "__proto__"])("are refused for %j, which is no event", async (name) => {
    const aether = await connect();
    expect(() => aether.on(name as EventName, () => {})).toThrow(
      expect.objectContaining({ code: "AETHER_BAD_OPTION" }),
    );
  });

  test("that throw harm nobody: each error is an uncaught exception of its own", async () => {
    const uncaught = catchUncaught();
    const aether = await connect();
    const told: string[] = [];
    for (const event of ["emitted", "delivered", "absorbed", "failed", "reflected"] as const) {
      aether.on(event, () => {
        throw new Error(event);
      });
      aether.on(event, () => void told.push(event));
    }
    const alpha = aether.vibrator("alpha");
    const back: string[] = [];
    alpha.onReflection(() => {
      throw new Error("own");
    });
    alpha.onReflection(({ of }) => void back.push(of));
    let handled = 0;
    const beta = await aether.vibrator("beta").resonateOn(
      "a",
      (wave) => {
        handled++;
        if (wave.kind === "command") {
          throw new Error("broken");
        }
      },
      { noiseFloor: 0.2 },
    );
    expect((await alpha.emit("a", 1)).heard).toBe(1);
    expect((await alpha.emit("a", 2, { amplitude: 0.1 })).heard).toBe(0);
    const { id } = await alpha.emit("a", 3, { kind: "command" });
    await until(() => beta.stats().failed === 1);
    await turns();
    const events = ["absorbed", "delivered", "delivered", "emitted", "emitted", "emitted", "failed", "reflected"];
    expect(told.sort()).toEqual(events);
    expect(uncaught.map((error) => (error as Error).message).sort()).toEqual([...events, "own"].sort());
    expect(back).toEqual([id]);
    expect(handled).toBe(2);
    expect(aether.stats()).toMatchObject({ emitted: 3, received: 3, delivered: 2, failed: 1, absorbed: { floor: 1 } });
  });
});

describe("onReflection", () => {
  test("stops after its undo", async () => {
    const aether = await connect();
    await aether.vibrator("beta").resonateOn("a", () => {
      throw new Error("broken");
    });
    const alpha = aether.vibrator("alpha");
    let back = 0;
    const undo = alpha.onReflection(() => void back++);
    await alpha.emit("a", {}, { kind: "command" });
    await until(() => back === 1);
    undo();
    await alpha.emit("a", {}, { kind: "command" });
    await until(() => aether.stats().failed === 2);
    await turns();
    expect(back).toBe(1);
  });

  test("and the reflected event tell the same", async () => {
    const aether = await connect({ clock: new ManualClock() });
    await aether.vibrator("beta").resonateOn("a", () => {
      throw new Error("broken");
    });
    const alpha = aether.vibrator("alpha");
    const told: unknown[] = [];
    alpha.onReflection(({ of, on, code, by, message }) => void told.push({ of, on, code, by, message }));
    aether.on(
      "reflected",
      ({ id, channel, code, by, message }) => void told.push({ of: id, on: channel, code, by, message }),
    );
    await alpha.emit("a", {}, { kind: "command" });
    await until(() => told.length === 2);
    expect(told[0]).toEqual(told[1]);
  });
});
