/** The file system of the machine, through the one interface that the journal knows. */

import * as fs from "node:fs";
import { constants } from "node:fs";
import { chmod, lstat, mkdir, open, readdir, rename, unlink } from "node:fs/promises";
import { promisify } from "node:util";
import type { Done, FileSystem, OpenFile } from "./file-system.ts";

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;
const { O_CREAT, O_EXCL, O_NOFOLLOW = 0, O_RDONLY, O_RDWR } = constants;
const FLAGS = {
  read: O_RDONLY | O_NOFOLLOW,
  write: O_RDWR | O_NOFOLLOW,
  create: O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW,
} as const;

const openFd = promisify(fs.open);
const fstat = promisify(fs.fstat);
const ftruncate = promisify(fs.ftruncate);
const closeFd = promisify(fs.close);

/** Works with a plain descriptor: a promise for each write would cost as much as the write. */
class NodeFile implements OpenFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(bytes: Uint8Array, position: number, done: Done): void {
    fs.write(this.#fd, bytes, 0, bytes.length, position, (error, written) => {
      if (error !== null || written === bytes.length) {
        done(error);
      } else if (written === 0) {
        done(Object.assign(new Error("nothing was written"), { code: "ENOSPC" }));
      } else {
        this.write(bytes.subarray(written), position + written, done);
      }
    });
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

  close(): Promise<void> {
    return closeFd(this.#fd);
  }
}

export const nodeFileSystem: FileSystem = {
  async open(path, how) {
    return new NodeFile(await openFd(path, FLAGS[how], FILE_MODE));
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
