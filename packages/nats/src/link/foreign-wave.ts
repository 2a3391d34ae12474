/** Foreign waves: messages of plain NATS clients, heard as waves. */

import { BANDS, type Exchange, type Moment, type Random, randomToken, Wave } from "@aether/core";
import type { Msg } from "@nats-io/transport-node";
import { RECORD_BANDS } from "../jetstream/record-band.ts";
import type { SubjectClass } from "../subjects.ts";
import { foreignPayload } from "../wire/payloads.ts";

/** What foreign waves are made with. */
export interface ForeignParts {
  readonly random: Random;
  readonly halfLifeMs: number;
  moment(): Moment;
  /** The way back of a request of a plain client. */
  foreignExchange(message: Msg): Exchange | undefined;
}

const ORIGIN = { source: "nats", sourceId: "nats" };
const ID_LENGTH = 24;

/** `message` as it stands in the record at `position`. Its id is the one it was stored under, so it stays the same. */
export function foreignRecord(
  channel: string,
  placeBand: number,
  message: Msg,
  position: string,
  parts: ForeignParts,
): Wave | undefined {
  if (placeBand >= RECORD_BANDS) {
    return undefined;
  }
  const id = message.headers?.get("Nats-Msg-Id") || position;
  return Wave.of({
    ...{ id, channel, kind: "event", payload: foreignPayload(message.data) },
    ...{ amplitude: (placeBand + 0.5) / RECORD_BANDS, origin: ORIGIN, moment: parts.moment() },
    ...{ halfLifeMs: parts.halfLifeMs, hops: 1, cause: undefined, trace: id, bytes: message.data.length },
    extras: { position },
  });
}

/** `message` as a wave: its payload JSON or bytes, as loud as the middle of its band. */
export function foreignWave(
  kind: SubjectClass,
  channel: string,
  placeBand: number,
  message: Msg,
  parts: ForeignParts,
): Wave {
  const id = randomToken(parts.random, ID_LENGTH);
  const asks = kind === "q";
  return Wave.of({
    id,
    channel,
    kind: kind === "b" ? "broadcast" : asks ? "query" : "event",
    payload: foreignPayload(message.data),
    amplitude: (placeBand + 0.5) / (kind === "r" ? RECORD_BANDS : BANDS),
    origin: ORIGIN,
    moment: parts.moment(),
    halfLifeMs: parts.halfLifeMs,
    hops: 1,
    cause: undefined,
    trace: id,
    bytes: message.data.length,
    extras: asks ? { exchange: parts.foreignExchange(message) } : undefined,
  });
}
