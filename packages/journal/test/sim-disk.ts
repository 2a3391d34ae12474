/**
 * A disk in memory that forgets like a real one: what was not synced when the power went may be there or not, sector by
 * sector, and so may names in the directory. It holds one directory.
 */

import { basename } from "node:path";
import type { FileSystem, OpenFile, Standing } from "../src/index.ts";

const SECTOR = 512;

interface Write {
  readonly at: number;
  /** `undefined`: the file was cut off at `at`. */
  readonly bytes: Buffer | undefined;
}

type Rename = { readonly from: string; readonly to: string };
type NameChange = { readonly made: string; readonly file: SimFile } | { readonly removed: string } | Rename;

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: simulated`), { code });
}

/** The bytes of a file: what is on the disk, and what is on its way there. */
class SimFile {
  stored: Buffer = Buffer.alloc(0);
  waiting: readonly Write[] = [];
  now: Buffer = Buffer.alloc(0);

  static of(stored: Buffer, waiting: readonly Write[] = []): SimFile {
    const file = new SimFile();
    file.stored = stored;
    file.now = stored;
    for (const write of waiting) {
      file.write(write);
    }
    return file;
  }

  write(write: Write): void {
    this.waiting = [...this.waiting, write];
    this.now = applied(this.now, write);
  }

  sync(): void {
    this.stored = this.now;
    this.waiting = [];
  }

  /** What a loss of power may leave of it. */
  afterLoss(random: () => number): Buffer {
    let bytes = this.stored;
    const whole = Math.floor(random() * (this.waiting.length + 1));
    const keep = random();
    for (const [index, write] of this.waiting.entries()) {
      if (write.bytes === undefined || index < whole) {
        bytes = index < whole || random() < keep ? applied(bytes, write) : bytes;
        continue;
      }
      for (let from = 0; from < write.bytes.length; ) {
        const to = Math.min(write.bytes.length, from + SECTOR - ((write.at + from) % SECTOR));
        if (random() < keep) {
          bytes = applied(bytes, { at: write.at + from, bytes: write.bytes.subarray(from, to) });
        }
        from = to;
      }
    }
    return bytes;
  }
}

function applied(bytes: Buffer, { at, bytes: more }: Write): Buffer {
  if (more === undefined) {
    const cut = Buffer.alloc(at);
    bytes.copy(cut);
    return cut;
  }
  const next = Buffer.alloc(Math.max(bytes.length, at + more.length));
  bytes.copy(next);
  more.copy(next, at);
  return next;
}

/** What goes wrong on purpose. */
export interface SimFaults {
  /** Syncs of files, or of directories, that say they are done and have done nothing. */
  readonly forgetSync?: boolean;
  readonly forgetDirectories?: boolean;
  /** Bytes that all files may take together. */
  room?: number;
  /** The next sync fails. */
  failSync?: boolean;
  /** Files can be written and synced in one call. */
  readonly writesThrough?: boolean;
  /** Nothing can be made or changed. */
  readonly isReadOnly?: boolean;
}

/** A disk with one directory, as a journal's file system. */
export class SimDisk implements FileSystem {
  readonly faults: SimFaults;
  #stored: ReadonlyMap<string, SimFile> = new Map();
  #changes: readonly NameChange[] = [];
  #now = new Map<string, SimFile>();
  /** Called before everything that changes something. */
  onChange: () => void = () => undefined;

  constructor(faults: SimFaults = {}) {
    this.faults = faults;
  }

  /** A disk on which `files` are stored. */
  static holding(files: Iterable<readonly [string, Buffer]>, faults?: SimFaults): SimDisk {
    const disk = new SimDisk(faults);
    disk.#now = new Map([...files].map(([name, bytes]) => [name, SimFile.of(bytes)]));
    disk.#stored = new Map(disk.#now);
    return disk;
  }

  /** Every file as it can be read now. */
  get files(): Map<string, Buffer> {
    return new Map([...this.#now].map(([name, file]) => [name, file.now]));
  }

  /** This moment, to lose power at later: gives what is left then, by chance. Locks of the process die with it. */
  moment(): (random: () => number) => Map<string, Buffer> {
    const all = new Set([...this.#stored.values(), ...this.#now.values()]);
    for (const change of this.#changes) {
      if ("file" in change) {
        all.add(change.file);
      }
    }
    const copies = new Map([...all].map((file) => [file, SimFile.of(file.stored, file.waiting)]));
    const stored = this.#stored;
    const changes = this.#changes;
    return (random) => {
      const names = new Map(stored);
      const whole = Math.floor(random() * (changes.length + 1));
      const keep = random();
      for (const [index, change] of changes.entries()) {
        if (index < whole || random() < keep) {
          rename(names, change);
        }
      }
      const left = new Map<string, Buffer>();
      for (const [name, file] of names) {
        if (!name.endsWith(".lock")) {
          left.set(name, copies.get(file)?.afterLoss(random) ?? Buffer.alloc(0));
        }
      }
      return left;
    };
  }

  #change(change: NameChange): void {
    if (this.faults.isReadOnly === true) {
      throw failure("EROFS");
    }
    this.onChange();
    this.#changes = [...this.#changes, change];
    rename(this.#now, change);
  }

  #used(): number {
    let bytes = 0;
    for (const { now } of this.#now.values()) {
      bytes += now.length;
    }
    return bytes;
  }

  async open(path: string, how: "read" | "write" | "create"): Promise<OpenFile> {
    const name = basename(path);
    const there = this.#now.get(name);
    if (how === "create") {
      if (there !== undefined) {
        throw failure("EEXIST");
      }
      this.#change({ made: name, file: new SimFile() });
    }
    const file = this.#now.get(name);
    if (file === undefined) {
      throw failure("ENOENT");
    }
    return this.#opened(file);
  }

  #opened(file: SimFile): OpenFile {
    const opened = this.#plain(file);
    if (this.faults.writesThrough !== true) {
      return opened;
    }
    // As a kernel does it: one after the other, and the power may go in between.
    return {
      ...opened,
      writeThrough: (bytes, at, done) =>
        opened.write(bytes, at, (error) => (error === null ? opened.sync(done) : done(error))),
    };
  }

  #plain(file: SimFile): OpenFile {
    return {
      write: (bytes, at, done) => {
        this.onChange();
        const more = Math.max(0, at + bytes.length - file.now.length);
        const left = (this.faults.room ?? Number.POSITIVE_INFINITY) - this.#used();
        const fits = more <= left ? bytes.length : Math.max(0, bytes.length - (more - Math.max(0, left)));
        if (fits > 0) {
          file.write({ at, bytes: Buffer.from(bytes.subarray(0, fits)) });
        }
        queueMicrotask(() => done(fits < bytes.length ? failure("ENOSPC") : null));
      },
      sync: (done) => {
        this.onChange();
        queueMicrotask(() => done(this.#sync(file)));
      },
      async read(bytes, at) {
        const end = Math.min(file.now.length, at + bytes.length);
        return at >= end ? 0 : file.now.copy(bytes, 0, at, end);
      },
      size: async () => file.now.length,
      truncate: async (length) => {
        this.onChange();
        if (length < file.now.length) {
          file.write({ at: length, bytes: undefined });
        }
      },
      close: async () => undefined,
    };
  }

  #sync(file: SimFile): Error | null {
    if (this.faults.failSync === true) {
      this.faults.failSync = false;
      return failure("EIO");
    }
    if (this.faults.forgetSync !== true) {
      file.sync();
    }
    return null;
  }

  async makeDirectory(): Promise<void> {
    if (this.faults.isReadOnly === true) {
      throw failure("EROFS");
    }
  }

  async list(): Promise<readonly string[]> {
    return [...this.#now.keys()];
  }

  async standing(): Promise<Standing> {
    return "directory";
  }

  async rename(from: string, to: string): Promise<void> {
    this.#change({ from: basename(from), to: basename(to) });
  }

  async remove(path: string): Promise<void> {
    if (!this.#now.has(basename(path))) {
      throw failure("ENOENT");
    }
    this.#change({ removed: basename(path) });
  }

  async syncDirectory(): Promise<void> {
    this.onChange();
    if (this.faults.forgetDirectories !== true) {
      this.#stored = new Map(this.#now);
      this.#changes = [];
    }
  }
}

function rename(names: Map<string, SimFile>, change: NameChange): void {
  if ("file" in change) {
    names.set(change.made, change.file);
  } else if ("removed" in change) {
    names.delete(change.removed);
  } else {
    const file = names.get(change.from);
    if (file !== undefined) {
      names.delete(change.from);
      names.set(change.to, file);
    }
  }
}
