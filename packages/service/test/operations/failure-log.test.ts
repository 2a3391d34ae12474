/** What handlers fail at is in the log, and a storm of failures does not fill it. */

import { describe, expect, test } from "vitest";
import { defineService, type LogFields, type ResilienceOptions, runService } from "../../src/index.ts";

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields | undefined;
}

/** The lines of a run whose handler fails at all of `waves`. */
async function linesOf(waves: number, resilience: ResilienceOptions): Promise<readonly Line[]> {
  const lines: Line[] = [];
  const note = (level: string) => (message: string, fields?: LogFields) => void lines.push({ level, message, fields });
  const log = { debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") };
  const worker = defineService("worker", async ({ vibrator }) => {
    await vibrator.resonateOn("work", () => {
      throw new Error("no disk");
    });
  });
  await using run = await runService(worker, { log, resilience });
  const alpha = run.aether.vibrator("alpha");
  for (let i = 0; i < waves; i++) {
    await alpha.emit("work", i);
  }
  await expect.poll(() => run.aether.stats().failed).toBe(waves);
  return lines.filter(({ message }) => message.startsWith("A handler has failed"));
}

describe("a handler that fails", () => {
  test("is told with its resonance, wave, error and attempt; what is tried again only to who debugs", async () => {
    const lines = await linesOf(1, { retry: { max: 1, baseDelayMs: 1 } });
    expect(lines).toMatchObject([
      { level: "debug", fields: { vibrator: "worker", pattern: "work", attempt: 1 } },
      {
        level: "error",
        message: "A handler has failed",
        fields: {
          vibrator: "worker",
          pattern: "work",
          attempt: 2,
          wave: { channel: "work" },
          error: { message: "no disk" },
        },
      },
    ]);
  });

  test("a thousand times is told ten times a second, and how often it was not told", async () => {
    const lines = await linesOf(1000, {});
    expect(lines.length).toBeGreaterThanOrEqual(10);
    expect(lines.length).toBeLessThan(100);
    const more = lines.map(({ fields }) => Number(fields?.["more"] ?? 0)).reduce((sum, count) => sum + count, 0);
    expect(lines.length + more).toBeLessThanOrEqual(1000);
  });
});
