import { band } from "@aether/core";
import { describe, expect, test } from "vitest";
import { connect, expectBalance } from "./connect.ts";
import { ManualClock, turns } from "./manual-clock.ts";
import { seeded } from "./seed.ts";
import { Gate, never, rejection, until } from "./until.ts";

/** Whether the event loop turns before the promise of `emit` resolves. */
async function takesATurn(emit: () => Promise<unknown>): Promise<boolean> {
  let turned = false;
  setImmediate(() => {
    turned = true;
  });
  await emit();
  return turned;
}

describe("an emitter that awaits its emits", () => {
  test("loses nothing in a loop of a million to an async handler", { timeout: 60_000 }, async () => {
    const aether = await connect({ causality: "explicit" });
    let handled = 0;
    const resonance = await aether.vibrator("beta").resonateOn("a", async () => {
      await undefined;
      handled++;
    });
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 1_000_000; i++) {
      await emitter.emit("a", i);
    }
    await until(() => resonance.stats().queued === 0 && resonance.stats().running === 0);
    expect(handled).toBe(1_000_000);
    expect(resonance.stats()).toMatchObject({ received: 1_000_000, delivered: 1_000_000 });
  });

  test("loses nothing when handlers need several turns of their own", { timeout: 30_000 }, async () => {
    const aether = await connect({ causality: "explicit" });
    const resonance = await aether.vibrator("beta").resonateOn("a", () => turns(1), { inbox: { capacity: 1000 } });
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 50_000; i++) {
      await emitter.emit("a", i);
    }
    await until(() => resonance.stats().queued === 0);
    expect(resonance.stats()).toMatchObject({ received: 50_000, delivered: 50_000, absorbed: { evicted: 0 } });
  });

  test("goes on after the event loop has turned when an inbox is over half full, and at once before", async () => {
    const aether = await connect();
    const resonance = await aether.vibrator("beta").resonateOn("a", () => {}, { inbox: { capacity: 100 } });
    resonance.pause();
    const emitter = aether.vibrator("emitter");
    const turned: boolean[] = [];
    for (let i = 0; i < 60; i++) {
      turned.push(await takesATurn(() => emitter.emit("a", i)));
    }
    expect(turned.slice(0, 50), "up to half").toEqual(new Array(50).fill(false));
    expect(turned.slice(51), "over half").toEqual(new Array(9).fill(true));
  });

  test("yields by bytes, too", async () => {
    const aether = await connect();
    const resonance = await aether.vibrator("beta").resonateOn("a", () => {}, { inbox: { bytes: 1000 } });
    resonance.pause();
    const emitter = aether.vibrator("emitter");
    expect(await takesATurn(() => emitter.emit("a", "x".repeat(500)))).toBe(false);
    await emitter.emit("a", "x");
    expect(await takesATurn(() => emitter.emit("a", "x"))).toBe(true);
  });

  test("may hear once of an inbox that becomes more than half full", async () => {
    const aether = await connect();
    const slow: unknown[] = [];
    aether.on("slow", (event) => void slow.push(event));
    const resonance = await aether.vibrator("beta").resonateOn("a", () => {}, { inbox: { capacity: 10 } });
    resonance.pause();
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 9; i++) {
      await emitter.emit("a", i);
    }
    expect(slow).toEqual([{ vibrator: "beta", pattern: "a", queued: 6 }]);
  });
});

describe("an emitter that does not wait", () => {
  test("makes a full inbox shed the quietest first, and every loss is counted", async () => {
    const random = seeded("overload");
    const aether = await connect();
    const resonance = await aether.vibrator("beta").resonateOn("a", { inbox: { capacity: 500 }, noiseFloor: 0 });
    const emitter = aether.vibrator("emitter");
    const evicted: number[] = [];
    aether.on("absorbed", ({ wave, reason }) => {
      expect(reason).toBe("evicted");
      evicted.push(wave?.payload as number);
    });
    const amplitudes = Array.from({ length: 5000 }, () => 0.02 + 0.98 * random());
    for (const [i, amplitude] of amplitudes.entries()) {
      void emitter.emit("a", i, { amplitude });
    }
    await turns();
    expect(resonance.stats()).toMatchObject({ received: 5000, queued: 500, absorbed: { evicted: 4500 } });
    expectBalance(resonance.stats());
    const kept = new Set<number>();
    for await (const batch of resonance.batches(500)) {
      for (const wave of batch) {
        kept.add(wave.payload as number);
      }
      break;
    }
    expect(kept.size).toBe(500);
    // What is kept is the loudest band by band, and within the lowest band that is kept in part, the newest.
    const ranked = amplitudes.map((amplitude, i) => ({ i, band: band(amplitude) }));
    ranked.sort((one, other) => other.band - one.band || other.i - one.i);
    expect(kept).toEqual(new Set(ranked.slice(0, 500).map(({ i }) => i)));
    expect(new Set(evicted).size).toBe(4500);
  });

  test("keeps an inbox within its bytes", async () => {
    const aether = await connect();
    const resonance = await aether.vibrator("beta").resonateOn("a", { inbox: { bytes: 10_000 } });
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 100; i++) {
      void emitter.emit("a", "x".repeat(1000));
    }
    await turns();
    expect(resonance.stats()).toMatchObject({ received: 100, queued: 10, absorbed: { evicted: 90 } });
    await emitter.emit("a", new Uint8Array(4000));
    expect(resonance.stats()).toMatchObject({ queued: 7, absorbed: { evicted: 94 } });
    await emitter.emit("a", "x".repeat(10_001), { amplitude: 1 });
    expect(resonance.stats(), "what can never fit makes nobody give way").toMatchObject({ queued: 7 });
    await emitter.emit("a", { any: "object" });
    expect(resonance.stats(), "an object counts 512").toMatchObject({ queued: 7 });
    expectBalance(resonance.stats());
  });

  test("never makes louder waves give way to quieter ones", async () => {
    const aether = await connect();
    const resonance = await aether.vibrator("beta").resonateOn("a", { inbox: { capacity: 10 } });
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 10; i++) {
      void emitter.emit("a", "loud", { amplitude: 0.9 });
    }
    const receipt = await emitter.emit("a", "quiet", { amplitude: 0.3 });
    expect(receipt).toMatchObject({ outcome: "travelled", heard: 0 });
    for await (const batch of resonance.batches()) {
      expect(batch.map((wave) => wave.payload)).toEqual(new Array(10).fill("loud"));
      break;
    }
  });

  test("is never blocked by a slow receiver, and others lose nothing by it", async () => {
    const aether = await connect();
    let handled = 0;
    await aether.vibrator("stuck").resonateOn("a", () => never, { concurrency: 1, inbox: { capacity: 10 } });
    await aether.vibrator("quick").resonateOn("a", () => void handled++);
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 1000; i++) {
      await emitter.emit("a", i);
    }
    await until(() => handled === 1000);
  });
});

describe('whenFull: "wait"', () => {
  const wait = { whenFull: "wait" } as const;

  test("waits for room and then goes on", async () => {
    const aether = await connect();
    const gate = new Gate();
    const resonance = await aether.vibrator("beta").resonateOn("a", () => gate.passed, {
      concurrency: 1,
      inbox: { capacity: 2 },
    });
    const emitter = aether.vibrator("emitter");
    for (let i = 0; i < 3; i++) {
      await emitter.emit("a", i, wait);
      await turns();
    }
    let emitted = false;
    const fourth = emitter.emit("a", 3, wait).then((receipt) => {
      emitted = true;
      return receipt;
    });
    await turns();
    expect(emitted).toBe(false);
    expect(resonance.stats()).toMatchObject({ running: 1, queued: 2 });
    gate.open();
    expect(await fourth).toMatchObject({ outcome: "travelled", heard: 1 });
    await until(() => resonance.stats().delivered === 4);
    expect(resonance.stats().absorbed.evicted).toBe(0);
  });

  test("loses nothing, however many wait at the same time", async () => {
    const aether = await connect();
    const resonance = await aether
      .vibrator("beta")
      .resonateOn("a", () => turns(1), { concurrency: 2, inbox: { capacity: 5 } });
    const emitter = aether.vibrator("emitter");
    const receipts = await Promise.all(Array.from({ length: 200 }, (_, i) => emitter.emit("a", i, wait)));
    expect(new Set(receipts.map(({ heard }) => heard))).toEqual(new Set([1]));
    await until(() => resonance.stats().delivered + resonance.stats().absorbed.evicted === 200);
    expect(resonance.stats()).toMatchObject({ delivered: 200, absorbed: { evicted: 0 } });
  });

  test("waits for 2000 ms by default, or its timeoutMs, and then rejects with AETHER_TIMEOUT", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    const resonance = await aether.vibrator("beta").resonateOn("a", { inbox: { capacity: 1 } });
    const emitter = aether.vibrator("emitter");
    await emitter.emit("a");
    const codes: unknown[] = [];
    const note = (error: { readonly code: string }): void =>
      void codes.push([clock.monotonic() - startedAt, error.code]);
    const startedAt = clock.monotonic();
    emitter.emit("a", {}, { ...wait, timeoutMs: 500 }).catch(note);
    emitter.emit("a", {}, wait).catch(note);
    await clock.advance(3000);
    expect(codes).toEqual([
      [500, "AETHER_TIMEOUT"],
      [2000, "AETHER_TIMEOUT"],
    ]);
    expect(resonance.stats().received).toBe(1);
  });

  test("rejects with the reason of its signal", async () => {
    const aether = await connect();
    await aether.vibrator("beta").resonateOn("a", { inbox: { capacity: 1 } });
    const emitter = aether.vibrator("emitter");
    await emitter.emit("a");
    const reason = new Error("enough");
    const controller = new AbortController();
    const waiting = rejection(emitter.emit("a", {}, { ...wait, signal: controller.signal }));
    await turns();
    controller.abort(reason);
    expect(await waiting).toBe(reason);
  });

  test("goes on when the one who was full closes", async () => {
    const aether = await connect();
    const resonance = await aether.vibrator("beta").resonateOn("a", { inbox: { capacity: 1 } });
    const emitter = aether.vibrator("emitter");
    await emitter.emit("a");
    const waiting = emitter.emit("a", {}, wait);
    await turns();
    await resonance.close({ deadlineMs: 0 });
    expect(await waiting).toMatchObject({ heard: 0 });
  });

  test("rejects with AETHER_CLOSED when its own vibrator closes meanwhile", async () => {
    const aether = await connect({ clock: new ManualClock() });
    const resonance = await aether.vibrator("beta").resonateOn("a", { inbox: { capacity: 1 } });
    const emitter = aether.vibrator("emitter");
    await emitter.emit("a");
    let outcome: unknown = "still waiting";
    emitter.emit("a", {}, wait).then(
      (receipt) => {
        outcome = receipt;
      },
      (error: { readonly code: string }) => {
        outcome = error.code;
      },
    );
    await turns();
    await emitter.close();
    for await (const _ of resonance) {
      break;
    }
    await turns();
    expect(outcome).toBe("AETHER_CLOSED");
    expect(resonance.stats().received).toBe(1);
  });

  test("lets commands and queries wait, too", async () => {
    const aether = await connect();
    const gate = new Gate();
    const resonance = await aether.vibrator("beta").resonateOn("a", () => gate.passed.then(() => 1), {
      concurrency: 1,
      inbox: { capacity: 1 },
    });
    const emitter = aether.vibrator("emitter");
    await emitter.emit("a");
    await turns();
    await emitter.emit("a");
    const command = emitter.emit("a", {}, { ...wait, kind: "command" });
    const query = turns().then(() => emitter.query("a", {}, wait));
    await turns(10);
    expect(resonance.stats().received).toBe(2);
    gate.open();
    expect((await command).heard).toBe(1);
    expect((await query).payload).toBe(1);
  });
});
