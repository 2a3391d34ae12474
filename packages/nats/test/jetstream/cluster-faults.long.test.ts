import { describe, expect, test } from "vitest";
import { VERSIONS } from "../nats-server.ts";
import { allKilled, lameDuck, leaderFrozen, leaderKilled, leaderReplaced, rolled, through } from "./cluster-breaks.ts";

/** Far more than was ever measured: that a cluster comes back is what is held here, how soon is printed. */
const LONGEST_GAP_MS = 50_000;

describe.each(VERSIONS)("a cluster of %s keeps what was acknowledged, and it is handled once, when", (version) => {
  test.each([
    ["its leader is killed", leaderKilled],
    ["its leader is killed and loses its disk", leaderReplaced],
    ["its leader stands still", leaderFrozen],
    ["its servers are restarted one after the other", rolled],
    ["its leader leaves as a lame duck", lameDuck],
    ["all its servers are killed", allKilled],
  ])("%s", async (what, fault) => {
    const { acknowledged, gapMs, ...wrong } = await through(fault, version, { replicas: 3 });
    process.stdout.write(`cluster ${version}, ${what}: ${acknowledged} acknowledged, longest gap ${gapMs} ms\n`);
    expect(wrong).toEqual({ rejected: [], lost: [], unhandled: [], handledTwice: [], storedTwice: [] });
    expect(acknowledged).toBeGreaterThan(100);
    expect(gapMs).toBeLessThan(LONGEST_GAP_MS);
  });
});
