import { expect, test } from "vitest";
import { leaderFrozen, leaderKilled, leaderReplaced, through, throughByPlainClient } from "./cluster-breaks.ts";

test("what was acknowledged survives kill -9 of the leader, and is handled once", async () => {
  const { acknowledged, gapMs, ...wrong } = await through(leaderKilled, "2.9", { replicas: 3 });
  process.stdout.write(`cluster 2.9, leader killed: ${acknowledged} acknowledged, longest gap ${gapMs} ms\n`);
  expect(wrong).toEqual({ rejected: [], lost: [], unhandled: [], handledTwice: [], storedTwice: [] });
  expect(acknowledged).toBeGreaterThan(100);
}, 60_000);

test("control: with one replica it is lost with the disk of its leader", async () => {
  const { lost } = await through(leaderReplaced, "2.9", { replicas: 1 });
  expect(lost.length).toBeGreaterThan(0);
}, 60_000);

test("control: without ids a leader that stands still makes duplicates", async () => {
  const { lost, storedTwice } = await throughByPlainClient(leaderFrozen, "2.9");
  expect(lost).toEqual([]);
  expect(storedTwice.length).toBeGreaterThan(0);
}, 60_000);
