import { channel, type Wave } from "@aether/core";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { connect } from "./connect.ts";
import { ManualClock } from "./manual-clock.ts";
import { never, rejection, until } from "./until.ts";

async function payloads(answers: AsyncIterable<Wave>): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const { payload } of answers) {
    all.push(payload);
  }
  return all;
}

describe("gather", () => {
  test("yields the answer of every group, and ends by itself", async () => {
    const aether = await connect({ clock: new ManualClock() });
    for (const name of ["beta", "gamma", "delta"]) {
      await aether.vibrator(name).resonateOn("health.ping", async () => name);
    }
    const answers = await payloads(aether.vibrator("alpha").gather("health.ping", {}, { timeoutMs: 500 }));
    expect(answers.sort()).toEqual(["beta", "delta", "gamma"]);
  });

  test("yields response waves", async () => {
    const aether = await connect();
    const beta = aether.vibrator("beta");
    await beta.resonateOn("a", () => 1);
    for await (const answer of aether.vibrator("alpha").gather("a")) {
      expect(answer).toMatchObject({ kind: "response", source: "beta", sourceId: beta.id, payload: 1 });
    }
  });

  test("leaves out those who keep silent or fail", async () => {
    const aether = await connect();
    await aether.vibrator("silent").resonateOn("a", () => undefined);
    await aether.vibrator("broken").resonateOn("a", () => {
      throw new Error("broken");
    });
    await aether.vibrator("beta").resonateOn("a", () => null);
    expect(await payloads(aether.vibrator("alpha").gather("a"))).toEqual([null]);
  });

  test("yields nothing when nobody resonates", async () => {
    const aether = await connect({ clock: new ManualClock() });
    expect(await payloads(aether.vibrator("alpha").gather("a"))).toEqual([]);
  });

  test("ends at its timeout with what has come by then, without an error", async () => {
    const clock = new ManualClock();
    const aether = await connect({ clock });
    await aether.vibrator("beta").resonateOn("a", () => "fast");
    await aether.vibrator("gamma").resonateOn("a", () => never);
    const gathering = payloads(aether.vibrator("alpha").gather("a", {}, { timeoutMs: 500 }));
    await clock.advance(500);
    expect(await gathering).toEqual(["fast"]);
  });

  test("ends for those who still work when the iteration is left", async () => {
    const aether = await connect();
    const aborted: boolean[] = [];
    await aether.vibrator("beta").resonateOn("a", () => "fast");
    await aether.vibrator("gamma").resonateOn("a", (_, ctx) => {
      ctx.signal.addEventListener("abort", () => void aborted.push(true));
      return never;
    });
    for await (const _ of aether.vibrator("alpha").gather("a")) {
      break;
    }
    await until(() => aborted.length === 1);
  });

  test("rejects with the reason of its signal", async () => {
    const aether = await connect();
    const reason = new Error("enough");
    const controller = new AbortController();
    await aether.vibrator("beta").resonateOn("a", () => {
      controller.abort(reason);
      return never;
    });
    const gathering = payloads(aether.vibrator("alpha").gather("a", {}, { signal: controller.signal }));
    expect(await rejection(gathering)).toBe(reason);
  });

  test("validates what it asks, and parses each answer", async () => {
    const aether = await connect();
    const Ping = channel("ping", { schema: z.object({ n: z.number() }), reply: z.object({ at: z.coerce.date() }) });
    await aether.vibrator("beta").resonateOn(Ping, () => ({ at: "2026-01-01T00:00:00Z" }));
    const alpha = aether.vibrator("alpha");
    expect(await payloads(alpha.gather(Ping, { n: 1 }))).toEqual([{ at: new Date("2026-01-01T00:00:00Z") }]);
    const broken = payloads(alpha.gather(Ping, { n: "1" as unknown as number }));
    expect(await rejection(broken)).toMatchObject({ code: "AETHER_BAD_PAYLOAD" });
  });

  test("is refused as emit is", async () => {
    const aether = await connect();
    const alpha = aether.vibrator("alpha");
    expect(await rejection(payloads(alpha.gather("a b")))).toMatchObject({ code: "AETHER_BAD_CHANNEL" });
    await alpha.close();
    expect(await rejection(payloads(alpha.gather("a")))).toMatchObject({ code: "AETHER_CLOSED" });
  });
});
