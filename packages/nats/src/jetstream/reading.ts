/** Reading: the record from one place to another, as fast as somebody takes it. */

import { matches, type Recorded, type RecordQuery } from "@aether/core";
import { AckPolicy, type ConsumerConfig, DeliverPolicy, ReplayPolicy, type StreamInfo } from "@nats-io/jetstream";
import type { Msg, Subscription } from "@nats-io/transport-node";
import type { Connection } from "../connection.ts";
import { deferred } from "../link/deferred.ts";
import type { Subjects } from "../subjects.ts";
import { type Delivery, deliveryOf } from "./delivery.ts";
import { isMissing, type Managed, managed } from "./management.ts";
import { positionOf, sequenceAt } from "./position.ts";
import { RECORD_BANDS } from "./record-band.ts";
import type { RecordStream } from "./record-stream.ts";
import { type RecordedParts, recordedWave } from "./recorded-waves.ts";

const NANOS_PER_MS = 1e6;
/** Waves that are asked for at once. */
const BATCH = 256;
/** How long the server keeps a reader of which it hears nothing. */
const KEPT_MS = 30_000;
/** After so long a request is lost. */
const LOST_MS = 5000;

/** What reading works with. */
export interface ReadingParts extends Managed, RecordedParts {
  readonly connection: Connection;
  readonly subjects: Subjects;
  readonly stream: RecordStream;
  /** A subject that was never used; one token follows. */
  inbox(): string;
}

/** The part of the record that is read. */
interface Span {
  readonly epoch: number;
  /** First number, or the time from which on. */
  readonly from: number | Date;
  /** Last number. */
  readonly last: number;
  /** Last time, in wall-clock milliseconds. */
  readonly until: number;
}

/** Reads what `query` asks for, up to where the record ends now. Throws `AETHER_BAD_OPTION` for positions of others. */
export async function* readRecord(query: RecordQuery, parts: ReadingParts): AsyncIterable<Recorded> {
  const info = await parts.stream.read();
  const { epoch } = parts.stream;
  if (info === undefined || epoch === undefined) {
    return;
  }
  const span = spanOf(query, epoch, info);
  const { pattern, minAmplitude = 0 } = query;
  const filter = filterOf(query, parts);
  for await (const delivery of deliveries(span, filter, parts)) {
    if (delivery.storedAt > span.until) {
      return;
    }
    const wave = recordedWave(delivery, epoch, parts);
    const isAsked =
      wave !== undefined && wave.amplitude >= minAmplitude && (pattern === undefined || matches(pattern, wave.channel));
    if (isAsked) {
      yield { position: positionOf(epoch, delivery.sequence), wave };
    }
  }
}

function spanOf({ from, to }: RecordQuery, epoch: number, { state }: StreamInfo): Span {
  const end = typeof to === "string" ? sequenceAt(to, epoch, state.last_seq) : state.last_seq;
  return {
    epoch,
    from: typeof from === "string" ? sequenceAt(from, epoch, state.last_seq) : (from ?? 1),
    last: Math.min(end, state.last_seq),
    until: to instanceof Date ? to.getTime() : Number.POSITIVE_INFINITY,
  };
}

/** The one filter that servers of 2.9 take; `undefined`: the pattern covers more than one can say, or than is recorded. */
function filterOf(
  { pattern = ">", minAmplitude = 0 }: RecordQuery,
  { stream, subjects }: ReadingParts,
): string | undefined {
  if (!stream.records(pattern)) {
    return undefined;
  }
  const loudest = RECORD_BANDS - 1;
  return minAmplitude * RECORD_BANDS >= loudest
    ? `${subjects.namespace}.r.${loudest}.${pattern}`
    : subjects.all("r", pattern);
}

/** The messages of `span`. A reader that the server has forgotten is made again where it stood. */
async function* deliveries(span: Span, filter: string | undefined, parts: ReadingParts): AsyncIterable<Delivery> {
  let next: number | Date = span.from;
  for (;;) {
    const reader = await Reader.open(next, filter, parts);
    try {
      for (;;) {
        const batch = await reader.batch();
        if (batch === undefined) {
          break; // It is lost: another one goes on.
        }
        for (const delivery of batch) {
          if (delivery.sequence > span.last) {
            return;
          }
          next = delivery.sequence + 1;
          yield delivery;
        }
        if (reader.atEnd || (typeof next === "number" && next > span.last)) {
          return;
        }
      }
    } finally {
      await reader.close();
    }
  }
}

/** One reader at the server: it acknowledges nothing, and is forgotten when it is silent. */
class Reader {
  /** Whether nothing more waits. */
  atEnd = false;
  readonly #parts: ReadingParts;
  readonly #name: string;
  readonly #inbox: string;
  readonly #subscription: Subscription;
  #batch: Delivery[] = [];
  #asked = 0;
  #last = 0;
  #done: (batch: readonly Delivery[] | undefined) => void = () => {};

  constructor(name: string, waiting: number, parts: ReadingParts) {
    this.#parts = parts;
    this.#name = name;
    this.atEnd = waiting === 0;
    this.#inbox = parts.inbox();
    this.#subscription = parts.connection.listen(`${this.#inbox}.*`, undefined, (message) => this.#heard(message));
  }

  static async open(from: number | Date, filter: string | undefined, parts: ReadingParts): Promise<Reader> {
    const config: ConsumerConfig = {
      ack_policy: AckPolicy.None,
      replay_policy: ReplayPolicy.Instant,
      inactive_threshold: KEPT_MS * NANOS_PER_MS,
      mem_storage: true,
      num_replicas: 1,
      ...(filter !== undefined && { filter_subject: filter }),
      ...(typeof from === "number"
        ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: Math.max(1, from) }
        : { deliver_policy: DeliverPolicy.StartTime, opt_start_time: from.toISOString() }),
    };
    const info = await managed(parts, ({ consumers }) => consumers.add(parts.stream.name, config));
    return new Reader(info.name, info.num_pending, parts);
  }

  /** The next messages; `undefined`: the reader is lost. */
  async batch(): Promise<readonly Delivery[] | undefined> {
    if (this.atEnd) {
      return [];
    }
    const { promise, resolve } = deferred<readonly Delivery[] | undefined>();
    this.#done = resolve;
    this.#batch = [];
    this.#asked++;
    const api = `$JS.API.CONSUMER.MSG.NEXT.${this.#parts.stream.name}.${this.#name}`;
    const request = Buffer.from(JSON.stringify({ batch: BATCH, no_wait: true }));
    if (this.#parts.connection.connected) {
      this.#parts.connection.publish(api, request, `${this.#inbox}.${this.#asked}`);
    }
    const timer = setTimeout(() => resolve(undefined), LOST_MS);
    const batch = await promise;
    clearTimeout(timer);
    return batch;
  }

  #heard(message: Msg): void {
    const delivery = deliveryOf(message);
    if (delivery === undefined) {
      const code = message.headers?.code ?? 0;
      if (message.subject === `${this.#inbox}.${this.#asked}` && code >= 300) {
        // What came before the end of a request was all that waited; any other end says that the reader is gone.
        const isEnd = code === 404 || code === 408;
        this.atEnd = isEnd;
        this.#done(isEnd || this.#batch.length > 0 ? this.#batch : undefined);
      }
      return;
    }
    if (delivery.delivery !== this.#last + 1) {
      this.#done(undefined); // Something was lost on its way.
      return;
    }
    this.#last = delivery.delivery;
    this.#batch.push(delivery);
    if (delivery.pending === 0 || this.#batch.length === BATCH) {
      this.atEnd = delivery.pending === 0;
      this.#done(this.#batch);
    }
  }

  async close(): Promise<void> {
    this.#subscription.unsubscribe();
    try {
      await this.#parts.manager.consumers.delete(this.#parts.stream.name, this.#name);
    } catch (error) {
      if (!isMissing(error)) {
        // It is forgotten by itself when nothing is heard of it.
        return;
      }
    }
  }
}
