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

/**
 * The number of the wave at `position` of the record that began at `epoch` and ends with wave `last`. Throws
 * `AETHER_BAD_OPTION` for what is no position, is one of another record, or lies ahead of this one.
 */
export function sequenceAt(position: string, epoch: number, last: number): number {
  const [, first, second] = SHAPE.exec(position) ?? [];
  if (first === undefined || second === undefined) {
    throw bad("a position of this record", position);
  }
  const its = Number.parseInt(first, RADIX);
  if (its !== epoch) {
    const text = (at: number): string => new Date(at).toISOString();
    throw bad(
      `a position of the record that began at ${text(epoch)}, not of one that began at ${text(its)}: the stream was deleted and made anew`,
      position,
    );
  }
  const sequence = Number.parseInt(second, RADIX);
  if (sequence > last) {
    throw bad(`a position up to wave ${last}, where the record ends: waves after it were lost`, position);
  }
  return sequence;
}

function bad(what: string, got: string): AetherError {
  return new AetherError("AETHER_BAD_OPTION", `Expected \`position\` to be ${what}, got ${JSON.stringify(got)}`, {
    details: { option: "position", got },
  });
}
