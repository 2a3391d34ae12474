/** The file system of the machine, through the one interface that the journal knows. */

import * as fs from "node:fs";
import { constants } from "node:fs";
import { chmod, lstat, mkdir, open, readdir, rename, unlink } from "node:fs/promises";
import { promisify } from "node:util";
import type { Done, FileSystem, OpenFile } from "./file-system.ts";

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;
const { O_CREAT, O_DSYNC, O_EXCL, O_NOFOLLOW = 0, O_RDONLY, O_RDWR } = constants;
const FLAGS = {
  read: O_RDONLY | O_NOFOLLOW,
  write: O_RDWR | O_NOFOLLOW,
  create: O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW,
} as const;

const openFd = promisify(fs.open);
const fstat = promisify(fs.fstat);
const ftruncate = promisify(fs.ftruncate);
const closeFd = promisify(fs.close);

function write(fd: number, bytes: Uint8Array, position: number, done: Done): void {
  fs.write(fd, bytes, 0, bytes.length, position, (error, written) => {
    if (error !== null || written === bytes.length) {
      done(error);
    } else if (written === 0) {
      done(Object.assign(new Error("nothing was written"), { code: "ENOSPC" }));
    } else {
      write(fd, bytes.subarray(written), position + written, done);
    }
  });
}

/** Works with a plain descriptor: a promise for each write would cost as much as the write. */
class NodeFile implements OpenFile {
  readonly #fd: number;
  readonly #throughFd: number | undefined;
  readonly writeThrough?: (bytes: Uint8Array, position: number, done: Done) => void;

  /** `throughFd` is of the same file, opened with `O_DSYNC`. */
  constructor(fd: number, throughFd?: number) {
    this.#fd = fd;
    this.#throughFd = throughFd;
    if (throughFd !== undefined) {
      this.writeThrough = (bytes, position, done) => write(throughFd, bytes, position, done);
    }
  }

  write(bytes: Uint8Array, position: number, done: Done): void {
    write(this.#fd, bytes, position, done);
  }

  sync(done: Done): void {
    fs.fdatasync(this.#fd, done);
  }

  read(bytes: Uint8Array, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const more = (got: number): void => {
        fs.read(this.#fd, bytes, got, bytes.length - got, position + got, (error, count) => {
          if (error !== null) {
            reject(error);
          } else if (count === 0 || got + count === bytes.length) {
            resolve(got + count);
          } else {
            more(got + count);
          }
        });
      };
      more(0);
    });
  }

  async size(): Promise<number> {
    return (await fstat(this.#fd)).size;
  }

  truncate(length: number): Promise<void> {
    return ftruncate(this.#fd, length);
  }

  async close(): Promise<void> {
    if (this.#throughFd !== undefined) {
      await closeFd(this.#throughFd);
    }
    await closeFd(this.#fd);
  }
}

/**
 * Another descriptor of the file that was just made, for writes that go to the disk at once: one call in place of two. On
 * Linux alone: elsewhere such a write may end in the memory of the disk, where a sync does not.
 */
async function throughTo(path: string, fd: number): Promise<number | undefined> {
  if (process.platform !== "linux") {
    return undefined;
  }
  const through = await openFd(path, O_RDWR | O_DSYNC | O_NOFOLLOW).catch(() => undefined);
  if (through === undefined) {
    return undefined;
  }
  const [one, other] = await Promise.all([fstat(fd), fstat(through)]);
  if (one.dev === other.dev && one.ino === other.ino) {
    return through;
  }
  await closeFd(through);
  return undefined;
}

export const nodeFileSystem: FileSystem = {
  async open(path, how) {
    const fd = await openFd(path, FLAGS[how], FILE_MODE);
    return new NodeFile(fd, how === "create" ? await throughTo(path, fd) : undefined);
  },
  async makeDirectory(path) {
    await mkdir(path, { recursive: true, mode: DIRECTORY_MODE });
    await chmod(path, DIRECTORY_MODE);
  },
  list: (path) => readdir(path),
  async standing(path) {
    try {
      const stat = await lstat(path);
      return stat.isFile() ? "file" : stat.isDirectory() ? "directory" : "other";
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") {
        return "nothing";
      }
      throw error;
    }
  },
  rename,
  remove: unlink,
  async syncDirectory(path) {
    const directory = await open(path, O_RDONLY | O_NOFOLLOW);
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  },
};
