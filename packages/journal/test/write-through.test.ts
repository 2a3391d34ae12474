import { constants } from "node:fs";
import { readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { nodeFileSystem } from "../src/files/node-file-system.ts";
import { openJournal } from "../src/index.ts";
import { testDirectory } from "./directory.ts";
import { idsIn, wave } from "./waves.ts";

/** What the open descriptors of files in `directory` were opened with, by the kernel's word. */
async function flagsIn(directory: string): Promise<number[]> {
  const flags: number[] = [];
  for (const fd of await readdir("/proc/self/fd").catch(() => [])) {
    const target = await readlink(`/proc/self/fd/${fd}`).catch(() => "");
    if (target.startsWith(join(directory, "0")) && target.endsWith(".log")) {
      const info = await readFile(`/proc/self/fdinfo/${fd}`, "utf8");
      flags.push(Number.parseInt(/^flags:\s+(\d+)$/m.exec(info)?.[1] ?? "", 8));
    }
  }
  return flags;
}

const isLinux = process.platform === "linux";

test("a segment is written through to the disk, and let go of twice", async () => {
  await using directory = await testDirectory();
  const journal = await openJournal(directory.path);
  const kept = Array.from({ length: 50 }, (_, n) => `w${n}`);
  for (const id of kept) {
    await journal.append(wave(id));
  }
  const { O_DSYNC } = constants;
  expect((await flagsIn(directory.path)).map((flags) => (flags & O_DSYNC) === O_DSYNC).sort()).toEqual(
    isLinux ? [false, true] : [],
  );
  expect(await idsIn(journal)).toEqual(kept);
  await journal.close();
  expect(await flagsIn(directory.path)).toEqual([]);
});

test("of appends that come one by one, few need a sync of their own", async () => {
  await using directory = await testDirectory();
  const calls = { through: 0, sync: 0 };
  const journal = await openJournal(directory.path, {
    fileSystem: {
      ...nodeFileSystem,
      async open(path, how) {
        const file = await nodeFileSystem.open(path, how);
        const { writeThrough } = file;
        return {
          write: (bytes, at, done) => file.write(bytes, at, done),
          ...(writeThrough === undefined
            ? {}
            : {
                writeThrough(bytes, at, done) {
                  calls.through++;
                  writeThrough(bytes, at, done);
                },
              }),
          sync(done) {
            calls.sync++;
            file.sync(done);
          },
          read: (bytes, at) => file.read(bytes, at),
          size: () => file.size(),
          truncate: (length) => file.truncate(length),
          close: () => file.close(),
        };
      },
    },
  });
  for (let n = 0; n < 50; n++) {
    await journal.append(wave(`w${n}`));
  }
  // The header of the segment, and the first batch with the zeros behind it.
  expect(calls).toEqual(isLinux ? { through: 49, sync: 2 } : { through: 0, sync: 51 });
  await journal.close();
});
