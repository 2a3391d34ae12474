/** Persistence by configuration: a run keeps what is recorded in a journal of its own, and what a folder may not be. */

import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inProcess, type Medium } from "@aether/core";
import { type Journal, openJournal } from "@aether/journal";
import { natsMedium } from "@aether/nats";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { defineService, type Flags, type Loaded, loadConfig, type RunningServices, runService } from "../src/index.ts";

let root: string;
let folder: string;
const open: RunningServices[] = [];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "aether-persistence-"));
  folder = join(root, "journal");
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((run) => run.close()));
  await rm(root, { recursive: true, force: true });
});

function persistent(flags: Flags = {}): Loaded {
  return loadConfig("worker", {
    cwd: "/nonexistent",
    env: {},
    flags: {
      "logging.level": "silent",
      "operations.health_enabled": false,
      "aether.persistence_enabled": true,
      "aether.persistence_path": folder,
      "aether.recorded": ["work.>"],
      ...flags,
    },
  });
}

/** Runs a service that hears "work.done" and enters what it got. */
async function run(got: unknown[], options: Parameters<typeof runService>[1] = {}): Promise<RunningServices> {
  const worker = defineService("worker", async ({ vibrator }) => {
    await vibrator.resonateOn("work.done", ({ payload }) => void got.push(payload));
  });
  const running = await runService(worker, { config: persistent(), ...options });
  open.push(running);
  return running;
}

const nobody = defineService("nobody", () => {});

describe("with aether.persistence_enabled", () => {
  test("what comes while a service is away is there when it comes back, by another run", async () => {
    await (await run([])).close();
    const away = await runService(nobody, { config: persistent() });
    await away.aether.vibrator("other").emit("work.done", 1);
    await away.close();
    const got: unknown[] = [];
    await run(got);
    await expect.poll(() => got).toEqual([1]);
  });

  test("the control: without it the channel is refused, for nothing records", async () => {
    await expect(run([], { config: persistent({ "aether.persistence_enabled": false }) })).rejects.toMatchObject({
      code: "AETHER_UNSUPPORTED",
      details: { option: "recorded" },
    });
  });

  test("views save a snapshot every snapshot_interval waves", async () => {
    const { aether } = await run([], { config: persistent({ "aether.snapshot_interval": 3 }) });
    const counting = defineService("counting", async ({ vibrator }) => {
      await vibrator.materialize("count", { channels: ["work.done"], initial: 0, apply: (count) => count + 1 });
    });
    const config = persistent({ "aether.snapshot_interval": 3 });
    open.push(await runService(counting, { config }));
    const snapshots = async (): Promise<number> =>
      (await readdir(folder)).filter((name) => name.endsWith(".snap") && !name.startsWith("snapshot-aether-recorder."))
        .length;
    const other = aether.vibrator("other");
    await other.emit("work.done", 1);
    await other.emit("work.done", 2);
    expect(await snapshots()).toBe(0);
    await other.emit("work.done", 3);
    await expect.poll(snapshots).toBeGreaterThan(0);
  });

  test("runs of one process share one journal, which is closed with the last of them", async () => {
    const first = await run([]);
    const second = await runService(nobody, { config: persistent() });
    await first.close();
    await second.aether.vibrator("other").emit("work.done", 1);
    await expect(openJournal(folder)).rejects.toMatchObject({ code: "AETHER_JOURNAL_LOCKED" });
    await second.close();
    await (await openJournal(folder)).close();
  });

  test("a run that begins while the last one closes has it after that", async () => {
    const first = await run([]);
    const [second] = await Promise.all([run([]), first.close()]);
    await second.aether.vibrator("other").emit("work.done", 1);
  });

  test("a start that fails lets the journal go", async () => {
    const failing = defineService("failing", () => {
      throw new Error("no");
    });
    await expect(runService(failing, { config: persistent() })).rejects.toThrow("no");
    await expect(runService(nobody, { config: persistent(), limits: { maxPayloadBytes: 0 } })).rejects.toThrow(
      "limits",
    );
    await (await openJournal(folder)).close();
  });

  test("a journal that is given goes before it", async () => {
    await using journal = await openJournal(join(root, "given"));
    const { aether } = await run([], { journal });
    await aether.vibrator("other").emit("work.done", 1);
    expect(await readdir(root)).toEqual(["given"]);
    await open.pop()?.close();
  });

  test.each([
    ["records by itself", (other: Journal) => other.over(inProcess())],
    ["is NATS, where JetStream records", () => natsMedium()],
  ])("a medium that %s keeps the record, and the log says so", async (_, medium: (other: Journal) => Medium) => {
    const warnings: string[] = [];
    const log = { debug() {}, info() {}, error() {}, warn: (message: string) => void warnings.push(message) };
    await using other = await openJournal(join(root, "other"));
    const given = medium(other);
    const running = runService(nobody, {
      config: persistent({ "aether.nats_url": "nats://127.0.0.1:1" }),
      medium: given,
      log,
    });
    if (given.traits.crossProcess) {
      // No server is there; what counts is that it was asked for.
      await running.catch(() => undefined);
    } else {
      await (await running).close();
    }
    expect(warnings).toEqual(["No journal is opened, for the medium records by itself"]);
    expect(await readdir(root)).toEqual(["other"]);
  });

  test("a medium that reaches other processes and records nothing is refused", async () => {
    const medium = natsMedium({ stream: false });
    await expect(runService(nobody, { config: persistent(), medium })).rejects.toMatchObject({
      code: "AETHER_UNSUPPORTED",
      details: { key: "aether.persistence_enabled" },
    });
  });
});

describe("a folder is refused, by the name of its key,", () => {
  const refused = async (code: string, text: string): Promise<void> => {
    const running = runService(nobody, { config: persistent() });
    await expect(running).rejects.toMatchObject({ code, details: { key: "aether.persistence_path" } });
    await expect(running).rejects.toThrow("`aether.persistence_path`");
    await expect(running).rejects.toThrow(text);
  };

  test("that another writer has", async () => {
    await using _ = await openJournal(folder);
    await refused("AETHER_JOURNAL_LOCKED", String(process.pid));
  });

  test("that is a file", async () => {
    await writeFile(folder, "");
    await refused("AETHER_NO_JOURNAL", "a file");
  });

  test("that holds something else", async () => {
    await writeFile(join(root, "letter.txt"), "");
    folder = root;
    await refused("AETHER_NO_JOURNAL", "letter.txt");
  });

  test("that cannot be made", async () => {
    await writeFile(folder, "");
    folder = join(folder, "below");
    await refused("AETHER_JOURNAL_FAILED", "ENOTDIR");
  });
});
