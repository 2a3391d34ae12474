import { type Aether, type AetherOptions, type Medium, UnrecoverableError, type Wave } from "@aether/core";
import { describe, expect, test } from "vitest";
import { connect, expectBalance } from "../../packages/core/test/aether/connect.ts";
import { ManualClock, turns } from "../../packages/core/test/aether/manual-clock.ts";
import { Gate, never, rejection, until } from "../../packages/core/test/aether/until.ts";
import { remembering } from "../../packages/testing/test/lawful/remembering.ts";

const noJitter = () => 0.999_999;

async function world(options: AetherOptions = {}): Promise<{ aether: Aether; medium: Medium; clock: ManualClock }> {
  const clock = new ManualClock();
  const medium = remembering(clock);
  const aether = await connect({ medium, clock, recorded: ["orders.>"], ...options });
  return { aether, medium, clock };
}

async function pendingOf(medium: Medium, group: string): Promise<number> {
  const aether = await medium.open({
    connected: () => undefined,
    disconnected: () => undefined,
    interest: () => undefined,
    reflected: () => undefined,
    moment: () => {
      throw new Error("nothing arrives here");
    },
  });
  const found = (await aether.recorder?.groups())?.filter((place) => place.group === group) ?? [];
  await aether.close();
  return found.reduce((sum, { pending }) => sum + pending, 0);
}

describe("a recorded wave", () => {
  test("is handled by each group, with its position", async () => {
    const { aether, medium } = await world();
    const heard: string[] = [];
    for (const name of ["beta", "gamma"]) {
      await aether.vibrator(name).resonateOn("orders.created", (wave) => {
        heard.push(`${name} ${wave.payload} ${wave.position}`);
      });
    }
    const receipt = await aether.vibrator("alpha").emit("orders.created", "a");
    expect(receipt).toEqual({ id: expect.any(String), outcome: "travelled", position: "1" });
    await turns();
    expect(heard.sort()).toEqual(["beta a 1", "gamma a 1"]);
    expect(await pendingOf(medium, "beta")).toBe(0);
    expectBalance(aether.stats());
  });

  test("waits for a group that is away", async () => {
    const { aether, medium, clock } = await world();
    const first = await connect({ medium, clock });
    await first.vibrator("beta").resonateOn("orders.*", () => {});
    await first.close();
    await aether.vibrator("alpha").emit("orders.created", 1);
    const heard: unknown[] = [];
    await aether.vibrator("beta").resonateOn("orders.*", (wave) => void heard.push(wave.payload));
    await turns();
    expect(heard).toEqual([1]);
  });

  test("is tried again after it failed, and then is a dead letter", async () => {
    const { aether, medium, clock } = await world({ random: noJitter });
    const attempts: number[] = [];
    const failed: boolean[] = [];
    aether.on("failed", ({ willRetry }) => void failed.push(willRetry));
    await aether.vibrator("beta").resonateOn(
      "orders.created",
      (_, ctx) => {
        attempts.push(ctx.attempt);
        throw new Error("broken");
      },
      { maxAttempts: 3, backoffMs: { base: 10, max: 100 } },
    );
    await aether.vibrator("alpha").emit("orders.created");
    await turns();
    expect(attempts).toEqual([1]);
    expect(aether.stats()).toMatchObject({ received: 1, delivered: 0, queued: 1, failed: 0 });
    await clock.advance(10);
    expect(attempts).toEqual([1, 2]);
    await clock.advance(20);
    expect(attempts).toEqual([1, 2, 3]);
    expect(failed).toEqual([true, true, false]);
    expect(aether.stats()).toMatchObject({ received: 1, delivered: 1, queued: 0, failed: 1 });
    expect(await pendingOf(medium, "beta")).toBe(0);
  });
});
