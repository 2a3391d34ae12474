import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { AetherError } from "@aether/core";
import { describe, expect, test } from "vitest";
import { openJournal } from "../src/index.ts";
import { testDirectory } from "./directory.ts";
import { SimDisk } from "./sim-disk.ts";
import { idsIn, wave } from "./waves.ts";

async function refusal(promise: Promise<unknown>): Promise<AetherError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof AetherError) {
      return error;
    }
    throw error;
  }
  throw new Error("Expected it to be refused");
}

/** Every file below `path` with its bytes. */
async function contents(path: string): Promise<Record<string, string>> {
  const names = (await readdir(path)).sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(path, name), "hex")])),
  );
}

describe("a directory", () => {
  test("that holds something else is no journal, and is left as it is", async () => {
    await using directory = await testDirectory();
    await writeFile(join(directory.path, "notes.txt"), "mine");
    const error = await refusal(openJournal(directory.path));
    expect(error.code).toBe("AETHER_NO_JOURNAL");
    expect(error.message).toContain("notes.txt");
    expect(await readdir(directory.path)).toEqual(["notes.txt"]);
  });

  test("that is a file, or a link, is no journal", async () => {
    await using directory = await testDirectory();
    await writeFile(join(directory.path, "file"), "");
    await mkdir(join(directory.path, "real"));
    await symlink(join(directory.path, "real"), join(directory.path, "link"));
    expect((await refusal(openJournal(join(directory.path, "file")))).code).toBe("AETHER_NO_JOURNAL");
    expect((await refusal(openJournal(join(directory.path, "link")))).code).toBe("AETHER_NO_JOURNAL");
    expect(await readdir(join(directory.path, "real"))).toEqual([]);
  });

  test("that is missing is made, for its owner alone", async () => {
    await using directory = await testDirectory();
    const path = join(directory.path, "deep", "journal");
    await using journal = await openJournal(path);
    const position = await journal.append(wave("w1"));
    await journal.snapshot("sum", 1, position);
    expect((await stat(path)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(path)) {
      expect([name, (await stat(join(path, name))).mode & 0o777]).toEqual([name, 0o600]);
    }
  });

  test("that is missing or empty cannot be read only", async () => {
    await using directory = await testDirectory();
    const { path } = directory;
    expect((await refusal(openJournal(path, { readOnly: true }))).code).toBe("AETHER_NO_JOURNAL");
    expect((await refusal(openJournal(join(path, "none"), { readOnly: true }))).code).toBe("AETHER_NO_JOURNAL");
    expect(await readdir(path)).toEqual([]);
  });

  test("that may not be written is refused with the reason", async () => {
    const error = await refusal(openJournal("/sim", { fileSystem: new SimDisk({ isReadOnly: true }) }));
    expect(error).toMatchObject({ code: "AETHER_JOURNAL_FAILED", details: { reason: "EROFS" } });
  });

  test("whose segment is a link is refused, and the link is not followed", async () => {
    await using directory = await testDirectory();
    const path = join(directory.path, "journal");
    await mkdir(path);
    await writeFile(join(directory.path, "elsewhere"), "secret");
    await symlink(join(directory.path, "elsewhere"), join(path, "0000000000000001.log"));
    expect((await refusal(openJournal(path))).code).toBe("AETHER_JOURNAL_DAMAGED");
    expect(await readFile(join(directory.path, "elsewhere"), "utf8")).toBe("secret");
  });

  test("with a snapshot and no log is refused: the log was lost", async () => {
    await using directory = await testDirectory();
    await writeFile(join(directory.path, "snapshot-sum.0000000000000001.snap"), "");
    expect((await refusal(openJournal(directory.path))).code).toBe("AETHER_JOURNAL_DAMAGED");
  });
});

describe("a second writer", () => {
  test("is refused in this process, and may come when the first has closed", async () => {
    await using directory = await testDirectory();
    const first = await openJournal(directory.path);
    const error = await refusal(openJournal(directory.path));
    expect(error).toMatchObject({ code: "AETHER_JOURNAL_LOCKED", retryable: true, details: { pid: process.pid } });
    await first.append(wave("w1"));
    await first.close();
    await using second = await openJournal(directory.path);
    expect(await idsIn(second)).toEqual(["w1"]);
  });

  test("of ten that come at once, one at most becomes the writer", async () => {
    await using directory = await testDirectory();
    const opened = await Promise.allSettled(Array.from({ length: 10 }, () => openJournal(directory.path)));
    const writers = opened.filter(({ status }) => status === "fulfilled");
    expect(writers.length).toBeLessThanOrEqual(1);
    await Promise.all(opened.map(async (one) => (one.status === "fulfilled" ? one.value.close() : undefined)));
  });

  test("is refused while another process writes, which can be read meanwhile, and may come once that was killed", async () => {
    await using directory = await testDirectory();
    const path = join(directory.path, "journal");
    const child = spawn(process.execPath, [
      fileURLToPath(new URL("journal-child.mjs", import.meta.url)),
      path,
      "0",
      "1",
    ]);
    const ended = once(child, "exit");
    try {
      await once(child.stdout, "data");
      expect(await refusal(openJournal(path))).toMatchObject({
        code: "AETHER_JOURNAL_LOCKED",
        details: { pid: child.pid },
      });
      await using reader = await openJournal(path, { readOnly: true });
      await expect.poll(async () => (await idsIn(reader)).length).toBeGreaterThan(10);
      const ids = await idsIn(reader);
      expect(ids).toEqual(ids.map((_, at) => `r0-0-${at}`));
      expect((await refusal(reader.append(wave("w1")))).code).toBe("AETHER_UNSUPPORTED");
    } finally {
      child.kill("SIGKILL");
      await ended;
    }
    await using writer = await openJournal(path);
    expect(await writer.append(wave("w1"))).toBeTypeOf("string");
  });
});

describe("a segment", () => {
  async function withLog(change: (bytes: Buffer) => void): Promise<[string, AetherError, boolean]> {
    const directory = await testDirectory();
    await using _ = directory;
    const journal = await openJournal(directory.path);
    await journal.append(wave("w1"));
    await journal.close();
    const [name = ""] = await readdir(directory.path);
    const path = join(directory.path, name);
    const bytes = await readFile(path);
    change(bytes);
    await writeFile(path, bytes);
    const before = await contents(directory.path);
    const error = await refusal(openJournal(directory.path));
    return [path, error, JSON.stringify(before) === JSON.stringify(await contents(directory.path))];
  }

  test("of a later version is refused, and left as it is", async () => {
    const [file, error, isSame] = await withLog((bytes) => bytes.writeUInt16LE(2, 8));
    expect(error).toMatchObject({ code: "AETHER_UNSUPPORTED", details: { file, version: 2 } });
    expect(isSame).toBe(true);
  });

  test("with other bytes is refused with file and offset, and left as it is", async () => {
    const [file, error, isSame] = await withLog((bytes) => bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100));
    expect(error).toMatchObject({ code: "AETHER_JOURNAL_DAMAGED", details: { file, offset: 64 } });
    expect(isSame).toBe(true);
  });
});

describe("an option", () => {
  test.each([
    [{ mode: "often" }, "mode"],
    [{ segmentBytes: 1 }, "segmentBytes"],
    [{ intervalMs: 0 }, "intervalMs"],
    [{ retention: { maxBytes: "1" } }, "retention.maxBytes"],
    [{ retention: { maxAge: 1 } }, "retention"],
    [{ readOnly: 1 }, "readOnly"],
    [{ clock: {} }, "clock"],
    [{ fileSystem: 5 }, "fileSystem"],
    [{ fileSystem: { open: () => {} } }, "fileSystem"],
    [{ sync: true }, "options"],
  ])("%j is refused", async (options, option) => {
    const error = await refusal(Reflect.apply(openJournal, undefined, ["/sim", options]));
    expect(error).toMatchObject({ code: "AETHER_BAD_OPTION", details: { option } });
  });

  test("of listening is refused: an event that is none, and what is no function", async () => {
    await using journal = await openJournal("/sim", { fileSystem: new SimDisk() });
    for (const [event, listener, option] of [
      ["empty", () => {}, "event"],
      ["full", 5, "listener"],
    ]) {
      expect(() => Reflect.apply(journal.on, journal, [event, listener])).toThrow(
        expect.objectContaining({ code: "AETHER_BAD_OPTION", details: expect.objectContaining({ option }) }),
      );
    }
  });

  test.each([
    [{ from: "here" }, "AETHER_BAD_OPTION"],
    [{ to: new Date(Number.NaN) }, "AETHER_BAD_OPTION"],
    [{ pattern: "a..b" }, "AETHER_BAD_CHANNEL"],
    [{ minAmplitude: 2 }, "AETHER_BAD_OPTION"],
  ])("of reading %j is refused", async (options, code) => {
    await using journal = await openJournal("/sim", { fileSystem: new SimDisk() });
    await journal.append(wave("w1"));
    expect((await refusal((async () => idsIn(journal, options))())).code).toBe(code);
  });

  test("a name of a snapshot that could lead elsewhere is refused", async () => {
    await using journal = await openJournal("/sim", { fileSystem: new SimDisk() });
    const position = await journal.append(wave("w1"));
    for (const name of ["", "..", "a/b", "../x", "a.b", "a\0", "x".repeat(65)]) {
      expect((await refusal(journal.snapshot(name, 1, position))).code).toBe("AETHER_BAD_OPTION");
    }
  });
});
