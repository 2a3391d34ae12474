import type { Custody, Follower, Wave } from "@aether/core";
import { expect, test } from "vitest";
import { wave } from "../waves.ts";
import { until, world } from "./worlds.ts";

const WAVES = Number(process.env["AETHER_BACKLOG"] ?? 1_000_000);
const AT_ONCE = 5000;
/** What a backlog may take in memory, the index with its seven bytes a wave included. */
const MOST_BYTES = 160 * 1024 * 1024;

function memory(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

test("a backlog of a million waves is handled with bounded memory, the critical one first", async () => {
  await using here = await world();
  const first = await here.live({ mode: "none" });
  await first.recorder.declare(["orders.>"]);
  for (let n = 0; n < WAVES; n += AT_ONCE) {
    const batch = Array.from({ length: AT_ONCE }, (_, i) =>
      wave(`bulk-${n + i}`, { amplitude: 0.2, payload: "p".repeat(100) }),
    );
    await Promise.all(batch.map((one) => first.journal.append(one)));
  }
  await first.journal.append(wave("critical", { amplitude: 0.95 }));
  await first.end();

  const before = memory();
  const { recorder } = await here.live({ mode: "none" });
  const held = new Set<Custody>();
  let count = 0;
  let criticalAt = 0;
  let most = 0;
  let wants = (): void => undefined;
  const follower: Follower = {
    presence: { vibrator: "beta", instance: "beta-1", pattern: "orders.*", group: "beta", name: "orders.*" },
    get wanted() {
      return 200 - held.size;
    },
    take({ id }: Wave, custody) {
      held.add(custody);
      count++;
      criticalAt = id === "critical" ? count : criticalAt;
      most = count % 50_000 === 0 ? Math.max(most, memory()) : most;
      setImmediate(() => {
        held.delete(custody);
        custody.done().catch(() => undefined);
        wants();
      });
    },
    malformed: () => undefined,
  };
  const following = await recorder.follow(follower, "start");
  wants = () => following.wants();
  wants();
  const began = performance.now();
  while (count < WAVES + 1) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(performance.now() - began).toBeLessThan(300_000);
  }
  await until(async () => (await recorder.groups())[0]?.pending === 0);
  const extra = Math.round((most - before) / 2 ** 20);
  process.stdout.write(
    `backlog: ${Math.round((count / (performance.now() - began)) * 1000)} waves/s, ${extra} MiB more\n`,
  );
  expect(criticalAt).toBeLessThan(300);
  expect(most - before).toBeLessThan(MOST_BYTES);
}, 600_000);
