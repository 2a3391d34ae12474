import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Aether, type DeadLetter, inProcess, type Medium } from "@aether/core";
import { describe, expect, test } from "vitest";
import { openJournal } from "../../src/index.ts";
import { testDirectory } from "../directory.ts";
import { idsIn } from "../waves.ts";
import { rejection, until, world } from "./worlds.ts";

const CHILD = fileURLToPath(new URL("recording-child.mjs", import.meta.url));

describe("one directory", () => {
  test("is written by one process, and read by others while it is", async () => {
    await using directory = await testDirectory();
    const child = spawn(process.execPath, [CHILD, directory.path, "0", "emit"]);
    try {
      await once(child.stdout, "data");
      expect(await rejection(openJournal(directory.path))).toMatchObject({ code: "AETHER_JOURNAL_LOCKED" });
      await using reader = await openJournal(directory.path, { readOnly: true });
      const before = (await idsIn(reader)).length;
      await until(async () => (await idsIn(reader)).length > before);
      expect(() => reader.over(inProcess())).toThrow(expect.objectContaining({ code: "AETHER_UNSUPPORTED" }));
    } finally {
      const ended = once(child, "close");
      child.kill("SIGKILL");
      await ended;
    }
  });

  test("has what was emitted as an aether closes", async () => {
    await using directory = await testDirectory();
    await using journal = await openJournal(directory.path);
    const aether = await Aether.connect({ journal, recorded: ["orders.>"] });
    const alpha = aether.vibrator("alpha");
    const emits = Array.from({ length: 20 }, (_, at) => alpha.emit("orders.created", at));
    await aether.close();
    expect((await Promise.all(emits)).map(({ id }) => id)).toEqual(await idsIn(journal));
  });

  test("is shared by the aethers and media of one process", async () => {
    await using here = await world();
    const life = await here.live();
    const [one, two] = [await life.join(), await life.join()];
    const other = await Aether.connect({ journal: life.journal, recorded: ["orders.>"] });
    const heard: string[] = [];
    await two.vibrator("beta").resonateOn("orders.*", ({ payload }) => void heard.push(`beta ${payload}`));
    await other.vibrator("gamma").resonateOn("orders.*", ({ payload }) => void heard.push(`gamma ${payload}`));
    const { position } = await one.vibrator("alpha").emit("orders.created", 1);
    expect(position).toMatch(/^[0-9a-f]{16}-/);
    await until(() => heard.length === 2);
    expect(heard.sort()).toEqual(["beta 1", "gamma 1"]);
    await other.close();
  });

  test("keeps the dead letters of one life for the next, where they are emitted again once, or purged", async () => {
    await using here = await world();
    const first = await here.live();
    const early = await first.join();
    await early.vibrator("beta").resonateOn("orders.*", () => Promise.reject(new Error("broken")), {
      maxAttempts: 2,
      backoffMs: { base: 1, max: 1 },
    });
    for (const payload of [1, 2]) {
      await early.vibrator("alpha").emit("orders.created", payload);
    }
    await until(async () => (await early.deadLetters.stats()).kept === 2);
    await first.end();
    const second = await here.live();
    const late = await second.join();
    const handled: unknown[] = [];
    await late.vibrator("beta").resonateOn("orders.*", ({ payload }) => void handled.push(payload));
    const letters: DeadLetter[] = [];
    for await (const letter of late.deadLetters.list()) {
      letters.push(letter);
    }
    expect(letters).toMatchObject([
      { attempts: 2, group: "beta", name: "orders.*", origin: { source: "alpha" }, wave: { payload: 1 } },
      { attempts: 2, error: { message: "broken", stack: expect.stringContaining("sharing.test") } },
    ]);
    const [one, two] = letters.map(({ id }) => id);
    await late.deadLetters.reemit(one ?? "", { payload: "mended" });
    await until(() => handled.length === 1);
    expect(handled).toEqual(["mended"]);
    expect(await rejection(late.deadLetters.reemit(one ?? ""))).toMatchObject({ code: "AETHER_UNKNOWN_LETTER" });
    expect(await late.deadLetters.purge({ id: two ?? "" })).toBe(1);
    expect(await late.deadLetters.stats()).toMatchObject({ entered: 2, kept: 0, reemitted: 1, purged: 1 });
  });

  test("lies under no medium that reaches other processes", async () => {
    await using here = await world();
    const { journal } = await here.live();
    const medium: Medium = inProcess();
    for (const trait of ["crossProcess", "durable"]) {
      const reaching = { ...medium, traits: { ...medium.traits, [trait]: true } };
      expect(() => journal.over(reaching)).toThrow(expect.objectContaining({ code: "AETHER_UNSUPPORTED" }));
    }
  });

  test("a snapshot of the recorder's name is refused", async () => {
    await using here = await world();
    const { journal } = await here.live();
    const position = journal.health().last ?? "";
    expect(await rejection(journal.snapshot("aether-recorder", {}, position))).toMatchObject({
      code: "AETHER_BAD_OPTION",
    });
  });
});
