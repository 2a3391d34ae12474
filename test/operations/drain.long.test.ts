/** Fifty drains under load. */

import { expect, test } from "vitest";
import { drained } from "./drained.ts";

test("fifty drains lose nothing, end in time and exit with 0", async () => {
  for (let run = 0; run < 50; run++) {
    const { code, accepted, lost, tookMs } = await drained(10_000);
    expect(accepted).toBeGreaterThanOrEqual(500);
    expect({ code, lost }).toEqual({ code: 0, lost: 0 });
    expect(tookMs).toBeLessThan(10_000);
  }
});
