import { expect, test } from "vitest";
import { connect } from "./connect.ts";
import { ManualClock } from "./manual-clock.ts";
import { never, until } from "./until.ts";

const TICK_MS = 20;

/** A group of two, one of whose members is stuck under load, until it sheds most of what comes. */
async function overloaded(diffraction: boolean) {
  const clock = new ManualClock();
  const aether = await connect({ clock, physics: { diffraction } });
  const stuck = await aether
    .vibrator("beta")
    .resonateOn("work", () => never, { concurrency: 1, noiseFloor: "adaptive", handlerTimeoutMs: 2_000_000 });
  const peer = await aether.vibrator("beta").resonateOn("work", () => {});
  const emitter = aether.vibrator("emitter");
  for (let tick = 0; stuck.stats().shed < 0.9 && tick < 500; tick++) {
    for (let i = 0; i < 20; i++) {
      void emitter.emit("work", i, { amplitude: 0.2 + 0.03 * i });
    }
    await clock.advance(TICK_MS);
  }
  expect(stuck.stats().shed).toBeGreaterThanOrEqual(0.9);
  const before = { stuck: stuck.stats().received, peer: peer.stats().received };
  for (let i = 0; i < 200; i++) {
    void emitter.emit("work", i, { amplitude: 0.95 });
  }
  await until(() => stuck.stats().received + peer.stats().received === before.stuck + before.peer + 200);
  return { stuck: stuck.stats().received - before.stuck, peer: peer.stats().received - before.peer };
}

test("physics §9: a member that sheds most of its waves is passed over, and its peer takes them", async () => {
  expect(await overloaded(true)).toEqual({ stuck: 0, peer: 200 });
});

test("control: without diffraction it is given its share", async () => {
  const { stuck } = await overloaded(false);
  expect(stuck).toBeGreaterThan(50);
});
