/** A reflection: a wave that came back to its emitter because it was refused or failed. docs/physics.md §7. */

import type { ErrorCode } from "../errors.ts";
import { invertedPhase } from "../physics/reflection.ts";
import { isWithin } from "./codec.ts";
import type { ReflectCause, ReflectCode } from "./exchange.ts";
import { partsOf, Wave, type WaveInit } from "./wave.ts";

/** What a reflection tells. */
export interface ReflectionPayload {
  readonly code: ReflectCode;
  readonly error: ErrorCode;
  /** At most 512 characters. */
  readonly message: string;
  /** Whether the same wave may succeed later. */
  readonly retryable: boolean;
  /** Milliseconds after which that is worth a try, where the one who sent it back knows. */
  readonly retryAfterMs?: number | undefined;
  /** What the wave carried: of commands and queries unless they said no, of others if they asked; at most 8 KiB. */
  readonly body?: unknown;
}

/** A wave of kind `reflection` on `$reflection.<sourceId>`; `cause` is the id of the wave that came back. */
export class Reflection extends Wave<ReflectionPayload> {
  readonly #of: string;
  readonly #on: string;

  constructor(init: WaveInit<ReflectionPayload> & { readonly of: string; readonly on: string }) {
    super(partsOf(init));
    this.#of = init.of;
    this.#on = init.on;
  }

  /** Id of the wave that came back. */
  get of(): string {
    return this.#of;
  }

  /** Channel of the wave that came back. */
  get on(): string {
    return this.#on;
  }

  get code(): ReflectCode {
    return this.payload.code;
  }

  /** The same as a code of the table of errors. */
  get error(): ErrorCode {
    return this.payload.error;
  }

  /** Name of the vibrator that sent it back. */
  get by(): string {
    return this.source;
  }

  get message(): string {
    return this.payload.message;
  }

  get retryable(): boolean {
    return this.payload.retryable;
  }

  /** Milliseconds after which another try is worth it, where that is known. */
  get retryAfterMs(): number | undefined {
    return this.payload.retryAfterMs;
  }

  /** The payload of the wave that came back, where it came with it. */
  get body(): unknown {
    return this.payload.body;
  }
}

Object.freeze(Reflection.prototype);

const LONGEST_MESSAGE = 512;
const MOST_BODY_BYTES = 8192;

/**
 * `wave` as it comes back to its emitter at `now` (monotonic milliseconds): never louder than it was, phase turned
 * by π, one hop further; with its payload, if that is to come back and has at most 8 KiB. `undefined` for a
 * reflection: nothing reflects twice. docs/physics.md §7.
 */
export function reflect(wave: Wave, cause: ReflectCause, now: number): Reflection | undefined {
  if (wave.kind === "reflection") {
    return undefined;
  }
  const { by, byId, code, error, message, retryable, retryAfterMs } = cause;
  const { weight, key } = wave;
  return new Reflection({
    id: `${wave.id}!${byId}`,
    of: wave.id,
    on: wave.channel,
    channel: `$reflection.${wave.sourceId}`,
    kind: "reflection",
    payload: {
      code,
      error,
      message: message.slice(0, LONGEST_MESSAGE),
      retryable,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
      ...(wave.reflectsBody && isWithin(wave.payload, MOST_BODY_BYTES) && { body: wave.payload }),
    },
    amplitude: wave.amplitudeAt(now),
    origin: { source: by, sourceId: byId },
    moment: { at: now, surroundings: wave.surroundings },
    halfLifeMs: wave.halfLifeMs,
    hops: wave.hops + 1,
    cause: wave.id,
    trace: wave.trace,
    bytes: wave.bytes,
    extras: { phase: invertedPhase(wave.phase), weight, key },
  });
}
