/** Places: where groups stand in the record. Each is one durable consumer a band, made by whichever member comes first. */

import type { From } from "@aether/core";
import {
  AckPolicy,
  type ConsumerConfig,
  type ConsumerInfo,
  DeliverPolicy,
  JetStreamApiError,
  type JetStreamManager,
  ReplayPolicy,
} from "@nats-io/jetstream";
import type { Subjects } from "../subjects.ts";
import { isMissing, type Managed, managed, unsupported } from "./management.ts";
import { describe, durableOf, type PlaceName } from "./names.ts";
import { sequenceAt } from "./position.ts";
import { RECORD_BANDS } from "./record-band.ts";
import type { RecordStream } from "./record-stream.ts";

const NANOS_PER_MS = 1e6;
/** Waves of one band that all members of a group may have in hand together. */
const MOST_IN_HAND = 100_000;
/** Members of a group that may wait for waves of one band. */
const MOST_PULLS = 5000;

/** What places are made with. */
export interface PlaceParts extends Managed {
  readonly stream: RecordStream;
  readonly subjects: Subjects;
  readonly ackWaitMs: number;
}

/** A band of a place, as the server has it. */
export interface PlaceBand {
  readonly durable: string;
  readonly weight: number;
  readonly info: ConsumerInfo;
}

/** Where a place begins, as servers say it. */
type Start = Pick<ConsumerConfig, "deliver_policy" | "opt_start_seq" | "opt_start_time">;

/**
 * The bands of a place, quietest first; those that are not there are made, beginning at `from`. Rejects with
 * `AETHER_BAD_OPTION` for a position that is none, `AETHER_UNSUPPORTED` where nothing is recorded, `AETHER_TIMEOUT`.
 */
export async function placeOf(place: PlaceName, from: From, parts: PlaceParts): Promise<readonly PlaceBand[]> {
  const start = await startAt(from, parts);
  const { bands } = parts.stream;
  const numbers = bands === 1 ? (["all"] as const) : Array.from({ length: RECORD_BANDS }, (_, band) => band);
  return Promise.all(
    numbers.map(async (band) => {
      const durable = durableOf(place, band);
      const kind = band === "all" ? "*" : String(band);
      const config = {
        durable_name: durable,
        description: describe(place),
        filter_subject: `${parts.subjects.namespace}.r.${kind}.${place.pattern}`,
        ack_policy: AckPolicy.Explicit,
        ack_wait: parts.ackWaitMs * NANOS_PER_MS,
        max_deliver: -1,
        max_ack_pending: MOST_IN_HAND,
        max_waiting: MOST_PULLS,
        replay_policy: ReplayPolicy.Instant,
        ...start,
      };
      const info = await made(config, parts);
      return { durable, weight: band === "all" ? 1 : 2 ** band, info };
    }),
  );
}

async function made(
  config: ConsumerConfig & { readonly durable_name: string },
  parts: PlaceParts,
): Promise<ConsumerInfo> {
  try {
    return await managed(parts, (manager) => found(manager, parts.stream.name, config));
  } catch (error) {
    throw isMissing(error) ? unsupported(`there is no stream "${parts.stream.name}": declare what is recorded`) : error;
  }
}

async function found(
  { consumers }: JetStreamManager,
  stream: string,
  config: ConsumerConfig & { readonly durable_name: string },
): Promise<ConsumerInfo> {
  try {
    return await consumers.info(stream, config.durable_name);
  } catch (error) {
    if (!isMissing(error)) {
      throw error;
    }
  }
  try {
    return await consumers.add(stream, config);
  } catch (error) {
    if (!(error instanceof JetStreamApiError)) {
      throw error;
    }
    // Another member was faster, and began elsewhere: where a place begins is decided when it is made.
    return consumers.info(stream, config.durable_name).catch(() => {
      throw error;
    });
  }
}

async function startAt(from: From, { stream }: PlaceParts): Promise<Start> {
  if (from === "new") {
    return { deliver_policy: DeliverPolicy.New };
  }
  if (from === "start") {
    return { deliver_policy: DeliverPolicy.All };
  }
  if ("time" in from) {
    return { deliver_policy: DeliverPolicy.StartTime, opt_start_time: from.time.toISOString() };
  }
  const info = await stream.read();
  const { epoch } = stream;
  if (info === undefined || epoch === undefined) {
    throw unsupported(`there is no stream "${stream.name}": declare what is recorded`);
  }
  const sequence = sequenceAt(from.position, epoch, info.state, true);
  return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: Math.max(1, sequence) };
}
