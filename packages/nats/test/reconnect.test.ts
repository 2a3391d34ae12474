import { Aether, seededRandom } from "@aether/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { natsMedium } from "../src/index.ts";
import { fullJitter } from "../src/reconnect-delay.ts";
import { NatsServer } from "./nats-server.ts";
import { until } from "./until.ts";

const seed = Number(process.env["AETHER_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const LINKS = 200;
const OUTAGE_MS = 60_000;

/** How long after the end of an outage a client is back that asks `delay` as the NATS client does. Refusals come at once. */
function backAfter(delay: () => number, clock: { now: number }, outageMs: number): number {
  let lastAttempt = Number.NEGATIVE_INFINITY;
  for (;;) {
    const wait = delay();
    if (lastAttempt + wait <= clock.now) {
      lastAttempt = clock.now;
      if (clock.now >= outageMs) {
        return clock.now - outageMs;
      }
    } else {
      clock.now += Math.min(wait, lastAttempt + wait - clock.now);
    }
  }
}

type Delays = (random: () => number, now: () => number) => () => number;

/** When many clients are back after an outage that they began to feel within a quarter of a second. */
function storm(delays: Delays): readonly number[] {
  const random = seededRandom(seed);
  return Array.from({ length: LINKS }, () => {
    const clock = { now: random() * 250 };
    return backAfter(
      delays(random, () => clock.now),
      clock,
      OUTAGE_MS,
    );
  }).sort((one, other) => one - other);
}

/** Most that come within any tenth of a second. */
function mostAtOnce(times: readonly number[]): number {
  return Math.max(...times.map((from) => times.filter((time) => time >= from && time < from + 100).length));
}

/** What is wrong with the times at which a storm of links is back. */
function faultIn(times: readonly number[]): string | undefined {
  const last = times.at(-1) ?? 0;
  const most = mostAtOnce(times);
  return last > 1000 ? "late" : most > LINKS / 3 ? "together" : undefined;
}

describe(`links that come back after an outage (AETHER_SEED=${seed})`, () => {
  test("are back within a second of it, spread over that", () => {
    expect(faultIn(storm(fullJitter))).toBeUndefined();
  });

  test("would be late if each waking drew another delay, up to five seconds, and come together without chance", () => {
    expect(faultIn(storm((random) => () => random() * 5000))).toBe("late");
    expect(faultIn(storm((_, now) => fullJitter(() => 1, now)))).toBe("together");
  });

  test("a hundred of them are heard again in a short while", async () => {
    const server = await NatsServer.start();
    onTestFinished(() => server[Symbol.asyncDispose]());
    const medium = natsMedium({ servers: server.url, namespace: "storm", stream: false });
    const links = await Promise.all(Array.from({ length: 100 }, () => Aether.connect({ medium })));
    onTestFinished(async () => {
      await Promise.all(links.map((link) => link.close({ deadlineMs: 0 })));
    });
    const back = new Set<number>();
    const gone = new Set<number>();
    const heard = new Set<unknown>();
    for (const [at, link] of links.entries()) {
      link.on("disconnected", () => gone.add(at));
      link.on("connected", () => back.add(at));
      await link.vibrator(`link-${at}`).resonateOn("calls", ({ payload }) => void heard.add(`${at}: ${payload}`));
    }
    back.clear();
    await server.kill("SIGKILL");
    await until(() => gone.size === links.length);
    // Long enough for the delays to have grown.
    await new Promise<void>((resolve) => void setTimeout(resolve, 2500));
    await server.run();
    const since = performance.now();
    await until(() => back.size === links.length, "all are back", 10_000);
    expect(performance.now() - since).toBeLessThan(4000);
    await links[0]?.vibrator("caller").emit("calls", "who is there?");
    await until(() => heard.size === links.length, "all hear", 10_000);
  }, 60_000);
});
