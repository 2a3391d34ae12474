/** A storm of calls to a backend that fails at everything. */

import { defineService, type Flags, loadConfig, type ResilienceOptions, runService } from "../../src/index.ts";
import { failing, sleep } from "./world.ts";

/** Attempts over calls against a backend that fails at everything. */
export async function storm(
  flags: Flags,
  resilience?: ResilienceOptions,
  forMs = 1200,
): Promise<{ ratio: number; calls: number; lastAt: number }> {
  const config = loadConfig("asker", {
    cwd: "/nonexistent",
    env: {},
    flags: {
      "logging.level": "silent",
      "operations.health_enabled": false,
      "service.retry_max": 2,
      "service.retry_base_delay_ms": 1,
      "service.retry_max_delay_ms": 2,
      ...flags,
    },
  });
  let attempts = 0;
  let lastAt = 0;
  let startedAt = Number.POSITIVE_INFINITY;
  await using run = await runService(
    defineService("asker", async ({ aether }) => {
      await aether.vibrator("backend").resonateOn("backend", () => {
        attempts++;
        lastAt = performance.now() - startedAt;
        failing();
      });
    }),
    { config, resilience },
  );
  const asker = run.aether.vibrator("client");
  let calls = 0;
  // Not before: on a busy machine a start takes as long as all of this.
  startedAt = performance.now();
  while (performance.now() - startedAt < forMs) {
    await asker.query("backend", {}).catch(() => undefined);
    calls++;
    await sleep(2);
  }
  return { ratio: attempts / calls, calls, lastAt };
}
