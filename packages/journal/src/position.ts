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

const DIGITS: Buffer = Buffer.from("0123456789abcdefghijklmnopqrstuvwxyz");
const FIRST_DIGIT: number = DIGITS[0] ?? 0;
const LAST_DIGIT: number = DIGITS[RADIX - 1] ?? 0;
const NINE: number = DIGITS[9] ?? 0;
const TEN: number = DIGITS[10] ?? 0;

/** Positions of records that follow one another, digit by digit: a text made anew for each would cost the most of it. */
export class Positions {
  readonly #text: Buffer;
  readonly #epoch: string;
  #sequence = -1;

  constructor(epoch: string) {
    this.#epoch = epoch;
    this.#text = Buffer.from(positionOf(epoch, 0, 0));
  }

  /** As {@link positionOf}. */
  of(sequence: number, check: number): string {
    const text = this.#text;
    if (sequence !== this.#sequence + 1 || !this.#step()) {
      text.write(positionOf(this.#epoch, sequence, 0), "latin1");
    }
    this.#sequence = sequence;
    let left = check;
    for (let at = text.length - 1, end = at - CHECK_DIGITS; at > end; at--) {
      const rest = (left / RADIX) >>> 0;
      text[at] = DIGITS[left - rest * RADIX] ?? FIRST_DIGIT;
      left = rest;
    }
    return text.toString("latin1");
  }

  /** One more in the last digit of the sequence. False: others change, too. */
  #step(): boolean {
    const text = this.#text;
    const at = text.length - CHECK_DIGITS - 2;
    const digit = text[at] ?? LAST_DIGIT;
    if (digit === LAST_DIGIT) {
      return false;
    }
    text[at] = digit === NINE ? TEN : digit + 1;
    return true;
  }
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
