import { Aether, AetherError, inProcess, type Wave } from "@aether/core";
import { expect, test } from "vitest";
import { type FileSystem, nodeFileSystem, openJournal } from "../../src/index.ts";
import { testDirectory } from "../directory.ts";
import { until } from "./worlds.ts";

const WAVES = 6;
/** More than what is read at once. */
const LARGE = 200_000;

/** The file system of the machine, on which nothing can be read while `fails` says so. */
function failing(fails: () => boolean): FileSystem {
  return {
    ...nodeFileSystem,
    async open(path, how) {
      if (how === "read" && fails()) {
        throw Object.assign(new Error("EIO: i/o error"), { code: "EIO" });
      }
      return await nodeFileSystem.open(path, how);
    },
  };
}

test("a wave that cannot be read is told of, keeps its place, and is handled once the disk is well again", async () => {
  await using directory = await testDirectory();
  let fails = false;
  await using journal = await openJournal(directory.path, { fileSystem: failing(() => fails) });
  await using aether = await Aether.connect({ medium: journal.over(inProcess()), recorded: ["orders.>"] });
  const told: unknown[] = [];
  aether.on("disconnected", ({ reason }) => told.push(reason instanceof AetherError ? reason.code : reason));
  aether.on("connected", () => told.push("connected"));
  for (let n = 0; n < WAVES; n++) {
    await aether.vibrator("alpha").emit("orders.created", { n, filling: "x".repeat(LARGE) });
  }
  const handled: unknown[] = [];
  const handle = ({ payload }: Wave): void => {
    handled.push(Object(payload).n);
    fails ||= handled.length === 1;
  };
  await aether.vibrator("beta").resonateOn("orders.*", handle, { from: "start", concurrency: 1 });
  await until(() => told.length > 0);
  expect(told).toEqual(["AETHER_JOURNAL_FAILED"]);
  expect(handled.length).toBeLessThan(WAVES);
  fails = false;
  await until(() => handled.length === WAVES);
  expect(told).toEqual(["AETHER_JOURNAL_FAILED", "connected"]);
  expect(handled).toEqual(Array.from({ length: WAVES }, (_, n) => n));
});
