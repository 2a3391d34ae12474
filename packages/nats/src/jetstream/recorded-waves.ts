/** Recorded waves: what the stream holds, as waves that know their position. */

import { Wave } from "@aether/core";
import type { Arrivals } from "../link/arrivals.ts";
import { type ForeignParts, foreignRecord } from "../link/foreign-wave.ts";
import type { Subjects } from "../subjects.ts";
import { decode, isEnvelope } from "../wire/envelope.ts";
import type { Delivery } from "./delivery.ts";
import { positionOf } from "./position.ts";
import { recordBand } from "./record-band.ts";

/** What recorded waves are made with. */
export interface RecordedParts extends ForeignParts {
  readonly subjects: Subjects;
  readonly arrivals: Arrivals;
}

const KINDS: ReadonlySet<Wave["kind"]> = new Set(["event", "broadcast", "command"]);

/** The wave of `delivery`, from the record that began at `epoch`; `undefined`: what is stored there is none. */
export function recordedWave(delivery: Delivery, epoch: number, parts: RecordedParts): Wave | undefined {
  const { message, sequence } = delivery;
  const { subjects, arrivals } = parts;
  const place = subjects.read(message.subject);
  if (place === undefined) {
    return undefined;
  }
  const position = positionOf(epoch, sequence);
  const { channel, band } = place;
  if (!isEnvelope(message.data)) {
    return foreignRecord(channel, band, message, position, parts);
  }
  const [inbound, more] = decode(message.data, channel, arrivals.sealOf(channel), arrivals.moment()) ?? [];
  if (inbound === undefined || more !== undefined || inbound.request !== undefined) {
    return undefined;
  }
  const { head, amplitude, extras } = inbound.parts;
  if (recordBand(amplitude) !== band || !KINDS.has(head.kind)) {
    return undefined;
  }
  return new Wave({ ...inbound.parts, extras: { ...extras, position } });
}
