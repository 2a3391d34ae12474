/** Reading a stream: its messages from one number to another, as fast as somebody takes them. */

import { AckPolicy, type ConsumerConfig, DeliverPolicy, ReplayPolicy } from "@nats-io/jetstream";
import type { Msg, Subscription } from "@nats-io/transport-node";
import type { Connection } from "../connection.ts";
import { deferred } from "../link/deferred.ts";
import { type Delivery, deliveryOf } from "./delivery.ts";
import { isMissing, type Managed, managed, paused } from "./management.ts";

const NANOS_PER_MS = 1e6;
/** Messages that are asked for at once. */
const BATCH = 256;
/** How long the server keeps a reader of which it hears nothing. */
const KEPT_MS = 30_000;
/** After so long a request is lost. */
const LOST_MS = 5000;
/** How long a server is given that has not caught up. */
const BEHIND_MS = 50;

/** What reading a stream works with. */
export interface StreamReading extends Managed {
  readonly connection: Connection;
  /** Name of the stream. */
  readonly stream: string;
  /** A subject that was never used; one token follows. */
  inbox(): string;
}

/** The part of a stream that is read. */
export interface Stretch {
  /** First number, or the time from which on. */
  readonly from: number | Date;
  /** Last number. */
  readonly last: number;
}

/** The messages of `span`. A reader that the server has forgotten is made again where it stood. */
export async function* deliveries(
  span: Stretch,
  filter: string | undefined,
  parts: StreamReading,
): AsyncIterable<Delivery> {
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
        if (typeof next === "number" && next > span.last) {
          return;
        }
        if (reader.atEnd) {
          if (await isEnd(next, filter, parts)) {
            return;
          }
          await paused(BEHIND_MS);
          break; // It stands at a server that has not got everything yet.
        }
      }
    } finally {
      await reader.close();
    }
  }
}

/** Whether nothing stands from `next` on. The stream itself is asked: a reader may be at a server that lags behind. */
async function isEnd(next: number | Date, filter: string | undefined, parts: StreamReading): Promise<boolean> {
  try {
    const last = await parts.manager.streams.getMessage(parts.stream, { last_by_subj: filter ?? ">" });
    return last === null || (typeof next === "number" ? last.seq < next : last.time < next);
  } catch {
    return true; // There is none, or the stream does not say: what was read is what there was.
  }
}

/**
 * One reader at the server, from a number or a time on, of what `filter` covers (`undefined`: everything). It acknowledges nothing, and is forgotten when it
 * is silent.
 */
export class Reader {
  /** Whether nothing more waits. */
  atEnd = false;
  readonly #parts: StreamReading;
  readonly #name: string;
  readonly #inbox: string;
  readonly #subscription: Subscription;
  #batch: Delivery[] = [];
  #asked = 0;
  /** Most messages of the request. */
  #most = BATCH;
  #last = 0;
  #done: (batch: readonly Delivery[] | undefined) => void = () => {};

  constructor(name: string, waiting: number, parts: StreamReading) {
    this.#parts = parts;
    this.#name = name;
    this.atEnd = waiting === 0;
    this.#inbox = parts.inbox();
    this.#subscription = parts.connection.listen(`${this.#inbox}.*`, undefined, (message) => this.#heard(message));
  }

  static async open(from: number | Date, filter: string | undefined, parts: StreamReading): Promise<Reader> {
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
    const info = await managed(parts, ({ consumers }) => consumers.add(parts.stream, config));
    return new Reader(info.name, info.num_pending, parts);
  }

  /** The next messages; none: nothing more waits. `undefined`: the reader is lost. */
  async batch(): Promise<readonly Delivery[] | undefined> {
    return this.atEnd ? [] : await this.#pull(BATCH, { no_wait: true }, LOST_MS);
  }

  /** The next message, as soon as there is one; none after `waitMs`. `undefined`: the reader is lost. */
  async next(waitMs: number): Promise<readonly Delivery[] | undefined> {
    return await this.#pull(1, { expires: waitMs * NANOS_PER_MS }, waitMs + LOST_MS);
  }

  async #pull(batch: number, how: object, lostMs: number): Promise<readonly Delivery[] | undefined> {
    const { promise, resolve } = deferred<readonly Delivery[] | undefined>();
    this.#done = resolve;
    this.#batch = [];
    this.#most = batch;
    this.#asked++;
    const api = `$JS.API.CONSUMER.MSG.NEXT.${this.#parts.stream}.${this.#name}`;
    if (this.#parts.connection.connected) {
      const request = Buffer.from(JSON.stringify({ batch, ...how }));
      this.#parts.connection.publish(api, request, `${this.#inbox}.${this.#asked}`);
    }
    const timer = setTimeout(() => resolve(undefined), lostMs);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** It is lost: whoever waits for it need not. */
  abandon(): void {
    this.#done(undefined);
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
    if (delivery.pending === 0 || this.#batch.length === this.#most) {
      this.atEnd = delivery.pending === 0;
      this.#done(this.#batch);
    }
  }

  async close(): Promise<void> {
    this.#subscription.unsubscribe();
    try {
      await this.#parts.manager.consumers.delete(this.#parts.stream, this.#name);
    } catch (error) {
      if (!isMissing(error)) {
        // It is forgotten by itself when nothing is heard of it.
        return;
      }
    }
  }
}
