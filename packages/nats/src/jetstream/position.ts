/** Positions in the record: which record it is, and which wave of it. As texts they grow as the record does. */

import { AetherError } from "@aether/core";

const RADIX = 36;
const EPOCH_DIGITS = 9;
const SEQUENCE_DIGITS = 11;
const SHAPE = /^([0-9a-z]{9})-([0-9a-z]{11})$/;

let lastEpoch = -1;
let lastPrefix = "";

/**
 * The position of wave `sequence`, from 1, in the record that began at `epoch`, in wall-clock milliseconds: another one
 * under the same name is another record.
 */
export function positionOf(epoch: number, sequence: number): string {
  if (epoch !== lastEpoch) {
    lastEpoch = epoch;
    lastPrefix = `${epoch.toString(RADIX).padStart(EPOCH_DIGITS, "0")}-`;
  }
  return lastPrefix + sequence.toString(RADIX).padStart(SEQUENCE_DIGITS, "0");
}

/** What a record holds: the numbers of its first wave and of its last. */
interface Extent {
  readonly first_seq: number;
  readonly last_seq: number;
}

/**
 * The number of the wave at `position` of the record that began at `epoch`. Throws `AETHER_BAD_OPTION` for what is no
 * position, `AETHER_BAD_POSITION` for one of another record, or one that lies ahead of this one; where waves are wanted
 * `on` from there, also for one whose wave was forgotten.
 */
export function sequenceAt(position: string, epoch: number, extent: Extent, on: boolean): number {
  const { epoch: its, sequence } = placeOf(position);
  const { first_seq: first, last_seq: last } = extent;
  if (its !== epoch) {
    throw badPosition("epoch", anotherRecord(epoch, its), position);
  }
  if (sequence > last) {
    const what = `a position up to wave ${last}, where the record ends: waves after it were lost`;
    throw badPosition("ahead", what, position);
  }
  if (on && sequence < first) {
    throw badPosition("gone", `one of wave ${first} or later: those before it were forgotten`, position);
  }
  return sequence;
}

/** Which record and which wave of it `position` says. Throws `AETHER_BAD_OPTION`. */
export function placeOf(position: string): { readonly epoch: number; readonly sequence: number } {
  const [, epoch, sequence] = SHAPE.exec(position) ?? [];
  if (epoch === undefined || sequence === undefined) {
    throw bad("a position of this record", position);
  }
  return { epoch: Number.parseInt(epoch, RADIX), sequence: Number.parseInt(sequence, RADIX) };
}

/** As `Recorder.compare`. */
export function comparePositions(one: string, other: string): number {
  const [first, second] = [placeOf(one), placeOf(other)];
  if (first.epoch !== second.epoch) {
    throw badPosition("epoch", anotherRecord(second.epoch, first.epoch), one);
  }
  return first.sequence - second.sequence;
}

/** What a position should be where it is of another record. */
export function anotherRecord(epoch: number, its: number): string {
  const text = (at: number): string => new Date(at).toISOString();
  return `a position of the record that began at ${text(epoch)}, not of one that began at ${text(its)}: the stream was deleted and made anew`;
}

/** The refusal of a position from which nobody can go on. */
export function badPosition(reason: "epoch" | "ahead" | "gone", what: string, got: string): AetherError {
  return new AetherError("AETHER_BAD_POSITION", `Expected \`position\` to be ${what}, got ${JSON.stringify(got)}`, {
    details: { reason, got },
  });
}

function bad(what: string, got: string): AetherError {
  return new AetherError("AETHER_BAD_OPTION", `Expected \`position\` to be ${what}, got ${JSON.stringify(got)}`, {
    details: { option: "position", got },
  });
}
