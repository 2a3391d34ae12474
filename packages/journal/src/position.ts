/** Positions: which journal, which record of it, and what that record and all before it held. */

import { expected } from "./failures.ts";

const RADIX = 36;
const SEQUENCE_DIGITS = 11;
const CHECK_DIGITS = 7;
const SHAPE = /^([0-9a-f]{16})-([0-9a-z]{11})-([0-9a-z]{7})$/;

/** A place in a log. */
export interface Place {
  /** 16 hexadecimal digits, drawn when the journal began. */
  readonly epoch: string;
  readonly sequence: number;
  /** The checksum of the record, which follows from all records before it. */
  readonly check: number;
}

/** A place as a text. Of one journal, texts grow as the log does. */
export function positionOf(epoch: string, sequence: number, check: number): string {
  const digits = check.toString(RADIX).padStart(CHECK_DIGITS, "0");
  return `${epoch}-${sequence.toString(RADIX).padStart(SEQUENCE_DIGITS, "0")}-${digits}`;
}

/** The place that `position` says. Throws `AETHER_BAD_OPTION` for what is no position of a journal. */
export function placeOf(position: unknown, name = "position"): Place {
  const [, epoch, sequence, check] = typeof position === "string" ? (SHAPE.exec(position) ?? []) : [];
  if (epoch === undefined || sequence === undefined || check === undefined) {
    throw expected(name, "a position that a journal gave", position);
  }
  const place = { epoch, sequence: Number.parseInt(sequence, RADIX), check: Number.parseInt(check, RADIX) };
  if (!Number.isSafeInteger(place.sequence) || place.check >= 2 ** 32) {
    throw expected(name, "a position that a journal gave", position);
  }
  return place;
}
