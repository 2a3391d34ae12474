/** Tails: a journal in its order, and on with what is appended. */

import { AetherError, type Moment, matches, type TailQuery, type TailStep } from "@aether/core";
import { WaveBodies } from "../body/wave-body.ts";
import { badPosition, damaged } from "../failures.ts";
import type { Log } from "../log/log.ts";
import type { LogReader } from "../log/log-reader.ts";
import { KIND, RECORD_HEAD } from "../log/record-format.ts";
import { placeOf, positionOf } from "../position.ts";

/** What a tail works with. */
export interface TailParts {
  readonly log: Log;
  readonly directory: string;
  moment(): Moment;
  /** Throws `AETHER_CLOSED` once the link is closed. */
  assertOpen(): void;
}

/** As `Recorder.tail`. */
export async function journalTail(
  query: TailQuery,
  signal: AbortSignal,
  parts: TailParts,
): Promise<AsyncIterable<TailStep>> {
  const { log } = parts;
  const { patterns, after } = query;
  if (after !== undefined) {
    const { sequence } = await log.locate(after);
    return steps(patterns, sequence, signal, parts);
  }
  const before = log.segments[0]?.header.before ?? 0;
  if (before > 0) {
    throw badPosition("the first wave", "gone", `after ${before}: what came before was deleted`);
  }
  return steps(patterns, 0, signal, parts);
}

async function* steps(
  patterns: readonly string[],
  after: number,
  signal: AbortSignal,
  parts: TailParts,
): AsyncGenerator<TailStep> {
  const { log } = parts;
  const bodies = new WaveBodies({});
  let last = after;
  /** Where it has come since the last step. */
  let passed: string | undefined;
  let reader: LogReader | undefined;
  const stop = aborting(signal);
  try {
    while (!signal.aborted) {
      parts.assertOpen();
      log.assertOpen();
      reader ??= log.reader((mark) => mark.sequence <= after);
      if (reader?.step() === true) {
        last = reader.sequence;
        const position = positionOf(log.epoch, last, reader.check);
        const step = stepOf(reader, position, patterns, bodies, parts);
        passed = step === undefined ? position : undefined;
        if (step !== undefined) {
          yield step;
        }
      } else if ((await reader?.load()) !== true) {
        if (passed !== undefined) {
          yield { position: passed };
          passed = undefined;
        }
        await Promise.race([log.grown(last), stop.aborted]);
      }
    }
  } finally {
    stop.forget();
    await reader?.close();
  }
}

/** What the reader stands on; `undefined`: nothing that is asked for. */
function stepOf(
  { kind, window, at, length }: LogReader,
  position: string,
  patterns: readonly string[],
  bodies: WaveBodies,
  { directory, moment }: TailParts,
): TailStep | undefined {
  if (kind !== KIND.wave) {
    return undefined;
  }
  const wave = bodies.read(window, at + RECORD_HEAD, at + length, moment(), { position });
  if (wave === null) {
    throw damaged({ file: directory, offset: at, what: `a wave that this version cannot read (${position})` });
  }
  const isAsked = wave !== undefined && patterns.some((pattern) => matches(pattern, wave.channel));
  return isAsked && wave.kind !== "query" ? { position, wave } : undefined;
}

function aborting(signal: AbortSignal): { readonly aborted: Promise<void>; forget(): void } {
  let wake = (): void => undefined;
  const aborted = new Promise<void>((resolve) => (wake = resolve));
  signal.addEventListener("abort", wake, { once: true });
  return { aborted, forget: () => signal.removeEventListener("abort", wake) };
}

/** As `Recorder.compare`. */
export function comparePlaces(one: string, other: string): number {
  const [first, second] = [placeOf(one), placeOf(other)];
  if (first.epoch !== second.epoch) {
    throw badPosition(one, "epoch", `one of journal ${second.epoch}`);
  }
  if (first.sequence === second.sequence && first.check !== second.check) {
    throw badPosition(one, "changed", "one of the journal as it is now: another history stands there");
  }
  return first.sequence - second.sequence;
}

/** The refusal of whoever comes too late. */
export function closedLink(): AetherError {
  return new AetherError("AETHER_CLOSED", "Expected an open link over a journal, got a closed one");
}
