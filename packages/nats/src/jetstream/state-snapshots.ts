/** Snapshots on JetStream: `SnapshotStore` of one link, a stream with the last two of each view. docs/wire-format.md. */

import {
  AetherError,
  type Snapshot,
  type SnapshotName,
  type SnapshotStore,
  type UnreadableSnapshot,
} from "@aether/core";
import { DiscardPolicy, RetentionPolicy, StorageType } from "@nats-io/jetstream";
import type { Subjects } from "../subjects.ts";
import { madeStream, streamInfo } from "./made-stream.ts";
import { isMissing, type Managed, managed } from "./management.ts";
import { stateStreamOf } from "./names.ts";
import { placeOf } from "./position.ts";
import { type StoringParts, store } from "./storing.ts";
import type { CheckedStream } from "./stream-options.ts";
import { deliveries } from "./stream-reader.ts";

/** The newest, and the one before it. */
const KEPT = 2;
const NANOS_PER_MS = 1e6;
/** Nothing is stored under an id of its own: the shortest window does. */
const WINDOW_MS = 100;
/** How often it is tried to get past others who save at the same time. */
const MOST_ROUNDS = 20;
const LINE_END = 10;

/** What snapshots work with. */
export interface SnapshotParts extends Managed, Omit<StoringParts, "ready"> {
  readonly subjects: Subjects;
  readonly options: CheckedStream;
  /** A subject that was never used; one token follows. */
  inbox(): string;
}

/** The snapshots, as one link keeps and sees them. */
export class StateSnapshots implements SnapshotStore {
  readonly #parts: SnapshotParts;
  readonly #stream: string;
  #ready: Promise<unknown> | undefined;

  constructor(parts: SnapshotParts) {
    this.#parts = parts;
    this.#stream = stateStreamOf(parts.subjects.namespace);
  }

  async save({ vibrator, view }: SnapshotName, { position, state }: Snapshot): Promise<void> {
    const subject = this.#parts.subjects.snapshots(vibrator, view);
    const data = Buffer.concat([Buffer.from(`${position}\n`), state]);
    this.#assertFits(subject, data.length, view);
    const storing: StoringParts = { ...this.#parts, ready: (anew) => this.#isThere(anew) };
    await this.#isThere(false);
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const last = await this.#last(subject);
      if (last !== undefined && covers(last.position, position)) {
        return;
      }
      if ((await store(subject, data, last?.sequence ?? 0, storing)) !== undefined) {
        return;
      }
    }
    throw new AetherError("AETHER_TIMEOUT", `Others save snapshots of the view "${view}" all the time`);
  }

  #assertFits(subject: string, bytes: number, view: string): void {
    try {
      this.#parts.assertSendable(subject, bytes);
    } catch (cause) {
      if (cause instanceof AetherError && cause.code === "AETHER_TOO_LARGE") {
        throw new AetherError(
          "AETHER_TOO_LARGE",
          `Expected a state of the view "${view}" that fits into one message, got ${bytes} bytes: ${cause.message}. Raise \`max_payload\` of the server, or split the view`,
          { cause, details: { ...cause.details, view, bytes } },
        );
      }
      throw cause;
    }
  }

  async #isThere(anew: boolean): Promise<void> {
    if (this.#ready === undefined || anew) {
      const ready = this.#made();
      this.#ready = ready;
      ready.catch(() => {
        this.#ready = this.#ready === ready ? undefined : this.#ready;
      });
    }
    await this.#ready;
  }

  async #made(): Promise<void> {
    const { options, subjects } = this.#parts;
    await madeStream(
      {
        name: this.#stream,
        subjects: [subjects.snapshots("*", "*")],
        description: "Snapshots of Aether's views",
        retention: RetentionPolicy.Limits,
        discard: DiscardPolicy.Old,
        max_msgs_per_subject: KEPT,
        storage: options.storage === "file" ? StorageType.File : StorageType.Memory,
        num_replicas: options.replicas,
        duplicate_window: WINDOW_MS * NANOS_PER_MS,
      },
      this.#parts,
    );
  }

  async #last(subject: string): Promise<{ readonly sequence: number; readonly position: string } | undefined> {
    try {
      const message = await managed(this.#parts, ({ streams }) =>
        streams.getMessage(this.#stream, { last_by_subj: subject }),
      );
      return message === null ? undefined : { sequence: message.seq, position: partsOf(message.data).position };
    } catch (error) {
      if (isMissing(error)) {
        return undefined;
      }
      throw error;
    }
  }

  async *load({ vibrator, view }: SnapshotName): AsyncGenerator<Snapshot | UnreadableSnapshot> {
    const info = await streamInfo(this.#stream, this.#parts);
    const found: Snapshot[] = [];
    if (info !== undefined && info.state.messages > 0) {
      const filter = this.#parts.subjects.snapshots(vibrator, view);
      const reading = { ...this.#parts, stream: this.#stream };
      for await (const { message } of deliveries({ from: 1, last: info.state.last_seq }, filter, reading)) {
        found.push(partsOf(message.data));
      }
    }
    yield* found.reverse();
  }
}

/** A message as a snapshot. What is none has the position "", which is one of no record. */
function partsOf(data: Uint8Array): Snapshot {
  const end = Math.max(0, data.indexOf(LINE_END));
  return {
    position: Buffer.from(data.subarray(0, end)).toString("latin1"),
    state: new Uint8Array(data.subarray(end + 1)),
  };
}

/** Whether a snapshot at `kept` covers `position` of the same record. */
function covers(kept: string, position: string): boolean {
  try {
    const [has, wants] = [placeOf(kept), placeOf(position)];
    return has.epoch === wants.epoch && has.sequence >= wants.sequence;
  } catch {
    return false;
  }
}
