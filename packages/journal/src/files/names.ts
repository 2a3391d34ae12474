/** The names of a journal's files, and what else may stand beside them. */

const SEGMENT = /^([0-9a-f]{16})\.log$/;
const SNAPSHOT = /^snapshot-([A-Za-z0-9_-]{1,64})\.([0-9a-f]{16})\.snap$/;
const LOCK = /^writer-(\d+)-([0-9a-f]+)-([0-9a-z]+)\.lock$/;
const TOKEN = /^[A-Za-z0-9_-]{1,64}$/;
const DIGITS = 16;
const HEX = 16;

/** The file of the segment that begins with `sequence`. */
export function segmentName(sequence: number): string {
  return `${sequence.toString(HEX).padStart(DIGITS, "0")}.log`;
}

/** The first sequence of the segment in `file`; `undefined`: it is no segment. */
export function sequenceOf(file: string): number | undefined {
  const [, digits] = SEGMENT.exec(file) ?? [];
  return digits === undefined ? undefined : Number.parseInt(digits, HEX);
}

/** The file of a snapshot of `name` that covers everything up to `sequence`. */
export function snapshotName(name: string, sequence: number): string {
  return `snapshot-${name}.${sequence.toString(HEX).padStart(DIGITS, "0")}.snap`;
}

/** What a snapshot's file is of; `undefined`: it is none. */
export function snapshotOf(file: string): { readonly name: string; readonly sequence: number } | undefined {
  const [, name, digits] = SNAPSHOT.exec(file) ?? [];
  return name === undefined || digits === undefined ? undefined : { name, sequence: Number.parseInt(digits, HEX) };
}

/** The name of the snapshots in which a recorder keeps what it remembers. */
export const RECORDER = "aether-recorder";

/** Who holds a lock file: its process and when that began. */
export interface Owner {
  readonly pid: number;
  readonly began: string;
}

export function lockName({ pid, began }: Owner, token: string): string {
  return `writer-${pid}-${began}-${token}.lock`;
}

/** Who a lock file is of; `undefined`: it is none. */
export function ownerOf(file: string): Owner | undefined {
  const [, pid, began] = LOCK.exec(file) ?? [];
  return pid === undefined || began === undefined ? undefined : { pid: Number(pid), began };
}

/** Whether `name` can be part of a file's name, whatever it says: 1 to 64 of `A-Z a-z 0-9 _ -`. */
export function isToken(name: unknown): name is string {
  return typeof name === "string" && TOKEN.test(name);
}

/** What an unfinished snapshot is called. */
export const UNFINISHED = ".tmp";

/** Whether a journal may have made `file`, or a file system puts it everywhere. */
export function isOurs(file: string): boolean {
  return (
    SEGMENT.test(file) ||
    SNAPSHOT.test(file) ||
    LOCK.test(file) ||
    (file.startsWith("snapshot-") && file.endsWith(UNFINISHED)) ||
    file === "lost+found"
  );
}
