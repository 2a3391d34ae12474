/** The recorder on JetStream: `Recorder` of one link, and what it is made of. docs/wire-format.md. */

import {
  AetherError,
  type Follower,
  type Following,
  type From,
  overlaps,
  type Presence,
  type Recorded,
  type RecordedGroup,
  type Recorder,
  type RecordQuery,
  type SnapshotStore,
  type TailQuery,
  type TailStep,
  type Wave,
} from "@aether/core";
import type { JetStreamManager } from "@nats-io/jetstream";
import type { Connection } from "../connection.ts";
import { Pack } from "../link/pack.ts";
import type { CheckedOptions } from "../options.ts";
import type { Subjects } from "../subjects.ts";
import { outbound } from "../wire/envelope.ts";
import type { PayloadWriter } from "../wire/payloads.ts";
import type { Slab } from "../wire/slab.ts";
import { dropGroup, groupsOf } from "./groups.ts";
import { JetStreamLetters } from "./jetstream-letters.ts";
import { LetterStreams } from "./letter-streams.ts";
import { ATTEMPT_MS, type Managed, within } from "./management.ts";
import { comparePositions, positionOf } from "./position.ts";
import { readRecord } from "./reading.ts";
import { recordBand } from "./record-band.ts";
import { type FollowingParts, RecordFollowing } from "./record-following.ts";
import { RecordStream } from "./record-stream.ts";
import type { RecordedParts } from "./recorded-waves.ts";
import { Recording } from "./recording.ts";
import { Replies } from "./replies.ts";
import { StateSnapshots } from "./state-snapshots.ts";
import { StreamNews } from "./stream-news.ts";
import type { CheckedStream } from "./stream-options.ts";
import { Tail } from "./tailing.ts";

/** What a recorder takes from its link. */
export interface RecorderParts extends RecordedParts {
  readonly connection: Connection;
  readonly subjects: Subjects;
  readonly slab: Slab;
  readonly writer: PayloadWriter;
  readonly options: CheckedOptions;
  readonly stream: CheckedStream;
  readonly link: string;
  /** Ids of the other links that are known. */
  others(): Iterable<string>;
  /** More is recorded than before. Resolves when this link hears accordingly. */
  changed(): Promise<void>;
  /** Makes sure that what is meant for this instance arrives here. */
  hearFor(instance: string): void;
  /**
   * Throws `AETHER_TOO_LARGE` for what no message can hold, `AETHER_UNAUTHORISED` for a subject denied of late. What may be
   * smaller than `most` is measured if need be.
   */
  assertSendable(subject: string, most: number, measured?: () => number): void;
  /** Throws `AETHER_CLOSED`. */
  assertOpen(): void;
}

const RADIX = 36;
/** How long a link that closes waits for answers. */
const PATIENCE_MS = 1000;

/** The record, as one link knows it. */
export class JetStreamRecorder implements Recorder {
  readonly #parts: RecorderParts;
  readonly #shared: FollowingParts;
  readonly #stream: RecordStream;
  readonly #news: StreamNews;
  readonly #recording: Recording;
  readonly #followings = new Set<RecordFollowing>();
  readonly #tails = new Set<Tail>();
  readonly snapshots: SnapshotStore;
  readonly #letterStreams: LetterStreams | undefined;
  /** Absent where the options say that nothing is kept. */
  readonly deadLetters: JetStreamLetters | undefined;
  #closed = false;
  #inboxes = 0;

  constructor(parts: RecorderParts, manager: JetStreamManager) {
    const { connection, subjects, options, link } = parts;
    const replies = new Replies(connection, subjects.replies(link));
    const managed: Managed = {
      manager,
      offered: () => connection.offersStreams,
      closed: () => this.#closed,
    };
    this.#parts = parts;
    this.#stream = new RecordStream({
      ...managed,
      connection,
      subjects,
      options: parts.stream,
      changed: () => parts.changed(),
      renewed: () => {
        for (const following of this.#followings) {
          following.renewed();
        }
      },
      tell: () => this.#news.tell(),
    });
    this.#news = new StreamNews({
      ...{ connection, subjects, replies, link },
      others: () => parts.others(),
      changed: () => this.#stream.follow(),
    });
    this.#recording = new Recording({
      ...{ connection, replies, bounds: options.outbox },
      now: () => parts.moment().at,
      missed: () => this.#stream.missed(),
      epoch: () => this.#stream.epoch,
      readEpoch: async () => {
        await this.#stream.read();
        return this.#stream.epoch;
      },
    });
    this.#shared = {
      ...parts,
      ...managed,
      replies,
      moment: () => parts.moment(),
      foreignExchange: (message) => parts.foreignExchange(message),
      stream: this.#stream,
      ackWaitMs: parts.stream.ackWaitMs,
      inbox: () => `${subjects.replies(link)}.f.${(this.#inboxes++).toString(RADIX)}`,
      ended: (following) => this.#followings.delete(following),
    };
    this.snapshots = new StateSnapshots({
      ...this.#shared,
      options: parts.stream,
      assertSendable: (subject, bytes) => parts.assertSendable(subject, bytes),
    });
    const { deadLetters: letters } = parts.stream;
    const streams = letters && new LetterStreams({ ...managed, subjects, letters });
    this.#letterStreams = streams;
    this.deadLetters =
      streams &&
      new JetStreamLetters({
        ...this.#shared,
        ...{ streams, slab: parts.slab, writer: parts.writer },
        ready: (anew) => streams.ready(anew),
        assertSendable: (subject, bytes) => parts.assertSendable(subject, bytes),
      });
  }

  /** The recorder of one link, which knows what is recorded when this resolves. */
  static async open(parts: RecorderParts): Promise<JetStreamRecorder> {
    const recorder = new JetStreamRecorder(parts, await parts.connection.manager(ATTEMPT_MS));
    recorder.#news.open();
    await parts.connection.confirm([parts.subjects.news]);
    await recorder.#stream.open();
    return recorder;
  }

  declare(patterns: readonly string[]): Promise<void> {
    return this.#stream.declare(patterns);
  }

  records(pattern: string): boolean {
    return this.#stream.records(pattern);
  }

  /** Whether `presence` is that of a follower of this link. */
  follows(presence: Presence): boolean {
    return [...this.#followings].some((following) => following.presence === presence);
  }

  /** Whether a listener on `pattern` hears recorded waves live. */
  overlaps(pattern: string): boolean {
    return this.#stream.patterns.some((recorded) => overlaps(recorded, pattern));
  }

  record(wave: Wave, deadline: number): Promise<string> {
    try {
      return this.#record(wave, deadline);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #record(wave: Wave, deadline: number): Promise<string> {
    const { subjects, arrivals, writer, slab } = this.#parts;
    this.#parts.assertOpen();
    this.#assertInWindow(wave, deadline);
    this.#parts.hearFor(wave.sourceId);
    const { channel, source, sourceId } = wave;
    const subject = subjects.of("r", recordBand(wave.amplitude), channel);
    const pack = new Pack(subject, arrivals.sealOf(channel), { source, sourceId });
    pack.add(outbound(wave, undefined, writer));
    this.#parts.assertSendable(subject, pack.bytes, () => pack.encode(slab).length);
    const { bytes } = pack;
    return this.#recording.record(
      { wave, subject, bytes, encode: (waitedMs) => pack.encode(slab, waitedMs) },
      deadline,
    );
  }

  /** A wave that is recorded again after the window would be kept twice. */
  #assertInWindow({ id }: Wave, deadline: number): void {
    const most = this.#stream.duplicateWindowMs / 2;
    const leftMs = deadline - this.#parts.moment().at;
    if (leftMs > most + 1) {
      throw new AetherError(
        "AETHER_BAD_OPTION",
        `Expected \`timeoutMs\` to be at most ${most}, half the duplicate window of the stream, got ${Math.round(leftMs)}`,
        { details: { option: "timeoutMs", got: leftMs, id } },
      );
    }
  }

  async follow(follower: Follower, from: From): Promise<Following> {
    this.#parts.assertOpen();
    const { group, name, pattern } = follower.presence;
    if (group === false) {
      throw new AetherError(
        "AETHER_UNSUPPORTED",
        "Expected a group that follows the record, got a resonance without one",
      );
    }
    const following = new RecordFollowing(follower, { group, name, pattern }, this.#shared);
    this.#followings.add(following);
    try {
      // Who cannot bury what fails must not begin to handle.
      await this.#letterStreams?.ready();
      await following.open(from);
    } catch (error) {
      this.#followings.delete(following);
      throw error;
    }
    return following;
  }

  read(query: RecordQuery): AsyncIterable<Recorded> {
    return readRecord(query, this.#shared);
  }

  async tail(query: TailQuery, signal: AbortSignal): Promise<AsyncIterable<TailStep>> {
    this.#parts.assertOpen();
    const ended = (tail: Tail): void => void this.#tails.delete(tail);
    const tail = await Tail.open(query, signal, { ...this.#shared, ended });
    this.#tails.add(tail);
    return tail.steps();
  }

  async end(): Promise<string | undefined> {
    const info = await this.#stream.read();
    const last = info?.state.last_seq ?? 0;
    return info === undefined || last === 0 ? undefined : positionOf(Date.parse(info.created), last);
  }

  compare(one: string, other: string): number {
    return comparePositions(one, other);
  }

  groups(): Promise<readonly RecordedGroup[]> {
    return groupsOf(this.#shared);
  }

  drop(group: string, name: string): Promise<void> {
    return dropGroup(group, name, this.#shared);
  }

  /** The connection may take more. */
  writable(): void {
    this.#recording.flush();
  }

  /** The link moves to another server: resolves when nothing more comes from this one. */
  async away(): Promise<void> {
    await Promise.all([...this.#followings].map((following) => following.away()));
  }

  disconnected(): void {
    this.#recording.disconnected();
    for (const tail of this.#tails) {
      tail.abandon();
    }
  }

  /** The connection is back: what was under way is told again, and the stream may be another. */
  reconnected(): void {
    this.#recording.flush();
    for (const following of this.#followings) {
      following.reconnected();
    }
    this.#stream.follow().catch(() => {
      // The server has no answer yet: followings look for it on their own, and so does whoever declares.
    });
  }

  /** The server does not allow waves on `subject`. */
  denied(subject: string): void {
    this.#recording.denied(subject);
  }

  /** Ends what is followed, waits a moment for what is under way, and lets go of the rest. */
  async close(): Promise<void> {
    const patienceMs = this.#parts.connection.connected ? PATIENCE_MS : 0;
    await Promise.all([
      ...[...this.#followings].map((following) => following.leave(patienceMs)),
      within(patienceMs, this.#recording.settled()),
    ]);
    this.#recording.close();
    this.#closed = true;
    for (const tail of this.#tails) {
      tail.abandon();
    }
  }
}
