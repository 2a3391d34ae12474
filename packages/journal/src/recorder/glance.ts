/** A glance at the record of a wave: what an index needs to know, without its payload. */

import { Malformed, Scanner } from "../body/scanner.ts";

/** What a glance shows. */
export interface Glance {
  readonly id: string;
  readonly channel: string;
  readonly amplitude: number;
  /** Whether it is of a kind that is recorded: an event, a broadcast or a command. */
  readonly isKept: boolean;
}

const LAST_KEPT_KIND = 2;
const FLAGS_BYTES = 4;
const EMITTED_AT_BYTES = 8;
const scanner = new Scanner();

/** What the body from `at` to `end` says; `undefined`: it is no wave. */
export function glanceAt(buffer: Buffer, at: number, end: number): Glance | undefined {
  try {
    scanner.put(buffer, at, end);
    scanner.skip(2);
    const isKept = scanner.u8() <= LAST_KEPT_KIND;
    scanner.skip(1);
    const stampEnd = scanner.u16() + scanner.at;
    const channel = scanner.text();
    scanner.put(buffer, stampEnd, end);
    scanner.skip(FLAGS_BYTES);
    const amplitude = scanner.f64();
    scanner.skip(EMITTED_AT_BYTES);
    return { id: scanner.text(), channel, amplitude, isKept };
  } catch (error) {
    if (error instanceof Malformed) {
      return undefined;
    }
    throw error;
  }
}
