/** Bands of the record: four, so that a group needs no more than four places in it. docs/wire-format.md. */

/** How many there are. */
export const RECORD_BANDS = 4;

/** The band that a wave of `amplitude`, 0..1, is recorded in: 0 to 3. */
export function recordBand(amplitude: number): number {
  return Math.min(RECORD_BANDS - 1, Math.floor(amplitude * RECORD_BANDS));
}
