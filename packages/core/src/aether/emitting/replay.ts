/** Replay: the waves of a record once more, at their old pace or another one, marked as what they are. */

import { AetherError, expected } from "../../errors.ts";
import type { Recorder, RecordQuery } from "../../medium/recorder.ts";
import { assertChannelName } from "../../wave/channel-name.ts";
import type { Ids } from "../../wave/ids.ts";
import { type Moment, Wave } from "../../wave/wave.ts";
import type { Deadlines } from "../deadlines.ts";
import { assertKnown, signalOf } from "../options.ts";

/** What a replay reads: a recorder, or a journal, also one that is only read. */
export type ReplaySource = Pick<Recorder, "read">;

/** Options of `replay`. Without a bound, all of the record is emitted once more. */
export interface ReplayOptions extends RecordQuery {
  /** 1 (default): at the pace at which they were emitted; 10: ten times as fast; `"full"`: as fast as they are taken. */
  readonly speed?: number | "full" | undefined;
  /** They leave on `<prefix>.<channel>`. Default: on their own channels, where they are handled once more. */
  readonly prefix?: string | undefined;
  /** Told after each wave. */
  readonly onProgress?: ((progress: ReplayProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How far a replay has come. */
export interface ReplayProgress {
  /** Id of this replay, which each of its waves bears as the header `aether-replay`. */
  readonly replay: string;
  readonly replayed: number;
  /** Position of the last wave in the record; `undefined`: none was found. */
  readonly position: string | undefined;
}

/** The header that marks a replayed wave: the id of the replay. Its `cause` is the id of the wave it repeats. */
export const REPLAY_HEADER = "aether-replay";
/** The header with the position in the record that a replayed wave was read from. */
export const REPLAY_POSITION_HEADER = "aether-replay-position";

/** What a replay needs of an aether. */
export interface ReplayParts {
  readonly ids: Ids;
  readonly deadlines: Deadlines;
  readonly maxChannelLength: number;
  readonly onClose: Set<() => void>;
  moment(): Moment;
  /** Emits a wave that is complete. */
  emit(wave: Wave): Promise<unknown>;
}

const OPTIONS: { readonly [K in keyof Required<ReplayOptions>]: true } = {
  pattern: true,
  from: true,
  to: true,
  minAmplitude: true,
  speed: true,
  prefix: true,
  onProgress: true,
  signal: true,
};

/** Emits what `source` holds once more. Resolves when all has left; rejects with the reason of the signal. */
export async function replay(
  source: ReplaySource,
  options: ReplayOptions,
  parts: ReplayParts,
): Promise<ReplayProgress> {
  assertKnown(options, OPTIONS, "replay");
  const { pattern, from, to, minAmplitude, speed = 1, prefix, onProgress } = options;
  const signal = signalOf(options.signal);
  if (typeof source?.read !== "function") {
    throw expected("source", "a recorder or a journal", source);
  }
  if (speed !== "full" && !(typeof speed === "number" && speed > 0 && Number.isFinite(speed))) {
    throw expected("speed", 'a number above 0, or "full"', speed);
  }
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw expected("onProgress", "a function", onProgress);
  }
  if (prefix !== undefined) {
    assertChannelName(prefix, parts.maxChannelLength);
  }
  signal?.throwIfAborted();
  const id = parts.ids.next();
  let progress: ReplayProgress = { replay: id, replayed: 0, position: undefined };
  let first: { readonly emittedAt: number; readonly at: number } | undefined;
  for await (const { position, wave } of source.read({ pattern, from, to, minAmplitude })) {
    signal?.throwIfAborted();
    if (wave.kind !== "event" && wave.kind !== "broadcast" && wave.kind !== "command") {
      continue; // What somebody waited for, or what came back: nobody waits for it now.
    }
    const { at } = parts.moment();
    first ??= { emittedAt: wave.emittedAt, at };
    if (speed !== "full") {
      await until(first.at + (wave.emittedAt - first.emittedAt) / speed - at, signal, parts);
    }
    const channel = prefix === undefined ? wave.channel : `${prefix}.${wave.channel}`;
    assertChannelName(channel, parts.maxChannelLength);
    await parts.emit(again(wave, { id: parts.ids.next(), replay: id, channel, position, moment: parts.moment() }));
    progress = { replay: id, replayed: progress.replayed + 1, position };
    onProgress?.(progress);
  }
  return progress;
}

/** What a replayed wave has of its own. */
interface Anew {
  readonly id: string;
  readonly replay: string;
  readonly channel: string;
  readonly position: string;
  readonly moment: Moment;
}

/** `wave` as it leaves once more: as loud as at first, under a new id, so that nobody takes it for a repetition. */
function again(wave: Wave, { id, replay: run, channel, position, moment }: Anew): Wave {
  const { phase, weight, gain, key, version } = wave;
  const headers = { ...wave.headers, [REPLAY_HEADER]: run, [REPLAY_POSITION_HEADER]: position };
  return Wave.of({
    ...wave.toInit(),
    ...{ id, channel, moment, cause: wave.id },
    // Nobody waits for a command of the past.
    kind: wave.kind === "broadcast" ? "broadcast" : "event",
    extras: { phase, weight, gain, key, version, headers },
  });
}

/** Resolves after `delayMs`, at once where that is past. */
async function until(delayMs: number, signal: AbortSignal | undefined, parts: ReplayParts): Promise<void> {
  if (delayMs <= 0) {
    return;
  }
  const undos: (() => void)[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      undos.push(parts.deadlines.after(delayMs, resolve));
      const abort = (): void => reject(signal?.reason);
      const close = (): void =>
        reject(new AetherError("AETHER_CLOSED", "Expected an open aether, got one that was closed during a replay"));
      signal?.addEventListener("abort", abort, { once: true });
      parts.onClose.add(close);
      undos.push(() => signal?.removeEventListener("abort", abort));
      undos.push(() => parts.onClose.delete(close));
    });
  } finally {
    for (const undo of undos) {
      undo();
    }
  }
}
