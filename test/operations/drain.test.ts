/** What SIGTERM promises: what was taken is finished, in time, and the exit code says whether. */

import { Aether } from "@aether/core";
import { natsMedium } from "@aether/nats";
import { describe, expect, test } from "vitest";
import { NatsServer } from "../../packages/nats/test/nats-server.ts";
import { Child } from "./child.ts";
import { drained, grace, QUIET, sleep } from "./drained.ts";

describe("SIGTERM under load", () => {
  test("five drains lose nothing, end in time and exit with 0", async () => {
    const runs = await Promise.all(Array.from({ length: 5 }, () => drained(10_000)));
    for (const { code, accepted, lost, tookMs } of runs) {
      expect(accepted).toBeGreaterThanOrEqual(500);
      expect({ code, lost }).toEqual({ code: 0, lost: 0 });
      expect(tookMs).toBeLessThan(10_000);
    }
  });

  test("control: without time to drain waves are lost, and the exit code says so", async () => {
    const { code, lost } = await drained(0);
    expect(lost).toBeGreaterThan(0);
    expect(code).toBe(1);
  });

  test("a handler that hangs is left at the deadline, with exit code 1", async () => {
    await using child = new Child("hung", grace(300));
    await child.up;
    child.kill("SIGTERM");
    const { code, tookMs } = await child.ended;
    expect(code).toBe(1);
    expect(tookMs).toBeGreaterThanOrEqual(300);
    expect(tookMs).toBeLessThan(3000);
    expect(child.output).toContain('"given_up":1');
  });

  test("a second signal ends it at once", async () => {
    await using child = new Child("hung", grace(20_000));
    await child.up;
    child.kill("SIGTERM");
    await sleep(250);
    child.kill("SIGTERM");
    const { code, tookMs } = await child.ended;
    expect(code).toBe(1);
    expect(tookMs).toBeLessThan(2000);
  });

  test("an idle process ends with 0", async () => {
    await using child = new Child("quiet", QUIET);
    await child.up;
    child.kill("SIGINT");
    expect(await child.ended).toMatchObject({ code: 0, signal: null });
  });

  test("over NATS, with emits that go on: what one member took it finishes, and the other one takes the rest", async () => {
    await using server = await NatsServer.start();
    const config = `${QUIET}[aether]\nuse_nats = true\nnats_url = "${server.url}"\n`;
    await using one = new Child("member", config);
    await using two = new Child("member", config);
    await using aether = await Aether.connect({ medium: natsMedium({ servers: server.url }) });
    const done = new Set<unknown>();
    await aether.vibrator("counter").resonateOn("work.done", ({ payload }) => {
      done.add(JSON.stringify(payload));
    });
    await Promise.all([one.up, two.up]);
    const source = aether.vibrator("source");
    let emitted = 0;
    const until = performance.now() + 1500;
    let isTold = false;
    while (performance.now() < until) {
      await Promise.all(Array.from({ length: 5 }, () => source.emit("work.do", { n: emitted++ })));
      if (!isTold && performance.now() > until - 1000) {
        isTold = true;
        one.kill("SIGTERM");
      }
      await sleep(5);
    }
    expect(await one.ended).toMatchObject({ code: 0 });
    await expect.poll(() => done.size, { timeout: 10_000 }).toBe(emitted);
    expect(emitted).toBeGreaterThan(100);
  });
});
