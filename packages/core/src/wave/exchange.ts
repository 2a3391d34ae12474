/** The way back of a command or query: what those who hear it tell the one who emitted it. */

import { ERRORS, type ErrorCode } from "../errors.ts";

/** Why a wave came back. docs/physics.md §7 says what each means. */
export type ReflectCode = "error" | "rejected" | "overload" | "expired" | "no-receiver" | "loop" | "unauthorised";

/** Who tells something: a vibrator's name and instance. */
export interface Teller {
  readonly by: string;
  readonly byId: string;
}

/** Why a hearer did not handle a command or query. */
export interface Refusal extends Teller {
  readonly code: "AETHER_SHED" | "AETHER_DRAINING" | "AETHER_UNAUTHORISED" | "AETHER_EXHAUSTED" | "AETHER_FADED";
  /** The noise floor of the hearer. */
  readonly floor?: number | undefined;
  readonly retryAfterMs?: number | undefined;
}

/** What a refusal is as the cause of a reflection. */
const REFLECTED: Readonly<Record<Refusal["code"], ReflectCode>> = {
  AETHER_SHED: "overload",
  AETHER_DRAINING: "no-receiver",
  AETHER_UNAUTHORISED: "unauthorised",
  AETHER_EXHAUSTED: "loop",
  AETHER_FADED: "expired",
};

/** The cause of the reflection of a wave that was refused, or given back, for `why`. docs/physics.md §7. */
export function causeOfRefusal({ by, byId, code, retryAfterMs }: Refusal): ReflectCause {
  const message = `${by} gave it back: ${code}`;
  return { by, byId, code: REFLECTED[code], error: code, message, retryable: ERRORS[code].retryable, retryAfterMs };
}

/** What a handler returned. */
export interface Answer extends Teller {
  readonly payload: unknown;
}

/** Why a wave came back, and from where. */
export interface ReflectCause extends Teller {
  readonly code: ReflectCode;
  /** The same as a code of the table of errors. */
  readonly error: ErrorCode;
  readonly message: string;
  /** Whether the same wave may succeed later. */
  readonly retryable: boolean;
  readonly retryAfterMs?: number | undefined;
}

/**
 * One command or query on its way. A medium hands it to every hearer, across a network as a stand-in of its own.
 * A hearer calls `refused`; or `admitted`, once it is in the inbox, and then exactly one of `answered`, `silent`,
 * `returned` and `reflected`.
 */
export interface Exchange {
  /** When the emitter stops waiting, in milliseconds on this process's monotonic clock. */
  readonly deadline: number;
  /** Whether the emitter has stopped waiting: nothing that a hearer does for it now is of use. */
  readonly over: boolean;
  /** The medium has found out that `groups` groups have it, or that nobody does: nobody else will tell anything. */
  reached(groups: number): void;
  /** Not taken into the inbox. */
  refused(why: Refusal): void;
  /** Taken into the inbox. */
  admitted(by: Teller): void;
  answered(answer: Answer): void;
  /** Handled, with no answer. */
  silent(by: Teller): void;
  /** Taken, and given back without being handled. */
  returned(why: Refusal): void;
  /** It failed at the hearer. */
  reflected(cause: ReflectCause): void;
  /** Calls `listener` with the reason once the emitter stops waiting; returns the undo. */
  onOver(listener: (reason: unknown) => void): () => void;
}
