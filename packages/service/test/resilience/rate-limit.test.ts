/** Rate limits: so many emits a second, and a burst of one second's. */

import { Aether } from "@aether/core";
import { expect, test } from "vitest";
import { rateLimit } from "../../src/index.ts";

test("a bucket fills with time, lets a burst pass, and tells when to come again", async () => {
  let at = 0;
  let perSecond: number | undefined = 10;
  await using aether = await Aether.connect();
  aether.use(
    rateLimit(
      () => ({ perSecond }),
      () => at,
    ),
  );
  const alpha = aether.vibrator("alpha");
  const emitted = async (count: number): Promise<number> => {
    const outcomes = await Promise.allSettled(Array.from({ length: count }, () => alpha.emit("work", {})));
    return outcomes.filter(({ status }) => status === "fulfilled").length;
  };
  expect(await emitted(30)).toBe(10);
  await expect(alpha.emit("work", {})).rejects.toMatchObject({ code: "AETHER_BUSY", details: { retryAfterMs: 100 } });
  at = 500;
  expect(await emitted(30)).toBe(5);
  perSecond = undefined;
  expect(await emitted(30)).toBe(30);
});
