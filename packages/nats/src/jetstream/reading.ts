/** Reading: the record from one place to another, as fast as somebody takes it. */

import { matches, type Recorded, type RecordQuery } from "@aether/core";
import type { StreamInfo } from "@nats-io/jetstream";
import type { Connection } from "../connection.ts";
import { assertKnown, expected } from "../expected.ts";
import type { Subjects } from "../subjects.ts";
import type { Managed } from "./management.ts";
import { positionOf, sequenceAt } from "./position.ts";
import { RECORD_BANDS } from "./record-band.ts";
import type { RecordStream } from "./record-stream.ts";
import { type RecordedParts, recordedWave } from "./recorded-waves.ts";
import { deliveries, type Stretch } from "./stream-reader.ts";

/** What reading works with. */
export interface ReadingParts extends Managed, RecordedParts {
  readonly connection: Connection;
  readonly subjects: Subjects;
  readonly stream: RecordStream;
  /** A subject that was never used; one token follows. */
  inbox(): string;
}

/** The part of the record that is read. */
interface Span extends Stretch {
  readonly epoch: number;
  /** Last time, in wall-clock milliseconds. */
  readonly until: number;
}

/**
 * Reads what `query` asks for, up to where the record ends now. Throws `AETHER_BAD_OPTION` and `AETHER_BAD_CHANNEL` for what is
 * no query, `AETHER_BAD_POSITION` for positions from which it cannot.
 */
export async function* readRecord(query: RecordQuery, parts: ReadingParts): AsyncIterable<Recorded> {
  assertQuery(query);
  const info = await parts.stream.read();
  const { epoch } = parts.stream;
  if (info === undefined || epoch === undefined) {
    return;
  }
  const span = spanOf(query, epoch, info);
  const { pattern, minAmplitude = 0 } = query;
  const filter = filterOf(query, parts);
  for await (const delivery of deliveries(span, filter, { ...parts, stream: parts.stream.name })) {
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

function assertQuery(query: RecordQuery): void {
  assertKnown("options of read", query, { pattern: true, from: true, to: true, minAmplitude: true });
  const { pattern, from, to, minAmplitude } = query;
  for (const [name, bound] of Object.entries({ from, to })) {
    const isTime = bound instanceof Date && !Number.isNaN(bound.getTime());
    if (bound !== undefined && typeof bound !== "string" && !isTime) {
      throw expected(name, "a position or a valid Date", bound);
    }
  }
  if (pattern !== undefined) {
    matches(pattern, "any");
  }
  if (minAmplitude !== undefined && !(typeof minAmplitude === "number" && minAmplitude >= 0 && minAmplitude <= 1)) {
    throw expected("minAmplitude", "a number from 0 to 1", minAmplitude);
  }
}

function spanOf({ from, to }: RecordQuery, epoch: number, { state }: StreamInfo): Span {
  const end = typeof to === "string" ? sequenceAt(to, epoch, state, false) : state.last_seq;
  return {
    epoch,
    from: typeof from === "string" ? sequenceAt(from, epoch, state, true) : (from ?? 1),
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
