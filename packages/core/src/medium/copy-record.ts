/** Copying: the waves of one record into another, such as from a journal into JetStream, and back. */

import { systemClock } from "../clock.ts";
import { AetherError, expected } from "../errors.ts";
import { DEFAULT_PHYSICS } from "../physics/physics.ts";
import type { Link, Medium } from "./medium.ts";
import type { Recorder, RecordQuery } from "./recorder.ts";

/** What is copied, and who is told. */
export interface CopyRecordOptions extends RecordQuery {
  /** How many waves are on their way at a time. Default 64; 1 keeps their order also where some have to be tried again. */
  readonly inFlight?: number | undefined;
  /** How long one wave may take, in milliseconds. Default 30,000. */
  readonly timeoutMs?: number | undefined;
  /** Told when all up to a wave are kept. */
  readonly onProgress?: ((progress: CopyProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How far a copy has come. */
export interface CopyProgress {
  readonly copied: number;
  /** Position, in the record that is read, up to which all is kept; a copy that goes on begins there. */
  readonly position: string | undefined;
}

const OPTIONS: { readonly [K in keyof Required<CopyRecordOptions>]: true } = {
  pattern: true,
  from: true,
  to: true,
  minAmplitude: true,
  inFlight: true,
  timeoutMs: true,
  onProgress: true,
  signal: true,
};
const IN_FLIGHT = 64;
const TIMEOUT_MS = 30_000;

/**
 * Records the waves of `from` in `to`, in their order and under their ids: done again, it keeps nothing twice that `to` still
 * knows. `pattern` is declared at `to` where it is not recorded there; a wave on a channel that is not recorded there
 * otherwise is refused with `AETHER_UNSUPPORTED`. Groups that follow at `to` handle what comes.
 */
export async function copyRecord(
  from: Pick<Recorder, "read">,
  to: Pick<Recorder, "declare" | "records" | "record">,
  options: CopyRecordOptions = {},
): Promise<CopyProgress> {
  assertArguments(from, to, options);
  const { inFlight = IN_FLIGHT, timeoutMs = TIMEOUT_MS, onProgress, signal, ...query } = options;
  if (!(Number.isInteger(inFlight) && inFlight > 0)) {
    throw expected("inFlight", "a whole number above 0", inFlight);
  }
  if (!(typeof timeoutMs === "number" && timeoutMs > 0)) {
    throw expected("timeoutMs", "a number of milliseconds above 0", timeoutMs);
  }
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw expected("onProgress", "a function", onProgress);
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw expected("signal", "an AbortSignal", signal);
  }
  signal?.throwIfAborted();
  if (query.pattern !== undefined && !to.records(query.pattern)) {
    await to.declare([query.pattern]);
  }
  const isDeclared = query.pattern !== undefined;
  let progress: CopyProgress = { copied: 0, position: undefined };
  const running: { readonly position: string; readonly kept: Promise<string> }[] = [];
  const settleOne = async (): Promise<void> => {
    const one = running.shift();
    if (one !== undefined) {
      await one.kept;
      progress = { copied: progress.copied + 1, position: one.position };
      onProgress?.(progress);
    }
  };
  try {
    for await (const { position, wave } of from.read(query)) {
      signal?.throwIfAborted();
      if (!isDeclared && !to.records(wave.channel)) {
        throw notRecorded(wave.channel);
      }
      const kept = to.record(wave, systemClock.monotonic() + timeoutMs);
      kept.catch(() => undefined); // Whoever waits for it is told below.
      running.push({ position, kept });
      if (running.length >= inFlight) {
        await settleOne();
      }
    }
    while (running.length > 0) {
      signal?.throwIfAborted();
      await settleOne();
    }
  } finally {
    await Promise.allSettled(running.map(({ kept }) => kept));
  }
  return progress;
}

/** Throws `AETHER_BAD_OPTION` unless there is something to read, something to record in, and no other option than those. */
function assertArguments(from: unknown, to: unknown, options: CopyRecordOptions): void {
  if (!canDo(from, ["read"])) {
    throw expected("from", "a recorder or a journal", from);
  }
  if (!canDo(to, ["declare", "records", "record"])) {
    throw expected("to", "a recorder, such as that of `openRecorder(journal.over(inProcess()))`", to);
  }
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw expected("options of copyRecord", "an object", options);
  }
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(OPTIONS, name)) {
      throw expected("options of copyRecord", `only ${Object.keys(OPTIONS).join(", ")}`, name);
    }
  }
}

function canDo(value: unknown, names: readonly string[]): boolean {
  return (
    typeof value === "object" && value !== null && names.every((name) => typeof Reflect.get(value, name) === "function")
  );
}

function notRecorded(channel: string): AetherError {
  return new AetherError(
    "AETHER_UNSUPPORTED",
    `Expected "${channel}" to be recorded where it is copied to, got a channel that nobody has declared there. Declare it, or name a \`pattern\`.`,
    { details: { option: "pattern", channel } },
  );
}

/** A recorder that somebody has opened for itself. */
export interface OpenRecorder extends AsyncDisposable {
  readonly recorder: Recorder;
  close(): Promise<void>;
}

/** The recorder of `medium`, on a link of its own: to read, to copy, to see and drop groups without an aether. */
export async function openRecorder(medium: Medium): Promise<OpenRecorder> {
  if (!canDo(medium, ["open"])) {
    throw expected("medium", "a medium that records, such as journal.over(inProcess())", medium);
  }
  const { perHop, minAmplitude, maxLifetimeMs } = DEFAULT_PHYSICS;
  const wallOffsetMs = systemClock.now() - systemClock.monotonic();
  const surroundings = { clock: systemClock, perHop, minAmplitude, maxLifetimeMs, wallOffsetMs };
  const link: Link = await medium.open({
    connected: () => undefined,
    disconnected: () => undefined,
    interest: () => undefined,
    reflected: () => undefined,
    moment: () => ({ at: systemClock.monotonic(), surroundings }),
  });
  const { recorder } = link;
  if (recorder === undefined) {
    await link.close();
    throw new AetherError(
      "AETHER_UNSUPPORTED",
      `Expected a medium that records, got "${medium.name}". Put a journal over it, or use JetStream.`,
      { details: { medium: medium.name } },
    );
  }
  const close = (): Promise<void> => link.close();
  return { recorder, close, [Symbol.asyncDispose]: close };
}
