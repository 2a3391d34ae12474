import type { Link, Medium, MediumEvents, Recording, Wave } from "@aether/core";
import { describe, expect, test } from "vitest";
import { connect } from "../../packages/core/test/aether/connect.ts";
import { ManualClock, turns } from "../../packages/core/test/aether/manual-clock.ts";
import { never, rejection } from "../../packages/core/test/aether/until.ts";
import { passedRecorder } from "../../packages/testing/test/broken/passed-recorder.ts";
import { remembering } from "../../packages/testing/test/lawful/remembering.ts";
import { world } from "./world.ts";

/** A medium that never says whether it has kept a wave. */
function silent(clock: ManualClock, asked: { readonly wave: Wave; readonly deadline: number }[]): Medium {
  const medium = remembering(clock);
  const open = async (events: MediumEvents): Promise<Link> => {
    const link = await medium.open(events);
    const { recorder } = link;
    const record = (wave: Wave, deadline: number): Promise<never> => {
      asked.push({ wave, deadline });
      return never;
    };
    return {
      ...link,
      recorder: recorder && {
        ...passedRecorder(recorder),
        record,
      },
    };
  };
  return { ...medium, open };
}

/** Whether `promise` has settled after some turns of the event loop. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let isOver = false;
  void promise.then(() => {
    isOver = true;
  });
  await turns();
  return isOver;
}

describe("emitting on a recorded channel", () => {
  test("is uncertain when the record says nothing in 30 seconds", async () => {
    const clock = new ManualClock();
    const asked: { readonly wave: Wave; readonly deadline: number }[] = [];
    const aether = await connect({ medium: silent(clock, asked), clock, recorded: ["orders.>"] });
    const failed = rejection(aether.vibrator("alpha").emit("orders.created", 1));
    const now = clock.monotonic();
    await clock.advance(30_000);
    const [first] = asked;
    expect(await failed).toMatchObject({
      code: "AETHER_UNCERTAIN",
      retryable: true,
      details: { id: first?.wave.id, channel: "orders.created" },
    });
    expect(first?.deadline).toBe(now + 30_000);
    const sooner = rejection(aether.vibrator("alpha").emit("orders.created", 1, { timeoutMs: 10 }));
    await clock.advance(10);
    expect(await sooner).toMatchObject({ code: "AETHER_UNCERTAIN" });
  });

  test("is uncertain when its vibrator has closed and its deadline is over", async () => {
    const clock = new ManualClock();
    const aether = await connect({ medium: silent(clock, []), clock, recorded: ["orders.>"] });
    const alpha = aether.vibrator("alpha");
    const failed = rejection(alpha.emit("orders.created", 1));
    await turns();
    const closing = alpha.close({ deadlineMs: 500 });
    await clock.advance(499);
    expect(await settled(closing)).toBe(false);
    await clock.advance(1);
    await closing;
    expect(await failed).toMatchObject({ code: "AETHER_UNCERTAIN", details: { stored: "unknown" } });
  });

  test.each(["vibrator", "aether"] as const)("is waited for when its %s closes", async (which) => {
    const { aether, join } = await world();
    const alpha = aether.vibrator("alpha");
    const emits = Array.from({ length: 10 }, (_, at) => alpha.emit("orders.created", at));
    await (which === "aether" ? aether : alpha).close();
    const positions = (await Promise.all(emits)).map(({ position }) => position);
    expect(new Set(positions).size).toBe(10);
    const heard: unknown[] = [];
    const other = await join();
    await other.vibrator("beta").resonateOn("orders.created", ({ payload }) => void heard.push(payload), {
      from: "start",
    });
    await turns();
    expect(heard).toHaveLength(10);
  });

  test("ends with the reason of its signal", async () => {
    const clock = new ManualClock();
    const aether = await connect({ medium: silent(clock, []), clock, recorded: ["orders.>"] });
    const controller = new AbortController();
    const failed = rejection(aether.vibrator("alpha").emit("orders.created", 1, { signal: controller.signal }));
    controller.abort("enough");
    expect(await failed).toBe("enough");
    expect(await rejection(aether.vibrator("alpha").emit("orders.created", 1, { signal: controller.signal }))).toBe(
      "enough",
    );
  });

  test("a repeated emit under one id is one wave", async () => {
    const { aether } = await world();
    const alpha = aether.vibrator("alpha");
    const heard: unknown[] = [];
    await aether.vibrator("beta").resonateOn("orders.*", (wave) => void heard.push(wave.id));
    expect([
      await alpha.emit("orders.created", 1, { id: "a" }),
      await alpha.emit("orders.created", 1, { id: "a" }),
    ]).toEqual([
      { id: "a", outcome: "travelled", position: "1" },
      { id: "a", outcome: "travelled", position: "1" },
    ]);
    await turns();
    expect(heard).toEqual(["a"]);
  });

  test("goes through interceptors, and is told to observers once it is kept", async () => {
    const { aether } = await world();
    const told: unknown[] = [];
    aether.use({ emit: (draft, next) => next({ ...draft, payload: `${draft.payload}!` }) });
    aether.on("emitted", ({ wave, outcome }) => void told.push([wave.payload, outcome]));
    await aether.vibrator("alpha").emit("orders.created", "a");
    expect(told).toEqual([["a!", "travelled"]]);
    expect(aether.stats().emitted).toBe(1);
  });
});

describe("a journal", () => {
  test("goes over the medium", async () => {
    const clock = new ManualClock();
    const journal: Recording = { over: (medium) => remembering(clock, medium) };
    const aether = await connect({ journal, clock, recorded: ["orders.>"] });
    expect(await aether.vibrator("alpha").emit("orders.created", 1)).toHaveProperty("position", "1");
    expect(await aether.vibrator("alpha").emit("live.created", 1)).not.toHaveProperty("position");
  });
});
