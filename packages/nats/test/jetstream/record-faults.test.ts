import { AetherError } from "@aether/core";
import { describe, expect, test } from "vitest";
import { NatsServer, VERSIONS } from "../nats-server.ts";
import { until } from "../until.ts";
import { cut, killed, recorded, recordedWithoutIds, stored } from "./breaks.ts";
import { done, Hand, member, readAll, recordAll, waveOf, within } from "./members.ts";

const CHANNEL = "orders.created";

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    return await promise;
  } catch (error) {
    return error instanceof AetherError ? error.code : error;
  }
}

describe("recording when the server breaks", () => {
  test("20,000 acknowledged waves survive kill -9 of the server and lost answers, each of them once", async () => {
    const outcome = await recorded("2.9", 20_000, [killed, cut]);
    expect(outcome).toEqual({ acknowledged: 20_000, lost: [], twice: [], positions: 20_000, disconnections: 2 });
  }, 40_000);

  test("without the id in the header lost answers make duplicates", async () => {
    const { lost, twice } = await recordedWithoutIds("2.10", 2000, [cut]);
    expect(lost).toEqual([]);
    expect(twice.length).toBeGreaterThan(0);
  }, 120_000);
});

describe.each(VERSIONS)("a server %s that dies", (version) => {
  test("a wave waits while no server is there, and rejects as uncertain at its deadline", async () => {
    await using server = await NatsServer.start({ version, jetstream: true });
    await using one = await member(server.url, "waits", { outbox: { waves: 3 } });
    await one.recorder.declare(["orders.>"]);
    await server.kill("SIGKILL");
    await until(() => one.disconnections > 0);
    const late = one.recorder.record(waveOf("late", CHANNEL, 0.9), within(300));
    await expect(late).rejects.toMatchObject({ code: "AETHER_UNCERTAIN", details: { id: "late", stored: "no" } });
    const kept = ["a", "b", "c"].map((id) => one.recorder.record(waveOf(id, CHANNEL, 0.5), within(20_000)));
    expect(await codeOf(one.recorder.record(waveOf("quiet", CHANNEL, 0.1), within(20_000)))).toBe(
      "AETHER_DISCONNECTED",
    );
    await server.run();
    expect((await Promise.all(kept)).length).toBe(3);
    expect([...(await stored(server.url, "waits_waves")).keys()].sort()).toEqual(["a", "b", "c"]);
  });

  test("a wave that waits is older when it is recorded", async () => {
    await using server = await NatsServer.start({ version, jetstream: true });
    await using one = await member(server.url, "ages");
    await one.recorder.declare(["orders.>"]);
    await server.kill("SIGKILL");
    await until(() => one.disconnections > 0);
    const since = performance.now();
    const kept = one.recorder.record(waveOf("late", CHANNEL, 0.5, { halfLifeMs: 60_000 }), within(20_000));
    await until(() => performance.now() - since > 300);
    await server.run();
    await kept;
    const [late] = await readAll(one);
    expect(late?.wave.age).toBeGreaterThanOrEqual(299);
  }, 120_000);

  test("a group misses nothing when the server is killed while it follows, and has done with everything", async () => {
    await using server = await NatsServer.start({ version, jetstream: true });
    await using one = await member(server.url, "follows", { stream: { ackWaitMs: 1000 } });
    await one.recorder.declare(["orders.>"]);
    const hand = await new Hand("beta", "orders.>", 100, (handed) => setTimeout(() => done(handed), 1)).follow(one);
    await recordAll(
      one,
      Array.from({ length: 1000 }, (_, at) => waveOf(`w${at}`, CHANNEL, (at % 4) / 4)),
    );
    await server.kill("SIGKILL");
    await server.run();
    await until(() => new Set(hand.ids).size === 1000);
    const pending = async (): Promise<number | undefined> => (await one.recorder.groups())[0]?.pending;
    await expect.poll(pending, { timeout: 5000 }).toBe(0);
  }, 120_000);
});
