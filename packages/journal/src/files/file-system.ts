/** What a journal asks of a file system: little enough to be simulated, and to be told when it fails. */

/** Called once, when it has been done or has failed. */
export type Done = (error: Error | null) => void;

/** An open file. Calls of one file are never made while another one of it runs, reads aside. */
export interface OpenFile {
  /** Writes all of `bytes` at `position`. */
  write(bytes: Uint8Array, position: number, done: Done): void;
  /**
   * Writes as {@link write} does, and is done when these bytes are on the disk, and the length of the file is, as after
   * {@link sync}. Left out where that is no faster than one after the other.
   */
  writeThrough?(bytes: Uint8Array, position: number, done: Done): void;
  /** What was written is on the disk, and the length of the file is, before it is done. */
  sync(done: Done): void;
  /** Reads up to `bytes.length` bytes at `position`; fewer only at the end of the file. Gives how many. */
  read(bytes: Uint8Array, position: number): Promise<number>;
  size(): Promise<number>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

/** What stands at a path. */
export type Standing = "nothing" | "file" | "directory" | "other";

/** A file system. Links are never followed in the last part of a path; what it makes is for its owner alone. */
export interface FileSystem {
  /** `create` makes a file that must not be there yet. */
  open(path: string, how: "read" | "write" | "create"): Promise<OpenFile>;
  /** Makes the directory and those above it. */
  makeDirectory(path: string): Promise<void>;
  /** Names in the directory. */
  list(path: string): Promise<readonly string[]>;
  standing(path: string): Promise<Standing>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Names that came, went or changed in the directory are on the disk before it resolves. */
  syncDirectory(path: string): Promise<void>;
}
